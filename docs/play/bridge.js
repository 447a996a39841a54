// Chapter 2b in motion: two weights and two tasks, where joint training ends and where MAML ends.
//
// Every gradient is computed by generated/linear/equations.js.

import { equations, inputs } from "../../generated/linear/equations.js";
import { evaluate, withSizes } from "../../generated/runtime/matrices.js";
import { CENTRES, CURVATURES, TURNS, ellipse, task } from "./bowls.js";
import { button, element, legend, place, rounded, short, slider } from "./parts.js";
import { plot } from "./plot.js";

const AXES = { x: [-3, 3], y: [-3, 3] };
const COLOURS = ["--q-data", "--q-gradient"];
const START = { theta: [-2, 2], alpha: 0.3, curvatures: CURVATURES };
const STEPS = 4000, STILL = 1e-10;

// The mean over the tasks of the loss after a step, its gradient, and the weights after the step.
function meta(tasks, [a, b], alpha) {
  const found = tasks.map((task) => evaluate(equations, {
    T: tasks.length, ...withSizes(inputs, { ...task, W1: [[a], [b]], alpha }),
  }));
  const sum = (part) => found.reduce((total, each) => total + part(each), 0);
  return {
    loss: sum((each) => each.loss_q) / tasks.length,
    gradient: [sum((each) => each.W1_bar[0][0]), sum((each) => each.W1_bar[1][0])],
    fast: found.map((each) => each.W1_fast.map(([entry]) => entry)),
  };
}

// Gradient descent from a place to where it ends; without a step of the tasks it is joint training.
function descent(tasks, from, alpha) {
  const path = [from];
  let at = from, rate = 0.5, { loss, gradient } = meta(tasks, at, alpha);
  for (let k = 0; k < STEPS && Math.hypot(...gradient) > STILL && rate > STILL; k++) {
    const next = at.map((entry, axis) => entry - rate * gradient[axis]);
    const found = meta(tasks, next, alpha);
    if (found.loss > loss) {
      rate /= 2;
      continue;
    }
    [at, loss, gradient] = [next, found.loss, found.gradient];
    path.push(at);
  }
  return path;
}

class Bridge extends HTMLElement {
  connectedCallback() {
    if (this.at) return;
    this.at = structuredClone(START);
    this.host = element("div", { class: "plot" });
    this.text = element("p", { class: "readout", role: "status", "data-maml": "readout" });
    this.replaceChildren(this.host, this.controls(), legend([
      ["loss of the first task", COLOURS[0]], ["loss of the second task", COLOURS[1]],
      ["the steps of the tasks", "--q-edge"], ["meta-training with MAML", "--q-adjoint", "thick"],
      ["joint training", "--q-weight", "dashed"],
    ]), this.text);
    this.chart = plot(this.host, {
      ...AXES, labels: ["first weight", "second weight"], height: 380,
      described: "The losses of two tasks over two weights, and where MAML and joint training end",
      draw: (pen) => this.draw(pen),
    });
    this.chart.handle({
      name: "start of the weights", colour: "--q-value", at: () => this.at.theta,
      moved: (x, y) => this.change({ theta: [rounded(x), rounded(y)] }),
    });
    this.show();
  }

  controls() {
    this.sliders = {};
    const add = (name, value, changed, least, most) => {
      const made = slider({ name, min: least, max: most, step: 0.05, value: value(), says: short, changed });
      this.sliders[name] = () => made.set(value());
      return made.element;
    };
    const curvature = (task, axis) => add(
      `task ${task + 1}, curvature ${axis + 1}`, () => this.at.curvatures[task][axis],
      (value) => {
        this.at.curvatures[task][axis] = value;
        this.show();
      }, 0.1, 4,
    );
    return element("div", { class: "controls" },
      add("step size α", () => this.at.alpha, (alpha) => this.change({ alpha }), 0, 0.6),
      curvature(0, 0), curvature(0, 1), curvature(1, 0), curvature(1, 1),
      button("equal curvatures", () => this.change({ curvatures: [[1, 1], [1, 1]] })),
      button("begin again", () => this.change(structuredClone(START))));
  }

  change(numbers) {
    Object.assign(this.at, numbers);
    this.show();
  }

  show() {
    const { theta, alpha, curvatures } = this.at;
    const tasks = curvatures.map((each, at) => task(each, TURNS[at], CENTRES[at]));
    this.found = {
      fast: meta(tasks, theta, alpha).fast,
      maml: descent(tasks, theta, alpha), joint: descent(tasks, theta, 0),
    };
    for (const update of Object.values(this.sliders)) update();
    this.chart.show(AXES.x, []);
    this.text.textContent = this.sentence();
  }

  draw(pen) {
    if (!this.found) return;
    const { fast, maml, joint } = this.found;
    this.at.curvatures.forEach((curvatures, at) => {
      for (const radius of [0.4, 0.9, 1.4])
        pen.line(ellipse(curvatures, TURNS[at], CENTRES[at], radius), COLOURS[at], { width: 1.2 });
      pen.dot(CENTRES[at], COLOURS[at], 3);
      pen.arrow(this.at.theta, fast[at], "--q-edge");
    });
    pen.line(joint, "--q-weight", { dash: [5, 4] });
    pen.line(maml, "--q-adjoint", { width: 3 });
    pen.dot(joint.at(-1), "--q-weight", 6);
    pen.dot(maml.at(-1), "--q-adjoint", 6);
  }

  sentence() {
    const [maml, joint] = [this.found.maml.at(-1), this.found.joint.at(-1)];
    const apart = Math.hypot(maml[0] - joint[0], maml[1] - joint[1]);
    const where = apart < 0.02
      ? "They agree."
      : `They are ${short(rounded(apart))} apart: MAML gives less weight to what one step can mend.`;
    return `Joint training ends at ${place(joint)}, MAML at ${place(maml)}. ${where}`;
  }
}

customElements.define("maml-bridge", Bridge);
