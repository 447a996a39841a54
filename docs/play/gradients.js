// Meta-gradients, right and wrong, as docs/diagnose/gradients.py and computations.py have them.
//
// All are made of two functions, which the generated equations compute: the gradient of a loss, and
// its Hessian times a direction. Weights are a list of matrices, W1, b1, W2, ..., as arrays of rows.

import * as crossEntropy from "../../generated/cross_entropy/equations.js";
import * as relu1 from "../../generated/relu1/equations.js";
import * as relu2 from "../../generated/relu2/equations.js";
import * as tanh2 from "../../generated/tanh2/equations.js";
import { evaluate } from "../../generated/runtime/matrices.js";
import { CASES, CONSTANTS } from "./diagnosis.js";

// --- networks ---

// Those equations, in their order, that something is computed by where some values are given.
function needed(equations, given, wanted) {
  const values = { ...given }, used = new Set();
  for (const [name, value] of equations)
    if (!(name in given))
      Object.defineProperty(values, name, {
        configurable: true,
        get() {
          used.add(name);
          const found = value(values);
          Object.defineProperty(values, name, { value: found });
          return found;
        },
      });
  for (const name of wanted) values[name];
  return equations.filter(([name]) => used.has(name));
}

function network({ inputs, equations }) {
  const names = Object.keys(inputs).filter((name) => /^[Wb]\d+$/.test(name)), programs = {};
  const named = (weights, before = "", after = "") =>
    Object.fromEntries(names.map((name, at) => [before + name + after, weights[at]]));
  const computed = (what, given, wanted) => {
    programs[what] ??= needed(equations, given, wanted);
    const values = evaluate(programs[what], given);
    return wanted.map((name) => values[name]);
  };
  const task = (weights, X, Y) =>
    ({ ...named(weights), X_s: X, Y_s: Y, N: X.length, O: Y[0].length });
  return {
    names,
    gradient: (weights, X, Y) =>
      computed("gradient", task(weights, X, Y), names.map((name) => `d${name}`)),
    // Of the meta-gradient this is left where nothing comes back straight on, and `along` through
    // the inner gradient.
    hessianProduct: (weights, along, X, Y) => computed("product", {
      ...task(weights, X, Y), ...named(along, "d", "_bar"),
      ...named(scaled(along, 0), "", "_fast_bar"),
    }, names.map((name) => `${name}_bar`)),
  };
}

const NETWORKS = Object.fromEntries(
  Object.entries({ relu1, relu2, tanh2, cross_entropy: crossEntropy })
    .map(([name, module]) => [name, network(module)]));

// --- cases ---

function decoded({ thousandths, layers, network: name, sizes, ...rest }) {
  const bytes = Uint8Array.from(atob(thousandths), (each) => each.charCodeAt(0));
  const numbers = new Int16Array(bytes.buffer);
  let at = 0;
  const list = (length, make) => Array.from({ length }, make);
  const rows = (height, width) => list(height, () => list(width, () => numbers[at++] / 1000));
  const weights = layers.slice(1).flatMap((below, layer) => [rows(layers[layer], below), rows(1, below)]);
  const [inputs, outputs] = [layers[0], layers.at(-1)];
  const data = Object.fromEntries([["s", sizes.N], ["q", sizes.M]].flatMap(([set, height]) =>
    [["X", inputs], ["Y", outputs]].map(([what, width]) =>
      [`${what}_${set}`, list(sizes.T, () => rows(height, width))])));
  return { ...rest, sizes, weights, data, net: NETWORKS[name] };
}

export const cases = Object.fromEntries(CASES.map((each) => [each.name, decoded(each)]));

const tasks = ({ data: { X_s, Y_s, X_q, Y_q } }) => X_s.map((_, at) => [X_s[at], Y_s[at], X_q[at], Y_q[at]]);
const oneByOne = (of) => of.data.X_s.map((_, at) => ({
  ...of, data: Object.fromEntries(Object.entries(of.data).map(([name, all]) => [name, [all[at]]])),
}));

// --- another problem ---

// The value of a name such as "N O / 2".
export function times(name, sizes) {
  const [above, below] = `${name} / 1`.split(" / ").map((part) =>
    part.split(" ").reduce((product, word) => product * (sizes[word] ?? Number(word)), 1));
  return above / below;
}

const SOME = { all: (list) => list, first: (list) => list.slice(0, 1), last: (list) => list.slice(-1) };

function averaged(Y) {
  const mean = Y[0].map((_, column) => Y.reduce((sum, row) => sum + row[column], 0) / Y.length);
  return Y.map(() => mean);
}

function changed(of, problem) {
  const { support = "s", query = "q", averaged: roles = "", alpha = "1" } = problem;
  const data = {};
  for (const [role, sets, rows = "all"] of
    [["s", support, problem.support_rows], ["q", query, problem.query_rows]]) {
    const joined = (what) => SOME[problem.tasks ?? "all"](of.data.X_s.map((_, task) =>
      SOME[rows]([...sets].flatMap((set) => of.data[`${what}_${set}`][task]))));
    data[`X_${role}`] = joined("X");
    data[`Y_${role}`] = roles.includes(role) ? joined("Y").map(averaged) : joined("Y");
  }
  const found = {
    ...of, data, alpha: times(alpha, of.sizes) * of.alpha, steps: of.steps + (problem.more_steps ?? 0),
  };
  return problem.at_once ? { ...found, steps: 1, alpha: found.alpha * found.steps } : found;
}

// --- step by step ---

const HESSIANS = { every: () => true, none: () => false, first: (step) => step === 0 };
const inHead = ({ net }, name) => name.slice(1) === net.names.at(-1).slice(1);
const ADAPTED = {
  always: () => true,
  matrices: (_, name) => name[0] === "W",
  biases: (_, name) => name[0] === "b",
  head: inHead,
  body: (of, name) => !inHead(of, name),
  above_first: (_, name) => Number(name.slice(1)) > 1,
  above_hidden: ({ weights }, name) => Number(name.slice(1)) > weights.length / 2 - 1,
};
const WAY = {
  hessians: "every", adapted: "always", curvature: 1, momentum: 0, decay: 0, longest: Infinity,
  shrinking: 1, restarts: false, detached: false,
};
const FIRST = { ...WAY, hessians: "none" };

function throughSteps(of, way = WAY) {
  const found = mean(tasks(of).map(([X_s, Y_s, X_q, Y_q]) => {
    const path = forth(of, way, of.weights, X_s, Y_s);
    return back(of, way, path, X_s, Y_s, of.net.gradient(path.at(-1), X_q, Y_q));
  }));
  return way.detached ? projected(of, way, found) : found;
}

// The weights before every inner step, and after the last.
function forth(of, way, start, X, Y) {
  const path = [start];
  let velocity = scaled(start, 0);
  for (let step = 0; step < of.steps; step++) {
    const gradient = innerGradient(of, way, path[step], X, Y);
    velocity = moved(scaled(gradient, clipping(way, gradient)), way.momentum, velocity);
    const before = way.restarts ? start : path[step];
    path.push(moved(before, -of.alpha * way.shrinking ** step, velocity));
  }
  return path;
}

// From an adjoint of the adapted weights to that of the weights before the first step.
function back(of, way, path, X, Y, adjoint) {
  let atStart = scaled(adjoint, 0), velocity = scaled(adjoint, 0);
  for (let step = of.steps - 1; step >= 0; step--) {
    velocity = moved(velocity, -of.alpha * way.shrinking ** step, adjoint);
    let carried = adjoint;
    if (way.restarts) {
      atStart = moved(atStart, 1, adjoint);
      carried = scaled(adjoint, 0);
    }
    if (HESSIANS[way.hessians](step)) {
      let through = velocity;
      if (way.longest < Infinity)
        through = unclipped(way, innerGradient(of, way, path[step], X, Y), velocity);
      through = projected(of, way, through);
      const product = of.net.hessianProduct(path[step], through, X, Y);
      carried = moved(carried, way.curvature, moved(product, way.decay, through));
    }
    [adjoint, velocity] = [carried, scaled(velocity, way.momentum)];
  }
  return moved(adjoint, 1, atStart);
}

const innerGradient = (of, way, at, X, Y) =>
  projected(of, way, moved(of.net.gradient(at, X, Y), way.decay, at));
const clipping = (way, gradient) =>
  Math.min(1, way.longest / Math.max(length(gradient), CONSTANTS.TINY));

// What is clipped has no say along itself.
function unclipped(way, gradient, adjoint) {
  const by = clipping(way, gradient);
  if (by === 1) return adjoint;
  const along = inner(gradient, adjoint) / length(gradient) ** 2;
  return scaled(moved(adjoint, -along, gradient), by);
}

const adapt = (of, steps = of.steps) => (X, Y) => forth({ ...of, steps }, WAY, of.weights, X, Y).at(-1);

const FUNCTIONS = {
  second_order: throughSteps,
  first_order: (of) => throughSteps(of, FIRST),
  through_steps: throughSteps,
  joint: (of) => mean(tasks(of).map(([, , X, Y]) => of.net.gradient(of.weights, X, Y))),
  reptile: (of) => moved(of.weights, -1, mean(tasks(of).map(([X, Y]) => adapt(of)(X, Y)))),
  last_step: (of) => mean(oneByOne(of).map((one) => {
    const [[X, Y]] = tasks(one);
    return throughSteps({ ...one, weights: adapt(of, of.steps - 1)(X, Y), steps: 1 });
  })),
  nothing: (of) => scaled(of.weights, 0),
  leaking(of, way) {
    const all = tasks(of), paths = [];
    for (const [X, Y] of all) paths.push(forth(of, way, paths.at(-1)?.at(-1) ?? of.weights, X, Y));
    return all.reduceRight((adjoint, [X_s, Y_s, X_q, Y_q], at) => {
      const own = of.net.gradient(paths[at].at(-1), X_q, Y_q);
      return back(of, way, paths[at], X_s, Y_s, moved(adjoint, 1 / all.length, own));
    }, scaled(of.weights, 0));
  },
  cut_between_tasks(of) {
    let start = of.weights;
    return mean(oneByOne(of).map((one) => {
      const from = { ...one, weights: start }, [[X, Y]] = tasks(one);
      start = adapt(from)(X, Y);
      return throughSteps(from);
    }));
  },
  adam: (of) => mean(tasks(of).map(([X_s, Y_s, X_q, Y_q]) => {
    let here = of.weights, first = scaled(here, 0), second = scaled(here, 0);
    for (let step = 1; step <= of.steps; step++) {
      const gradient = of.net.gradient(here, X_s, Y_s);
      first = zip(first, gradient, (m, g) => 0.9 * m + 0.1 * g);
      second = zip(second, gradient, (v, g) => 0.999 * v + 0.001 * g ** 2);
      const moves = zip(first, second, (m, v) =>
        m / (1 - 0.9 ** step) / (Math.sqrt(v / (1 - 0.999 ** step)) + 1e-8));
      here = moved(here, -of.alpha, moves);
    }
    return of.net.gradient(here, X_q, Y_q);
  })),
  support_gradients: (of) => mean(tasks(of).map(([X, Y]) =>
    total(forth(of, WAY, of.weights, X, Y).slice(0, -1).map((at) => of.net.gradient(at, X, Y))))),
  of_all_steps: (of, way) => mean(Array.from({ length: of.steps }, (_, before) =>
    throughSteps({ ...of, steps: before + 1 }, way))),
};

// What a hypothesis comes to in a case, as one vector; some of its ways may be another.
export const gradient = (of, { parts }, ways = {}) =>
  flat(total(parts.map(({ function: name, problem, way }) =>
    FUNCTIONS[name](changed(of, problem), way && { ...WAY, ...way, ...ways }))));

// --- arithmetic of weights ---

const zip = (one, other, f) =>
  one.map((a, k) => a.map((row, i) => row.map((entry, j) => f(entry, other[k][i][j]))));
const scaled = (weights, factor) => weights.map((a) => a.map((row) => row.map((entry) => factor * entry)));
const moved = (weights, factor, by) =>
  (factor ? zip(weights, by, (a, b) => a + factor * b) : weights);
const total = (all) => all.reduce((a, b) => moved(a, 1, b));
const mean = (all) => scaled(total(all), 1 / all.length);
const projected = (of, way, weights) => weights.map((a, at) =>
  (ADAPTED[way.adapted](of, of.net.names[at]) ? a : scaled([a], 0)[0]));
const inner = (one, other) => one.reduce((sum, a, k) =>
  sum + a.reduce((part, row, i) => part + dot(row, other[k][i]), 0), 0);
const length = (weights) => Math.sqrt(inner(weights, weights));

export const flat = (weights) => Float64Array.from(weights.flat(2));
export function dot(a, b) {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at] * b[at];
  return sum;
}
