// Functions that were compiled, in the place of those of a task.js: `compiled` of its workspace.
//
//     const compiled = await webassembly(await (await fetch("native-10.wasm")).arrayBuffer());
//     const ws = workspace({ sizes: [1, 40, 40, 1], tasks, shots: 10, queries: 10 }, { compiled });

export async function webassembly(...files) {
  const functions = {};
  for (const bytes of files) {
    const module = await WebAssembly.compile(bytes);
    const [section] = WebAssembly.Module.customSections(module, "maml");
    const known = JSON.parse(new TextDecoder().decode(section));
    functions[known.function] = (numbers, sizes) => prepare(module, known, numbers, sizes);
  }
  return functions;
}

function prepare(module, known, numbers, { T, N, M, D, O, ...hidden }) {
  const given = [numbers.name, N, M, D, ...Object.values(hidden).filter(Boolean), O];
  const wanted = [known.numbers, known.shots, known.queries, ...known.sizes];
  if (String(given) !== String(wanted))
    throw new RangeError(`the workspace is of ${given}; for this .wasm it must be of ${wanted}`);

  const { memory, room, run, __heap_base } = new WebAssembly.Instance(module).exports;
  const weights = known.sizes.slice(1).reduce((n, size, at) => n + (known.sizes[at] + 1) * size, 0);
  let top = __heap_base.value;
  const take = (count, bytes = 4) => {
    const at = Math.ceil(top / 64) * 64;
    top = at + count * bytes;
    return at;
  };
  const [values, losses, context] = [take(8, 8), take(1, 8), take(Number(room()))];
  const [vector, gradient] = [take(2 * weights), take(2 * weights)];
  const data = [[N, D], [N, O], [M, D], [M, O]].map(([rows, columns]) => take(T * rows * columns));
  memory.grow(Math.max(0, Math.ceil((top - memory.buffer.byteLength) / 65536)));

  return { run(parameters, result, given, ...arrays) {
    new Float64Array(memory.buffer, values).set(given);
    const floats = new Float32Array(memory.buffer);
    floats.set(parameters, vector / 4);
    arrays.forEach((array, at) => floats.set(array, data[at] / 4));
    const rates = vector + 4 * weights;
    run(0, 1, 1, BigInt(T), values, vector, rates, ...data, gradient, losses, context);
    result.set(floats.subarray(gradient / 4, gradient / 4 + result.length));
    return new Float64Array(memory.buffer, losses, 1)[0] / T;
  } };
}
