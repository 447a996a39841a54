// Runs task.js for the tests: a list of cases comes in as JSON, what their calls gave goes out.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const KINDS = { Float32Array, Float64Array };
const number = (x) => (Number.isFinite(x) ? x : String(x));
const shown = (value) => {
  if (ArrayBuffer.isView(value)) return Array.from(value, number);
  return typeof value === "number" ? number(value) : value;
};
const given = (value) =>
  value?.kind ? KINDS[value.kind].from(value.values.map(Number)) : value;

const results = [];
for (const each of JSON.parse(readFileSync(0))) {
  const { module, kernels, compiled, counts, numbers, parameters, calls } = each;
  try {
    const { workspace } = await import(pathToFileURL(module));
    const options = { numbers: KINDS[numbers] ?? numbers };
    if (compiled) {
      const { webassembly } = await import(pathToFileURL(kernels));
      options.compiled = await webassembly(...compiled.map((file) => readFileSync(file)));
    }
    const ws = workspace(counts, options);
    ws.parameters.set(parameters.map(Number));
    results.push(calls.map(([name, ...list]) => {
      try {
        const value = shown(ws[name](...list.map(given)));
        return { value, gradient: shown(ws.gradient) };
      } catch (error) {
        return { error: error.message };
      }
    }));
  } catch (error) {
    results.push({ error: error.message });
  }
}
process.stdout.write(JSON.stringify(results));
