// The networks that adapt on the page: trained weights, and functions of the generated modules.

import { workspace as recipe } from "../../generated/recipe/task.js";
import { workspace as relu2 } from "../../generated/relu2/task.js";
import { GRID, glorot } from "./sinusoids.js";
import { METHODS } from "./training.js";
import { WEIGHTS } from "./weights.js";

const SIZES = [1, 40, 40, 1];

// What it predicts after steps on points: along the grid, and at other places.
function network(make, learnsRates, sizes = SIZES) {
  const ws = make({ sizes, tasks: 1, shots: 1, queries: 1 }, { numbers: Float32Array });
  const after = (X, Y, alpha, steps) => ws.adapt(X, Y, ...(learnsRates ? [] : [alpha]), steps);
  return {
    parameters: ws.parameters,
    along: (...given) => ws.predict(GRID, after(...given)),
    at: (X, ...given) => ws.predict(X, after(...given)),
  };
}

function trained(make, weights, learnsRates) {
  const made = network(make, learnsRates);
  made.parameters.set(weights);
  return made;
}

function random() {
  const made = network(relu2);
  glorot(0, SIZES, made.parameters);
  return made;
}

// The network of a method in training; its weights are for whoever trains it to set.
export const inTraining = ({ method, width }) =>
  network(METHODS[method].network, METHODS[method].learnsRates, [1, width, width, 1]);

export const STARTS = {
  "maml": { title: "MAML", colour: "--m-maml", make: () => trained(relu2, WEIGHTS.maml) },
  "first-order": {
    title: "first order", colour: "--m-first-order",
    make: () => trained(relu2, WEIGHTS["first-order"]),
  },
  "joint": {
    title: "joint training", colour: "--m-joint", make: () => trained(relu2, WEIGHTS.joint),
  },
  "random": { title: "random start", colour: "--m-random", make: random },
  "recipe": {
    title: "recipe", colour: "--m-recipe", make: () => trained(recipe, WEIGHTS.recipe, true),
  },
  "live": { title: "the one you train", colour: "--m-live", make: () => undefined },
};
