// What the playground's modules compute, as JSON on standard output.

import { adam } from "../../../docs/play/adam.js";
import { npz } from "../../../docs/play/npz.js";
import { stream } from "../../../docs/play/random.js";
import { glorot, sampler } from "../../../docs/play/sinusoids.js";
import { fromHash, toCommand, toHash } from "../../../docs/play/state.js";
import { training } from "../../../docs/play/training.js";

const KNOWN = ["maml", "joint", "recipe", "live"];

const computed = {
  stream({ seed, purpose, count }) {
    const random = stream(seed, purpose);
    return Array.from({ length: count }, random);
  },
  batches({ seed, tasks, shots, queries, count }) {
    const sample = sampler(stream(seed, 1), tasks, shots, queries);
    return Array.from({ length: count }, () => sample().map((array) => [...array]));
  },
  glorot({ seed, sizes, length }) {
    const weights = new Float32Array(length).fill(1);
    glorot(seed, sizes, weights);
    return [...weights];
  },
  adam({ parameters, gradients, beta }) {
    const vector = Float32Array.from(parameters), update = adam(vector, { beta });
    for (const gradient of gradients) update(Float32Array.from(gradient));
    return [...vector];
  },
  training({ settings, iterations }) {
    const run = training(settings);
    const losses = Array.from({ length: iterations }, () => run.step());
    return { losses, parameters: [...run.parameters], error: run.error() };
  },
  npz: ({ values, shape }) => [...npz({ W1: [Float32Array.from(values), shape], b1: [Float32Array.of(1.5), [1, 1]] })],
  state: ({ hash }) => fromHash(hash, KNOWN),
  again: ({ hash }) => toHash(fromHash(hash, KNOWN)),
  command: ({ settings, iterations }) => toCommand(settings, iterations),
};

let text = "";
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(JSON.parse(text).map(([name, given]) => computed[name](given))));
