// Chapter 18 in motion: from one place, where MAML, first order, Reptile and implicit MAML go; and the
// loss after some steps of each task, which MAML makes small.
//
// Every gradient is computed by generated/linear/equations.js, in bowls.js.

import {
  CENTRES, CURVATURES, TURNS, adapted, axes, difference, ellipse, firstOrder, implicit, linearised,
  mean, metaLoss, reptile, scaled, secondOrder, task,
} from "./bowls.js";
import { button, degrees, element, legend, place, rounded, short, slider } from "./parts.js";
import { plot } from "./plot.js";

const AXES = { x: [-3, 3], y: [-3, 3] }, LEVELS = [0.1, 0.3, 0.6, 1, 1.5, 2.2, 3, 4, 5.5, 7.5];
const START = { theta: [1.5, -1], steps: 1, alpha: 0.3, beta: 1, epsilon: 0.5, lambda: 1 };
const TASKS = CURVATURES.map((each, at) => task(each, TURNS[at], CENTRES[at]));

const METHODS = {
  "maml": { title: "MAML", colour: "--q-adjoint", against: secondOrder, rate: "beta" },
  "first-order": { title: "first order", colour: "--q-gradient", against: firstOrder, rate: "beta" },
  "reptile": { title: "Reptile", colour: "--q-weight", against: reptile, rate: "epsilon" },
  "implicit": { title: "implicit MAML", colour: "--m-live", against: implicit, rate: "beta" },
};

class Directions extends HTMLElement {
  connectedCallback() {
    if (this.at) return;
    this.at = { ...START, shown: Object.keys(METHODS) };
    this.host = element("div", { class: "plot" });
    this.text = element("p", { class: "readout", role: "status", "data-maml": "readout" });
    this.replaceChildren(element("div", { class: "beside" }, this.host, this.choice()), this.controls(),
      legend([
        ["the same loss after the steps", "--q-edge"], ["the steps of the two tasks", "--q-data"],
        ["one outer step", "--q-adjoint", "thick"], ["where all of them would lead", "--q-adjoint", "dotted"],
      ]), this.text);
    this.chart = plot(this.host, {
      ...AXES, labels: ["first weight", "second weight"], height: 400,
      described: "The loss of two tasks after some steps over two weights, and the outer steps of four methods",
      draw: (pen) => this.draw(pen),
    });
    this.chart.handle({
      name: "the weights θ", colour: "--q-value", at: () => this.at.theta,
      moved: (x, y) => this.change({ theta: [rounded(x), rounded(y)] }),
    });
    this.show();
  }

  // --- what there is ---

  // A method's name, whether it is shown, and how far its direction is turned from MAML's.
  choice() {
    this.rows = Object.entries(METHODS).map(([name, { title, colour }]) => {
      const box = element("input", { type: "checkbox", onchange: () => this.toggle(name, box.checked) });
      const angle = element("output", { "data-maml": `angle-${name}` });
      const mark = element("span", { class: "mark", "aria-hidden": "true" });
      const row = element("li", { style: `--shade: var(${colour})` }, element("label", {}, box, mark, title), angle);
      return { name, row, box, angle };
    });
    return element("div", {}, element("p", { class: "head" }, "from MAML's direction"),
      element("ul", { class: "errors" }, ...this.rows.map((each) => each.row)));
  }

  controls() {
    const made = (name, label, min, max, step, marked) => slider({
      name: label, min, max, step, value: this.at[name], says: short, changed: (value) => this.change({ [name]: value }),
      marked: { "data-maml": marked ?? name },
    });
    this.sliders = {
      steps: made("steps", "steps of a task", 0, 20, 1), alpha: made("alpha", "inner step size α", 0, 0.6, 0.05),
      beta: made("beta", "outer step size β", 0, 2, 0.05), epsilon: made("epsilon", "Reptile's ε", 0, 1, 0.05),
      lambda: made("lambda", "implicit MAML's λ", 0.1, 10, 0.1),
    };
    return element("div", { class: "controls" }, ...Object.values(this.sliders).map((each) => each.element),
      button("begin again", () => this.change({ ...START })));
  }

  // --- what changes it ---

  change(numbers) {
    Object.assign(this.at, numbers);
    this.show();
  }

  toggle(name, on) {
    this.change({ shown: Object.keys(METHODS).filter((each) => (each === name ? on : this.at.shown.includes(each))) });
  }

  // --- what is shown ---

  show() {
    const { at } = this, field = (name) => (theta) => mean(TASKS.map((task) => METHODS[name].against(task, theta, at)));
    const every = (work) => Object.fromEntries(Object.keys(METHODS).map((name) => [name, work(name)]));
    // Where they lead stays the same while the weights are moved.
    const decided = [at.alpha, at.steps, at.lambda].join(" ");
    if (this.decided !== decided) this.fields = every((name) => linearised(field(name)));
    this.decided = decided;
    this.found = every((name) =>
      ({ against: field(name)(at.theta), rate: at[METHODS[name].rate], ...this.fields[name] }));
    this.paths = TASKS.map((task) => adapted(task, at.theta, at.alpha, at.steps));
    this.here = this.loss(at.theta);
    this.least = this.loss(this.found.maml.zero);
    for (const [name, each] of Object.entries(this.sliders)) each.set(at[name]);
    for (const { name, box, angle } of this.rows) {
      box.checked = at.shown.includes(name);
      const turned = degrees(this.found.maml.against, this.found[name].against);
      angle.textContent = name === "maml" ? "" : turned === undefined ? "no step" : `${turned}°`;
    }
    this.chart.show(AXES.x, []);
    this.text.textContent = this.sentence();
  }

  // The mean loss of the tasks after their steps.
  loss(theta) {
    return TASKS.reduce((sum, task) => sum + metaLoss(task, theta, this.at), 0) / TASKS.length;
  }

  draw(pen) {
    if (!this.found) return;
    const { at, found, least } = this, { matrix, zero } = found.maml, { curvatures, turn } = axes(matrix);
    for (const level of LEVELS.filter((each) => each > least))
      pen.line(ellipse(curvatures, turn, zero, Math.sqrt(2 * (level - least))), "--q-edge", { width: 1 });
    for (const path of this.paths) {
      pen.line(path, "--q-data", { width: 1.5 });
      path.slice(1).forEach((place) => pen.dot(place, "--q-data", 2.5));
    }
    for (const name of at.shown) {
      const { colour } = METHODS[name], { against, rate, matrix: turns, zero: last } = found[name];
      if (last.every(Number.isFinite)) {
        pen.line(flow(turns, at.theta, last), colour, { width: 1.5, dash: [2, 4] });
        pen.dot(last, colour, 5);
      }
      pen.arrow(at.theta, difference(at.theta, scaled(rate, against)), colour);
    }
  }

  sentence() {
    const { at, found } = this, times = at.steps === 1 ? "one step" : `${at.steps} steps`;
    const ends = at.shown.filter((name) => found[name].zero.every(Number.isFinite))
      .map((name) => `${METHODS[name].title} at ${place(found[name].zero)}`);
    return `After ${times} of each task the mean of their losses is ${short(this.here)} from here; the least is `
      + `${short(this.least)}.${ends.length ? ` Training would end for ${ends.join(", ")}.` : ""}`;
  }
}

// The way of many small steps against a linear field, from a place to where it vanishes.
function flow([[a, b], [c, d]], from, zero) {
  const path = [from], rate = 0.25 / Math.max(Math.hypot(a, b), Math.hypot(c, d), 1e-9);
  for (let k = 0; k < 200; k++) {
    const [x, y] = difference(path.at(-1), zero);
    path.push([path.at(-1)[0] - rate * (a * x + b * y), path.at(-1)[1] - rate * (c * x + d * y)]);
  }
  return path;
}

customElements.define("maml-directions", Directions);
