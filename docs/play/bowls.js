// Tasks whose losses are bowls over two weights: steps into them, the way back, and their lines.
//
// Every number is computed by generated/linear/equations.js. A task is two support samples, whose
// inputs give its loss the curvatures that are asked for along turned axes, and its query samples.

import { equations, inputs } from "../../generated/linear/equations.js";
import { evaluate, withSizes } from "../../generated/runtime/matrices.js";

const place = (wanted) => equations.findIndex(([name]) => name === wanted);
const STEP = equations.slice(0, place("W1_fast") + 1);
const QUERY = equations.slice(place("Z1_q"), place("W1_fast_bar") + 1);
const BACK = equations.slice(place("dW1_bar"));

const column = (vector) => vector.map((entry) => [entry]);
const vector = (rows) => rows.map(([entry]) => entry);
const sum = (a, b) => a.map((entry, at) => entry + b[at]);
export const scaled = (number, a) => a.map((entry) => number * entry);
export const difference = (a, b) => a.map((entry, at) => entry - b[at]);
export const inner = (a, b) => a.reduce((total, entry, at) => total + entry * b[at], 0);
export const mean = (all) => scaled(1 / all.length, all.reduce(sum));

// --- tasks ---

// Two rows of inputs whose mean square has these curvatures along turned axes, and their targets.
function samples([first, second], turn, [c0, c1]) {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const X = [[first, cos, sin], [second, -sin, cos]].map(([curvature, x, y]) =>
    [x * Math.sqrt(curvature), y * Math.sqrt(curvature)]);
  return [X, X.map(([x, y]) => [x * c0 + y * c1])];
}

export const TURNS = [0.3, -0.5];
export const CENTRES = [[-1.5, -1], [1.5, 1]];
export const CURVATURES = [[3, 0.5], [0.5, 0.8]];

// Its query samples are its support samples where no others are given.
export function task(curvatures, turn, centre, query = [curvatures, turn, centre]) {
  const [X_s, Y_s] = samples(curvatures, turn, centre), [X_q, Y_q] = samples(...query);
  return { X_s, Y_s, X_q, Y_q };
}

// --- steps, and the way back through them ---

const given = (task, weights, alpha = 0) =>
  ({ T: 1, ...withSizes(inputs, { ...task, W1: column(weights), alpha }) });

// One step from weights: the support loss there, its gradient, and the fast weights.
function step(task, weights, alpha) {
  const { loss_s, dW1, W1_fast } = evaluate(STEP, given(task, weights, alpha));
  return { loss: loss_s, gradient: vector(dW1), fast: vector(W1_fast) };
}

export const support = (task, weights) => step(task, weights, 0);

// The weights on the way through the steps, from the first to the last.
export function adapted(task, weights, alpha, steps) {
  const path = [weights];
  for (let k = 0; k < steps; k++) path.push(step(task, path.at(-1), alpha).fast);
  return path;
}

// The query loss at adapted weights, and its gradient there.
export function asked(task, weights) {
  const at = { ...given(task, weights), W1_fast: column(weights) };
  const { loss_q, W1_fast_bar } = evaluate(QUERY, at);
  return { loss: loss_q, gradient: vector(W1_fast_bar) };
}

// An adjoint carried back through one step: multiplied by I - alpha H.
export function back(task, adjoint, alpha) {
  const at = { ...given(task, [0, 0], alpha), W1_fast_bar: column(adjoint) };
  return vector(evaluate(BACK, at).W1_bar);
}

// The v with (I + H / lam) v = right. The way back with -1 / lam in the place of alpha multiplies
// by this matrix, and conjugate gradients need no more of it; for two weights they take two steps.
export function solve(task, right, lam) {
  let found = right.map(() => 0), left = right, along = right;
  for (let k = 0; k < right.length && inner(left, left) > 0; k++) {
    const product = back(task, along, -1 / lam), size = inner(left, left);
    const far = size / inner(along, product);
    found = sum(found, scaled(far, along));
    left = difference(left, scaled(far, product));
    along = sum(left, scaled(inner(left, left) / size, along));
  }
  return found;
}

// Where the support loss plus lam / 2 times the squared distance from the weights is smallest.
export const rest = (task, weights, lam) =>
  difference(weights, solve(task, scaled(1 / lam, support(task, weights).gradient), lam));

// --- what four methods step against, for one task ---

const end = (task, weights, { alpha, steps }) => adapted(task, weights, alpha, steps).at(-1);

export const firstOrder = (task, weights, how) => asked(task, end(task, weights, how)).gradient;

export function secondOrder(task, weights, how) {
  let adjoint = firstOrder(task, weights, how);
  for (let k = 0; k < how.steps; k++) adjoint = back(task, adjoint, how.alpha);
  return adjoint;
}

// Reptile has no gradient: it goes toward where the steps have ended.
export const reptile = (task, weights, how) => difference(weights, end(task, weights, how));

export const implicit = (task, weights, { lambda }) =>
  solve(task, asked(task, rest(task, weights, lambda)).gradient, lambda);

// The loss that MAML makes small.
export const metaLoss = (task, weights, how) => asked(task, end(task, weights, how)).loss;

// --- lines ---

// A line around a centre on which half the weighted squares of the axes are the same.
export function ellipse([first, second], turn, [c0, c1], radius) {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return Array.from({ length: 65 }, (_, at) => {
    const angle = (2 * Math.PI * at) / 64;
    const [u, v] = [(radius * Math.cos(angle)) / Math.sqrt(first), (radius * Math.sin(angle)) / Math.sqrt(second)];
    return [c0 + u * cos - v * sin, c1 + u * sin + v * cos];
  });
}

// A field of vectors that is linear but for a constant: its matrix, and where it vanishes.
export function linearised(field) {
  const origin = field([0, 0]);
  const [[a, c], [b, d]] = [[1, 0], [0, 1]].map((axis) => difference(field(axis), origin));
  const determinant = a * d - b * c;
  const zero = [(b * origin[1] - d * origin[0]) / determinant, (c * origin[0] - a * origin[1]) / determinant];
  return { matrix: [[a, b], [c, d]], zero };
}

// The axes of a bowl whose gradient is such a field: its curvatures, and how far they are turned.
export function axes([[a, b], [, d]]) {
  const turn = Math.atan2(2 * b, a - d) / 2, [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const along = (x, y) => a * x * x + 2 * b * x * y + d * y * y;
  return { curvatures: [along(cos, sin), along(-sin, cos)], turn };
}
