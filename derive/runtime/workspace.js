// What every task.js offers: the functions of a network on flat arrays, every argument checked.
//
// Arrays are row-major, those of a meta-batch with one task after another. `parameters` has the
// weights and biases layer by layer and then the step sizes that are learned, as `parameters` of a
// workspace in Python has, and so has `gradient`.

export const prepared = (network) => (counts, { numbers = Float32Array, compiled = {} } = {}) => {
  const of = checkedSizes(network, counts, numbers);
  const { T, N, M, D, O } = of, length = network.weights(of);
  const parameters = new numbers(length + network.rates(of));
  const gradient = new numbers(parameters.length), made = {};

  // A function for some rows of a task: it is made again where there are others.
  const prepare = (name, rows) => {
    if (made[name]?.rows !== rows) {
      const make = compiled[name] ?? network.functions[name];
      made[name] = { rows, ...make(numbers, { ...of, N: rows }) };
    }
    return made[name].run;
  };
  const check = (name, array, wanted) => {
    if (!(array instanceof numbers) || array.length !== wanted)
      throw new TypeError(`${name} is ${said(array)}; it must be a ${numbers.name} of ${wanted}`);
  };
  const rowsOf = (name, X) => {
    if (!(X instanceof numbers) || !X.length || X.length % D)
      throw new TypeError(`${name} is ${said(X)}; it must be a ${numbers.name} of rows of ${D}`);
    return X.length / D;
  };
  const meta = (name) => (X_s, Y_s, X_q, Y_q, ...given) => {
    check("X_s", X_s, T * N * D);
    check("Y_s", Y_s, T * N * O);
    check("X_q", X_q, T * M * D);
    check("Y_q", Y_q, T * M * O);
    const values = checkedNumbers(network, network.numbers, given);
    return prepare(name, N)(parameters, gradient, values, X_s, Y_s, X_q, Y_q);
  };

  return {
    parameters,
    weights: parameters.subarray(0, length),
    rates: parameters.subarray(length),
    gradient,

    // The loss is returned, and its gradient is in `gradient`.
    metaLossAndGradient: meta("metaLossAndGradient"),
    ...(network.steps === 1 && {
      firstOrderMetaLossAndGradient: meta("firstOrderMetaLossAndGradient"),
    }),
    lossAndGradient(X, Y, ...given) {
      const rows = rowsOf("X", X);
      check("Y", Y, rows * O);
      const names = network.numbers.filter((name) => name === "lam");
      const values = checkedNumbers(network, names, given);
      gradient.fill(0, length);
      return prepare("lossAndGradient", rows)(parameters, gradient, values, X, Y);
    },

    // Outputs of rows. Other parameters may be given, such as those that `adapt` returns.
    predict(X, others = parameters) {
      const rows = rowsOf("X", X), found = new numbers(rows * O);
      check("parameters", others, parameters.length);
      prepare("predict", rows)(others, found, [], X);
      return found;
    },

    // The parameters after steps on one support set; after the last set of step sizes it goes on.
    adapt(X_s, Y_s, ...given) {
      const rows = rowsOf("X_s", X_s), names = network.numbers.filter((name) => name !== "omegas");
      check("Y_s", Y_s, rows * O);
      const values = checkedNumbers(network, names, given.slice(0, names.length));
      const [steps = network.sets, others = parameters] = given.slice(names.length);
      if (!Number.isInteger(steps) || steps < 0)
        throw new RangeError(`steps is ${said(steps)}; it must be a whole number, at least 0`);
      check("parameters", others, parameters.length);
      const found = others.slice(), step = prepare("innerStep", rows);
      for (let k = 0; k < steps; k++)
        step(found, found, values, X_s, Y_s, Math.min(k, network.sets - 1));
      return found;
    },

    // The matrices of one of these functions, as its last task or step has left them, by name.
    quantities: (name) => made[name === "adapt" ? "innerStep" : name]?.quantities,
  };
};

function checkedSizes({ layers, context: hasContext }, counts, numbers) {
  if (numbers !== Float32Array && numbers !== Float64Array)
    throw new TypeError(`numbers is ${said(numbers)}; it must be Float32Array or Float64Array`);
  const { sizes, tasks, shots, queries, context } = counts ?? {};
  const many = layers + 1;
  if (!Array.isArray(sizes) || sizes.length !== many)
    throw new TypeError(`sizes is ${said(sizes)}; it must be ${many} layer sizes, inputs first`);
  const whole = { tasks, shots, queries, ...(hasContext && { context }) };
  sizes.forEach((size, at) => { whole[`sizes[${at}]`] = size; });
  for (const [name, value] of Object.entries(whole))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${name} is ${said(value)}; it must be a whole number, at least 1`);
  const hidden = sizes.slice(1, -1).map((size, at) => [`L${at + 1}`, size]);
  const rest = { T: tasks, N: shots, M: queries, C: context, D: sizes[0], O: sizes.at(-1) };
  return { ...rest, ...Object.fromEntries(hidden) };
}

// What is given beside the arrays, as one list of numbers.
function checkedNumbers({ steps }, names, given) {
  if (given.length !== names.length) {
    const wanted = names.join(", ") || "nothing";
    throw new TypeError(`beside the arrays ${said(given)} is given; it must be ${wanted}`);
  }
  return names.flatMap((name, at) => {
    const value = given[at];
    if (name === "omegas") {
      const fits = Array.isArray(value) && value.length === steps && value.every(Number.isFinite);
      if (!fits || !value.some(Boolean))
        throw new RangeError(`omegas is ${said(value)}; it must be ${steps} numbers, not all 0`);
    } else if (!Number.isFinite(value) || value < 0)
      throw new RangeError(`${name} is ${said(value)}; it must be a finite number, at least 0`);
    return value;
  });
}

function said(value) {
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.length}`;
  if (Array.isArray(value)) return `[${value.map(said).join(", ")}]`;
  if (typeof value === "function") return value.name || "a function";
  return typeof value === "string" ? `'${value}'` : String(value);
}
