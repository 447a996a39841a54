// A few points, and the curves of networks before and after steps on them.

import { STARTS, inTraining } from "./networks.js";
import { button, element, legend, rounded, short, slider } from "./parts.js";
import { plot } from "./plot.js";
import { GRID, INPUTS, sinusoid } from "./sinusoids.js";
import { MOST_POINTS, MOST_STEPS, RATES, TARGETS, drawn } from "./state.js";

const MILLISECONDS = 400;
const xs = [...GRID], nothing = xs.map(() => null);

export class Adapting {
  // `changed` is told of what the reader does, and whether it is one thing or a part of a movement.
  // `more` stands above it all.
  constructor(state, changed, names = Object.keys(STARTS), more = []) {
    Object.assign(this, { state, changed, names, more, networks: {}, handles: [] });
    this.host = element("div", { class: "plot invites" });
    this.status = element("p", { class: "readout", role: "status", "data-maml": "adapted" });
    this.invitation = element("span");
    this.chart = this.curves();
    this.chart.over.addEventListener("click", (event) => this.addPoint(event));
    this.outputs = Object.fromEntries(names.map((name) => [name, this.output(name)]));
    this.sliders = this.everySlider();
    this.ownPoints = element("input", {
      type: "checkbox", onchange: () => this.setTask({ own: this.ownPoints.checked }),
    });
  }

  // --- what there is ---

  get parts() {
    const { more } = this, { steps, alpha, amplitude, phase } = this.sliders;
    return {
      invitation: element("div", { class: "controls invitation" }, ...more, this.invitation),
      curves: element("div", { class: "beside" }, this.host, element("div", {},
        element("p", { class: "head" }, "mean squared error"),
        element("ul", { class: "errors" }, ...Object.values(this.outputs).map((each) => each.row)))),
      steps: element("div", { class: "controls" }, steps.element,
        button("▶ play the steps", () => this.play()), button("another task", () => this.draw())),
      task: element("div", { class: "controls" }, alpha.element, amplitude.element, phase.element,
        element("label", { class: "choice" }, this.ownPoints, "your own points, no sinusoid")),
      legend: legend([
        ["the task", "--q-edge", "dotted"], ["before the steps", "--q-value", "dashed"],
        ["after them", "--q-value", "thick"],
      ]),
      status: this.status,
    };
  }

  curves() {
    const pair = (name) => [
      { name: `${name}, before`, colour: STARTS[name].colour, width: 1, dash: [5, 4] },
      { name, colour: STARTS[name].colour, width: 2.5 },
    ];
    return plot(this.host, {
      x: INPUTS, y: TARGETS, labels: ["x", "y"], height: 320,
      described: "Predictions of networks before and after gradient steps on the points",
      curves: [
        { name: "the sinusoid", colour: "--q-edge", width: 1.5, dash: [2, 4] },
        ...this.names.flatMap(pair),
      ],
    });
  }

  // A network's name, whether it is shown, and its error.
  output(name) {
    const { title, colour } = STARTS[name];
    const box = element("input", { type: "checkbox", onchange: () => this.toggle(name, box.checked) });
    const error = element("output", { "data-maml": `error-${name}` });
    const mark = element("span", { class: "mark", "aria-hidden": "true" });
    const row = element("li", { style: `--shade: var(${colour})` },
      element("label", {}, box, mark, title), error);
    return { row, box, error };
  }

  everySlider() {
    const { state } = this;
    const made = (name, label, [min, max], step, changed, marked) =>
      slider({ name: label, min, max, step, value: state[name], says: short, changed, marked });
    return {
      steps: made("steps", "gradient steps", [0, MOST_STEPS], 1,
        (steps) => this.set({ steps }), { "data-maml": "steps" }),
      alpha: made("alpha", "step size α", RATES, 0.001, (alpha) => this.set({ alpha })),
      amplitude: made("amplitude", "amplitude", [0.1, 5], 0.1,
        (amplitude) => this.setTask({ amplitude, own: false })),
      phase: made("phase", "phase", [0, 3.14], 0.01, (phase) => this.setTask({ phase, own: false })),
    };
  }

  // --- what changes it ---

  set(next) {
    Object.assign(this.state, next);
    this.show();
    this.changed(false);
  }

  setTask(next) {
    Object.assign(this.state, next);
    this.setPoints(this.state.points.map((point) => this.allowed(point)), false);
  }

  setPoints(points, whole) {
    this.state.points = points;
    this.load();
    this.changed(whole);
  }

  draw() {
    Object.assign(this.state, drawn(this.state.points.length));
    this.setPoints(this.state.points, true);
  }

  toggle(name, on) {
    const { shown } = this.state;
    this.state.shown = this.names.filter((each) => (each === name ? on : shown.includes(each)));
    this.show();
    this.changed(true);
  }

  play() {
    clearInterval(this.timer);
    this.set({ steps: 0 });
    this.timer = setInterval(() => {
      if (this.state.steps >= MOST_STEPS) clearInterval(this.timer);
      else this.set({ steps: this.state.steps + 1 });
    }, MILLISECONDS);
  }

  // Where a point may be: anywhere, or on the sinusoid.
  allowed([x, y]) {
    const { own, amplitude, phase } = this.state;
    return [rounded(x), own ? rounded(y) : sinusoid(rounded(x), amplitude, phase)];
  }

  addPoint(event) {
    const { points } = this.state, { over } = this.chart;
    if (event.target !== over || points.length >= MOST_POINTS) return;
    const box = over.getBoundingClientRect();
    const place = this.chart.valueAt(event.clientX - box.left, event.clientY - box.top);
    this.setPoints([...points, this.allowed(place)], true);
  }

  removePoint(at) {
    const { points } = this.state;
    if (points.length === 1) return;
    this.setPoints(points.filter((_, other) => other !== at), true);
    this.handles[Math.min(at, this.handles.length - 1)].button.focus();
  }

  handle(at) {
    const { state } = this;
    const made = this.chart.handle({
      name: () => `point ${at + 1} of ${state.points.length}`, colour: "--q-data",
      at: () => state.points[at] ?? [0, 0],
      moved: (x, y) => {
        state.points[at] = this.allowed([x, y]);
        this.host.classList.remove("invites");
        this.show();
        this.changed(false);
      },
      removed: () => this.removePoint(at),
    });
    made.button.dataset.maml = "point";
    return made;
  }

  // The network that is being trained, as it is now.
  train(parameters, { method, width }) {
    const kind = `${method} ${width}`;
    if (this.kind !== kind) this.networks.live = inTraining({ method, width });
    this.kind = kind;
    this.networks.live.parameters.set(parameters);
    this.show();
  }

  // --- what is shown ---

  // As many points as the state has, and everything else.
  load() {
    const { points } = this.state;
    while (this.handles.length > points.length) this.handles.pop().remove();
    while (this.handles.length < points.length) this.handles.push(this.handle(this.handles.length));
    this.show();
  }

  show() {
    const { state } = this, { amplitude, phase, own } = state;
    const truth = own ? nothing : xs.map((x) => sinusoid(x, amplitude, phase));
    this.chart.show(xs, [truth, ...this.names.flatMap((name) => this.predictions(name, truth))]);
    for (const [name, each] of Object.entries(this.sliders)) each.set(state[name]);
    this.ownPoints.checked = own;
    this.invitation.textContent =
      `Drag a point${own ? "" : " along the sinusoid"}: each network takes its steps on all of them.`;
    this.status.textContent = this.sentence();
  }

  // The curves of a network before and after the steps; its error is shown beside its name.
  predictions(name, truth) {
    const { points, own, alpha, steps, shown } = this.state, { box, error } = this.outputs[name];
    box.checked = shown.includes(name);
    if (box.checked) this.networks[name] ??= STARTS[name].make();
    const network = this.networks[name];
    if (!box.checked || !network) {
      error.textContent = box.checked ? "not trained yet" : "";
      return [nothing, nothing];
    }
    const [X, Y] = [0, 1].map((axis) => Float32Array.from(points, (point) => point[axis]));
    const after = network.along(X, Y, alpha, steps);
    const [found, wanted] = own ? [network.at(X, X, Y, alpha, steps), Y] : [after, truth];
    const squares = found.map((z, at) => (z - wanted[at]) ** 2);
    error.textContent = short(squares.reduce((sum, each) => sum + each, 0) / squares.length);
    return [[...network.along(X, Y, alpha, 0)], [...after]];
  }

  sentence() {
    const { shown, own, steps } = this.state;
    const said = this.names.filter((name) => shown.includes(name) && this.networks[name])
      .map((name) => `${STARTS[name].title} ${this.outputs[name].error.textContent}`);
    const where = own ? "on your points" : "along the sinusoid";
    const times = steps === 1 ? "one step" : `${steps} steps`;
    return said.length
      ? `Mean squared error ${where} after ${times}: ${said.join(", ")}.` : "No network is shown.";
  }
}
