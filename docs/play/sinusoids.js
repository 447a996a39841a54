// The sinusoids of docs/sinusoid/tasks.py, and the first weights of docs/experiment/networks.py.

import { stream } from "./random.js";

export const AMPLITUDE = [0.1, 5];
export const PHASE = [0, Math.PI];
export const INPUTS = [-5, 5];
// Where predictions are compared with the sinusoid.
export const GRID = Float32Array.from({ length: 100 }, (_, at) => -5 + (10 * at) / 99);

const { fround } = Math;
// Every number has 32 bits, as in numpy.
const within = ([low, high], drawn) =>
  fround(fround(low) + fround(fround(high - low) * fround(drawn)));

export const sinusoid = (x, amplitude, phase) => amplitude * Math.sin(fround(x - phase));

// Meta-batches without end, into the same arrays; every task draws as many numbers.
export function sampler(random, tasks, shots, queries) {
  const [X_s, Y_s, X_q, Y_q] = [shots, shots, queries, queries]
    .map((rows) => new Float32Array(tasks * rows));
  const fill = (X, Y, from, rows, amplitude, phase) => {
    for (let i = from * rows; i < (from + 1) * rows; i++) {
      X[i] = within(INPUTS, random());
      Y[i] = sinusoid(X[i], amplitude, phase);
    }
  };
  return () => {
    for (let t = 0; t < tasks; t++) {
      const amplitude = within(AMPLITUDE, random()), phase = within(PHASE, random());
      fill(X_s, Y_s, t, shots, amplitude, phase);
      fill(X_q, Y_q, t, queries, amplitude, phase);
    }
    return [X_s, Y_s, X_q, Y_q];
  };
}

// Uniform weights of variance 2 / (inputs + outputs) into a vector, layer by layer; biases are 0.
export function glorot(seed, sizes, weights) {
  const random = stream(seed, 0);
  let at = 0;
  sizes.slice(1).forEach((below, layer) => {
    const above = sizes[layer], bound = Math.sqrt(6 / (above + below));
    for (let k = 0; k < above * below; k++) weights[at++] = -bound + 2 * bound * random();
    weights.fill(0, at, (at += below));
  });
}
