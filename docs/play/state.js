// What the playground shows, and the same in an address, so that it can be shared and reloaded.

import { rounded } from "./parts.js";
import { AMPLITUDE, INPUTS, PHASE, sinusoid } from "./sinusoids.js";
import { METHODS, START } from "./training.js";

export const MOST_STEPS = 10;
export const MOST_POINTS = 20;
export const TARGETS = [-6, 6];
export const RATES = [0.001, 0.05];
const WIDTHS = [20, 40, 64], TASKS = [4, 10, 25], SHOTS = [5, 10];
export const CHOICES = { method: Object.keys(METHODS), shots: SHOTS, tasks: TASKS, width: WIDTHS };

const FIRST_POINTS = [-4.4, -3.6, -2.3, -1.6, -0.7, 0.4, 1.3, 2.2, 3.4, 4.3];
export const first = () => ({
  amplitude: 3, phase: 1, own: false, points: onSinusoid(FIRST_POINTS, 3, 1), steps: 1,
  alpha: 0.01, shown: ["maml", "joint"], training: { ...START },
});

export const onSinusoid = (xs, amplitude, phase) => xs.map((x) => [x, sinusoid(x, amplitude, phase)]);

// A new task, as the distribution has it.
export function drawn(count) {
  const uniform = ([low, high]) => rounded(low + (high - low) * Math.random());
  const [amplitude, phase] = [uniform(AMPLITUDE), uniform(PHASE)];
  const xs = Array.from({ length: count }, () => uniform(INPUTS)).sort((a, b) => a - b);
  return { amplitude, phase, own: false, points: onSinusoid(xs, amplitude, phase) };
}

export function toHash(state) {
  const { amplitude, phase, own, points, steps, alpha, shown, training } = state;
  const said = new URLSearchParams({
    ...(own ? {} : { amplitude, phase }), steps, alpha, shown: shown.join(" "),
    points: points.map(([x, y]) => (own ? `${rounded(x)}:${rounded(y)}` : rounded(x))).join(" "),
    ...Object.fromEntries(Object.entries(training).map(([name, value]) => [`train-${name}`, value])),
  });
  return `#${said}`;
}

// What an address says; what it does not say, or says in vain, is as at first.
export function fromHash(hash, known) {
  const said = new URLSearchParams(hash.slice(1)), state = first();
  const number = (name, [low, high], otherwise) => {
    const value = Number.parseFloat(said.get(name));
    return value >= low && value <= high ? value : otherwise;
  };
  state.amplitude = number("amplitude", AMPLITUDE, state.amplitude);
  state.phase = number("phase", [0, 3.15], state.phase);
  state.steps = Math.round(number("steps", [0, MOST_STEPS], state.steps));
  state.alpha = number("alpha", RATES, state.alpha);
  if (said.has("shown")) state.shown = said.get("shown").split(" ").filter((each) => known.includes(each));
  const { training } = state;
  for (const [name, choices] of Object.entries(CHOICES))
    training[name] = choices.find((each) => String(each) === said.get(`train-${name}`)) ?? training[name];
  training.alpha = number("train-alpha", RATES, training.alpha);
  training.beta = number("train-beta", [0.0001, 0.01], training.beta);
  training.seed = Math.round(number("train-seed", [0, 9999], training.seed));
  const points = said.get("points")?.split(" ").filter(Boolean).map((each) => each.split(":").map(Number)) ?? [];
  const within = ([x, y = 0]) => Math.abs(x) <= 5 && Math.abs(y) <= 6;
  if (points.length && points.length <= MOST_POINTS && points.every(within)) {
    state.own = points.every((each) => each.length === 2);
    state.points = state.own
      ? points : onSinusoid(points.map(([x]) => x), state.amplitude, state.phase);
  } else state.points = onSinusoid(FIRST_POINTS, state.amplitude, state.phase);
  return state;
}

// The command that trains the same with numpy, and the one that evaluates downloaded weights.
const flags = ({ method, shots, alpha, width }) =>
  `--network ${METHODS[method].package} --methods ${method} --hidden ${width} ${width}`
  + ` --shots ${shots} --queries ${shots} --alpha ${alpha}`;
export const toCommand = (training, iterations) =>
  `python -m docs.sinusoid.train ${flags(training)} --beta ${training.beta}`
  + ` --meta-batch ${training.tasks} --iterations ${Math.max(iterations, 1)}`
  + ` --seed ${training.seed} --run play/`;
export const toEvaluation = (training) =>
  `python -m docs.sinusoid.evaluate --weights ${training.method}.npz ${flags(training)}`;
