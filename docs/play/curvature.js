// Chapter 2b's factor in motion: the two curvatures of the Hessian, how far they are turned, and what
// the way back through the step makes of an adjoint.
//
// The way back is that of generated/linear/equations.js, in bowls.js.

import { back, ellipse, inner, task } from "./bowls.js";
import { button, degrees, element, legend, place, rounded, short, slider } from "./parts.js";
import { plot } from "./plot.js";

const AXES = { x: [-8, 8], y: [-8, 8] };
const START = { first: 9, second: 1, turn: 45, alpha: 1 / 6, adjoint: [5, 2] };

class Curvature extends HTMLElement {
  connectedCallback() {
    if (this.at) return;
    this.at = { ...START };
    this.host = element("div", { class: "plot" });
    this.text = element("p", { class: "readout", role: "status", "data-maml": "curvature" });
    const made = (name, label, max, step) => slider({
      name: label, min: 0, max, step, value: this.at[name], says: short,
      changed: (value) => this.change({ [name]: value }), marked: { "data-maml": `curvature-${name}` },
    });
    this.sliders = {
      first: made("first", "first curvature", 12, 0.25), second: made("second", "second curvature", 12, 0.25),
      turn: made("turn", "turned by degrees", 180, 5), alpha: made("alpha", "the step's α", 0.5, "any"),
    };
    this.replaceChildren(this.host,
      element("div", { class: "controls" }, ...Object.values(this.sliders).map((each) => each.element),
        button("no curvature", () => this.change({ first: 0, second: 0 })),
        button("the chapter's numbers", () => this.change(START))),
      legend([
        ["first-order meta-gradient", "--q-gradient", "thick"], ["meta-gradient", "--q-adjoint", "thick"],
        ["the same support loss", "--q-data"], ["directions of the curvatures", "--q-edge", "dashed"],
      ]), this.text);
    this.chart = plot(this.host, {
      ...AXES, labels: ["first weight", "second weight"], height: 380,
      described: "A first-order meta-gradient of two weights, and what the curvatures make of it",
      draw: (pen) => this.draw(pen),
    });
    this.chart.handle({
      name: "first-order meta-gradient", colour: "--q-gradient", step: [0.25, 0.25], at: () => this.at.adjoint,
      moved: (x, y) => this.change({ adjoint: [rounded(x), rounded(y)] }),
    });
    this.show();
  }

  change(numbers) {
    Object.assign(this.at, numbers);
    this.show();
  }

  show() {
    const { first, second, turn, alpha, adjoint } = this.at;
    this.angle = (turn * Math.PI) / 180;
    this.meta = back(task([first, second], this.angle, [0, 0]), adjoint, alpha);
    for (const [name, each] of Object.entries(this.sliders)) each.set(this.at[name]);
    this.chart.show(AXES.x, []);
    this.text.textContent = this.sentence();
  }

  draw(pen) {
    if (!this.meta) return;
    const { first, second, adjoint } = this.at, far = 12;
    for (const angle of [this.angle, this.angle + Math.PI / 2]) {
      const [x, y] = [far * Math.cos(angle), far * Math.sin(angle)];
      pen.line([[-x, -y], [x, y]], "--q-edge", { width: 1, dash: [4, 4] });
    }
    // Along a direction without curvature no line closes; it runs out of the picture.
    for (const radius of [2, 4, 6])
      pen.line(ellipse([first, second].map((each) => Math.max(each, 1e-3)), this.angle, [0, 0], radius), "--q-data", { width: 1 });
    pen.arrow([0, 0], adjoint, "--q-gradient");
    pen.arrow([0, 0], this.meta, "--q-adjoint");
  }

  sentence() {
    const { first, second, alpha, adjoint } = this.at;
    const [one, other] = [first, second].map((each) => short(rounded(1 - alpha * each)));
    const turned = degrees(adjoint, this.meta), product = inner(adjoint, this.meta);
    const verdict = !(alpha * (first || second)) ? "Nothing is curved, and the two orders are the same."
      : product < 0 ? "First order walks uphill."
        : turned ? "Both point downhill." : "They point the same way.";
    return `The way back multiplies by ${one} along the first direction and by ${other} along the second. First order `
      + `has ${place(adjoint)}, the meta-gradient is ${place(this.meta)}, turned by ${turned ?? 0}°. ${verdict}`;
  }
}

customElements.define("maml-curvature", Curvature);
