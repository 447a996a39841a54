// A few points, and the curves of networks before and after steps on them.

import { workspace as recipe } from "../../generated/recipe/task.js";
import { workspace as relu2 } from "../../generated/relu2/task.js";
import { element, legend, slider } from "./parts.js";
import { plot, short } from "./plot.js";
import { GRID, INPUTS, glorot, sinusoid } from "./sinusoids.js";
import { MOST_POINTS, MOST_STEPS, RATES, TARGETS, drawn, rounded } from "./state.js";
import { METHODS } from "./training.js";
import { WEIGHTS } from "./weights.js";

const SIZES = [1, 40, 40, 1], COUNTS = { sizes: SIZES, tasks: 1, shots: 10, queries: 10 };
const xs = [...GRID];

// Networks to adapt: `after` gives the parameters after steps on points.
function network(make, parameters, learnsRates) {
  const ws = make(COUNTS, { numbers: Float32Array });
  ws.parameters.set(parameters);
  return {
    at: (X, Y, alpha, steps) => ws.predict(GRID, ws.adapt(X, Y, ...(learnsRates ? [] : [alpha]), steps)),
    on: (X, Y, alpha, steps) => ws.predict(X, ws.adapt(X, Y, ...(learnsRates ? [] : [alpha]), steps)),
  };
}

function random() {
  const weights = new Float32Array(WEIGHTS.maml.length);
  glorot(0, SIZES, weights);
  return weights;
}

export const STARTS = {
  "maml": { title: "MAML", colour: "--m-maml", of: () => network(relu2, WEIGHTS.maml) },
  "first-order": {
    title: "first order", colour: "--m-first-order", of: () => network(relu2, WEIGHTS["first-order"]),
  },
  "joint": { title: "joint training", colour: "--m-joint", of: () => network(relu2, WEIGHTS.joint) },
  "random": { title: "random start", colour: "--m-random", of: () => network(relu2, random()) },
  "recipe": { title: "recipe", colour: "--m-recipe", of: () => network(recipe, WEIGHTS.recipe, true) },
  "live": { title: "in training below", colour: "--m-live" },
};

export function adapting(state, changed, names = Object.keys(STARTS)) {
  const host = element("div", { class: "plot" }), made = {}, live = {};
  const chart = plot(host, {
    x: INPUTS, y: TARGETS, labels: ["x", "y"], height: 320,
    described: "Predictions of networks before and after gradient steps on the points",
    curves: [
      { name: "the sinusoid", colour: "--q-edge", width: 1.5, dash: [2, 4] },
      ...names.flatMap((name) => [
        { name: `${name}, before`, colour: STARTS[name].colour, width: 1, dash: [5, 4] },
        { name, colour: STARTS[name].colour, width: 2.5 },
      ]),
    ],
  });
  const errors = element("ul", { class: "errors" });
  const outputs = Object.fromEntries(names.map((name) => {
    const box = element("input", { type: "checkbox", onchange: () => toggle(name, box.checked) });
    const output = element("output", { "data-maml": `error-${name}` });
    errors.append(element("li", { style: `--shade: var(${STARTS[name].colour})` },
      element("label", {}, box, element("span", { class: "mark", "aria-hidden": "true" }), STARTS[name].title), output));
    return [name, { box, output }];
  }));
  const status = element("p", { class: "readout", role: "status", "data-maml": "adapted" });
  let handles = [], timer = 0;

  // --- what changes it ---

  function toggle(name, on) {
    state.shown = names.filter((each) => (each === name ? on : state.shown.includes(each)));
    show();
    changed(true);
  }

  function points(next, discrete) {
    state.points = next;
    place();
    show();
    changed(discrete);
  }

  const along = ([x, y]) => [rounded(x), state.own ? rounded(y) : sinusoid(rounded(x), state.amplitude, state.phase)];

  function place() {
    while (handles.length > state.points.length) handles.pop().remove();
    while (handles.length < state.points.length) {
      const at = handles.length, made = chart.handle({
        name: () => `point ${at + 1} of ${state.points.length}`, colour: "--q-data",
        at: () => state.points[at] ?? [0, 0], step: [0.1, 0.1],
        moved: (x, y) => {
          state.points[at] = along([x, y]);
          show();
          changed(false);
        },
        removed: () => {
          if (state.points.length === 1) return;
          points(state.points.filter((_, other) => other !== at), true);
          handles[Math.min(at, handles.length - 1)].button.focus();
        },
      });
      made.button.dataset.maml = "point";
      handles.push(made);
    }
  }

  chart.over.addEventListener("click", (event) => {
    if (event.target !== chart.over || state.points.length >= MOST_POINTS) return;
    const box = chart.over.getBoundingClientRect();
    points([...state.points, along(chart.valueAt(event.clientX - box.left, event.clientY - box.top))], true);
  });

  const task = (next) => {
    Object.assign(state, next);
    points(state.points.map(along), false);
  };
  const sliders = {
    steps: slider({
      name: "gradient steps", min: 0, max: MOST_STEPS, step: 1, value: state.steps,
      changed: (steps) => set({ steps }), marked: { "data-maml": "steps" },
    }),
    alpha: slider({
      name: "step size α", min: RATES[0], max: RATES[1], step: 0.001, value: state.alpha, says: short,
      changed: (alpha) => set({ alpha }),
    }),
    amplitude: slider({
      name: "amplitude", min: 0.1, max: 5, step: 0.1, value: state.amplitude, says: short,
      changed: (amplitude) => task({ amplitude, own: false }),
    }),
    phase: slider({
      name: "phase", min: 0, max: 3.14, step: 0.01, value: state.phase, says: short,
      changed: (phase) => task({ phase, own: false }),
    }),
  };

  function set(next) {
    Object.assign(state, next);
    show();
    changed(false);
  }

  function play() {
    clearInterval(timer);
    set({ steps: 0 });
    timer = setInterval(() => {
      if (state.steps >= MOST_STEPS) clearInterval(timer);
      else set({ steps: state.steps + 1 });
    }, 400);
  }

  const button = (text, work) => element("button", { type: "button", class: "md-button", onclick: work }, text);
  const ownPoints = element("input", { type: "checkbox", onchange: () => task({ own: ownPoints.checked }) });

  // --- what is shown ---

  function show() {
    const { amplitude, phase, own, alpha, steps } = state;
    const [X, Y] = [0, 1].map((axis) => Float32Array.from(state.points, (point) => point[axis]));
    const truth = xs.map((x) => (own ? null : sinusoid(x, amplitude, phase)));
    const found = names.flatMap((name) => {
      const { box, output } = outputs[name], on = state.shown.includes(name);
      box.checked = on;
      made[name] ??= on ? STARTS[name].of?.() : undefined;
      const net = name === "live" ? live.net : made[name];
      if (!on || !net) {
        output.textContent = on ? "press play below" : "";
        return [xs.map(() => null), xs.map(() => null)];
      }
      const after = net.at(X, Y, alpha, steps);
      const [where, target] = own ? [net.on(X, Y, alpha, steps), Y] : [after, truth];
      const error = where.reduce((sum, z, at) => sum + (z - target[at]) ** 2, 0) / where.length;
      output.textContent = short(error);
      return [[...net.at(X, Y, alpha, 0)], [...after]];
    });
    chart.show(xs, [truth, ...found]);
    for (const name of Object.keys(sliders)) sliders[name].set(state[name]);
    ownPoints.checked = own;
    status.textContent = sentence();
  }

  function sentence() {
    const said = state.shown.filter((name) => outputs[name].output.textContent)
      .map((name) => `${STARTS[name].title} ${outputs[name].output.textContent}`);
    const where = state.own ? "on your points" : "along the sinusoid";
    const times = state.steps === 1 ? "one step" : `${state.steps} steps`;
    return said.length ? `Mean squared error ${where} after ${times}: ${said.join(", ")}.` : "No network is shown.";
  }

  const another = button("another task", () => {
    Object.assign(state, drawn(state.points.length));
    points(state.points, true);
  });
  const parts = {
    curves: element("div", { class: "beside" }, host, element("div", {},
      element("p", { class: "head" }, "mean squared error"), errors)),
    steps: element("div", { class: "controls" },
      sliders.steps.element, button("▶ play the steps", play), another),
    task: element("div", { class: "controls" },
      sliders.alpha.element, sliders.amplitude.element, sliders.phase.element,
      element("label", { class: "choice" }, ownPoints, "your own points, no sinusoid")),
    legend: legend([
      ["the task", "--q-edge", "dotted"], ["before the steps", "--q-value", "dashed"],
      ["after them", "--q-value", "thick"],
    ]),
    status,
  };

  return {
    parts,
    load() {
      place();
      show();
    },
    show,
    // The network that is being trained, as it is now.
    train(parameters, { method, width }) {
      const { network: make, learnsRates } = METHODS[method];
      if (live.kind !== `${method} ${width}`) {
        const ws = make({ ...COUNTS, sizes: [1, width, width, 1] }, { numbers: Float32Array });
        const given = (alpha) => (learnsRates ? [] : [alpha]);
        live.kind = `${method} ${width}`;
        live.ws = ws;
        live.net = {
          at: (X, Y, alpha, steps) => ws.predict(GRID, ws.adapt(X, Y, ...given(alpha), steps)),
          on: (X, Y, alpha, steps) => ws.predict(X, ws.adapt(X, Y, ...given(alpha), steps)),
        };
      }
      live.ws.parameters.set(parameters);
      show();
    },
  };
}
