// Meta-training as docs/experiment does it: tasks, a gradient, a step of Adam, again and again.
//
// The gradients are those of the generated modules, compiled where there is something compiled for
// the sizes.

import { workspace as metaSgd } from "../../generated/meta_sgd/task.js";
import { workspace as relu2 } from "../../generated/relu2/task.js";
import { adam } from "./adam.js";
import { stream } from "./random.js";
import { GRID, glorot, sampler, sinusoid } from "./sinusoids.js";

// What can be trained: the network, its name in Python, and the function that gives the gradient.
export const METHODS = {
  "maml": {
    title: "MAML", network: relu2, package: "relu2", gives: "metaLossAndGradient",
    says: "Second order: the gradient goes back through the step. So the weights learn how a step will change them.",
  },
  "first-order": {
    title: "first order", network: relu2, package: "relu2", gives: "firstOrderMetaLossAndGradient",
    says: "The gradient ends at the weights after the step, as if it had moved them by a constant. The second order is left out.",
  },
  "joint": {
    title: "joint training", network: relu2, package: "relu2", gives: "lossAndGradient",
    says: "No step in training: the weights learn all tasks at once, and what is left to learn is their mean.",
  },
  "meta-sgd": {
    title: "Meta-SGD", network: metaSgd, package: "meta_sgd", gives: "metaLossAndGradient",
    learnsRates: true,
    says: "Second order, and a step size for every weight, which is learned with it.",
  },
};

export const START = {
  method: "maml", shots: 10, tasks: 25, alpha: 0.01, beta: 0.001, width: 40, seed: 0,
};
const HELD_OUT = 50;

export function training(settings, compiled = {}) {
  const { method, shots, tasks, alpha, beta, width, seed } = settings;
  const { network, gives, learnsRates } = METHODS[method], sizes = [1, width, width, 1];
  const ws = network({ sizes, tasks, shots, queries: shots }, { numbers: Float32Array, compiled });
  glorot(seed, sizes, ws.weights);
  ws.rates.fill(alpha);
  const sample = sampler(stream(seed, 1), tasks, shots, shots);
  const update = adam(ws.parameters, { beta }), numbers = learnsRates ? [] : [alpha];
  const held = heldOut(seed, shots);

  // The points of all tasks together, the support points of each before its query points.
  const [X, Y] = [1, 2].map(() => new Float32Array(tasks * 2 * shots));
  function joint([X_s, Y_s, X_q, Y_q]) {
    for (let t = 0; t < tasks; t++) {
      const [from, to] = [t * shots, (t + 1) * shots];
      for (const [all, s, q] of [[X, X_s, X_q], [Y, Y_s, Y_q]]) {
        all.set(s.subarray(from, to), 2 * from);
        all.set(q.subarray(from, to), 2 * from + shots);
      }
    }
    return ws.lossAndGradient(X, Y);
  }

  return {
    iteration: 0,
    parameters: ws.parameters,
    step() {
      const batch = sample();
      const loss = gives === "lossAndGradient" ? joint(batch) : ws[gives](...batch, ...numbers);
      update(ws.gradient);
      this.iteration += 1;
      return loss;
    },
    // The mean squared error on unseen tasks, after one step on the support set of each.
    error() {
      let sum = 0;
      for (const { X_s, Y_s, amplitude, phase } of held) {
        const found = ws.predict(GRID, ws.adapt(X_s, Y_s, ...numbers, 1));
        found.forEach((z, at) => { sum += (z - sinusoid(GRID[at], amplitude, phase)) ** 2; });
      }
      return sum / (held.length * GRID.length);
    },
  };
}

// Tasks that no training draws: their stream is that of purpose 2.
function heldOut(seed, shots) {
  const random = stream(seed, 2);
  return Array.from({ length: HELD_OUT }, () => {
    const amplitude = 0.1 + 4.9 * random(), phase = Math.PI * random();
    const X_s = Float32Array.from({ length: shots }, () => 10 * random() - 5);
    return { amplitude, phase, X_s, Y_s: X_s.map((x) => sinusoid(x, amplitude, phase)) };
  });
}
