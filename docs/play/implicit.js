// Implicit MAML in motion: where the inner loop rests with a penalty on the distance, which two forces
// cancel there, and the meta-gradient from the end alone.
//
// Every gradient is computed by generated/linear/equations.js, in bowls.js.

import { asked, axes, difference, ellipse, linearised, rest, scaled, solve, support, task } from "./bowls.js";
import { button, degrees, element, legend, place, rounded, short, slider } from "./parts.js";
import { plot } from "./plot.js";

const AXES = { x: [-3, 3], y: [-3, 3] };
const BOWL = [[2, 0.4], 0.6, [1.1, 0.9]], QUERY = [[1, 0.6], -0.4, [1.9, 0.4]], TASK = task(...BOWL, QUERY);
// λ is moved by its logarithm.
const START = { theta: [-1.9, -1.2], power: 0 }, POWERS = [-2, 2];
const RADII = [0.4, 1, 1.6, 2.4, 3.2], ALL = Array.from({ length: 41 }, (_, at) => 10 ** (3 - at / 8));

class Implicit extends HTMLElement {
  connectedCallback() {
    if (this.at) return;
    this.at = { ...START };
    this.host = element("div", { class: "plot" });
    this.text = element("p", { class: "readout", role: "status", "data-maml": "implicit" });
    this.power = slider({
      name: "weight of the distance λ", min: POWERS[0], max: POWERS[1], step: 0.05, value: this.at.power,
      says: (power) => short(10 ** power), changed: (power) => this.change({ power }),
      marked: { "data-maml": "power" },
    });
    this.replaceChildren(this.host,
      element("div", { class: "controls" }, this.power.element, button("begin again", () => this.change({ ...START }))),
      legend([
        ["support loss", "--q-edge"], ["with the distance", "--q-weight"],
        ["where it rests, for every λ", "--q-edge", "dotted"], ["pull of the loss", "--q-gradient", "thick"],
        ["pull of the distance", "--q-weight", "thick"], ["against the meta-gradient", "--q-adjoint", "thick"],
        ["the same without the matrix", "--q-adjoint", "dashed"],
      ]), this.text);
    this.chart = plot(this.host, {
      ...AXES, labels: ["first weight", "second weight"], height: 400,
      described: "The support loss with a penalty over two weights, where it is smallest, and the meta-gradient",
      draw: (pen) => this.draw(pen),
    });
    this.chart.handle({
      name: "the weights θ", colour: "--q-value", at: () => this.at.theta,
      moved: (x, y) => this.change({ theta: [rounded(x), rounded(y)] }),
    });
    this.show();
  }

  change(numbers) {
    Object.assign(this.at, numbers);
    this.show();
  }

  show() {
    const { theta, power } = this.at, lambda = 10 ** power, phi = rest(TASK, theta, lambda);
    const { gradient: pull } = support(TASK, phi), { loss, gradient: right } = asked(TASK, phi);
    this.found = {
      lambda, phi, pull, loss, right, meta: solve(TASK, right, lambda),
      distance: scaled(lambda, difference(phi, theta)),
      all: ALL.map((each) => rest(TASK, theta, each)),
    };
    this.power.set(power);
    this.chart.show(AXES.x, []);
    this.text.textContent = this.sentence();
  }

  draw(pen) {
    if (!this.found) return;
    const { theta } = this.at, { lambda, phi, pull, distance, right, meta, all } = this.found;
    const whole = axes(linearised((weights) => {
      const { gradient } = support(TASK, weights), far = difference(weights, theta);
      return gradient.map((entry, at) => entry + lambda * far[at]);
    }).matrix);
    for (const radius of RADII) {
      pen.line(ellipse(BOWL[0], BOWL[1], BOWL[2], radius), "--q-edge", { width: 1 });
      pen.line(ellipse(whole.curvatures, whole.turn, phi, radius), "--q-weight", { width: 1 });
    }
    pen.line(all, "--q-edge", { width: 1.5, dash: [2, 4] });
    pen.arrow(phi, difference(phi, scaled(0.5, pull)), "--q-gradient");
    pen.arrow(phi, difference(phi, scaled(0.5, distance)), "--q-weight");
    pen.line([theta, difference(theta, scaled(0.5, right))], "--q-adjoint", { dash: [6, 4] });
    pen.arrow(theta, difference(theta, scaled(0.5, meta)), "--q-adjoint");
    pen.dot(phi, "--q-value", 5);
  }

  sentence() {
    const { lambda, phi, pull, loss, right, meta } = this.found, turned = degrees(right, meta);
    const share = Math.hypot(...meta) / Math.hypot(...right);
    return `With λ = ${short(lambda)} the inner loop rests at ${place(phi)}. There the loss and the distance pull with `
      + `${short(Math.hypot(...pull))} each, against one another. The query loss is ${short(loss)} and its gradient `
      + `${place(right)}; the meta-gradient is ${place(meta)}, ${short(share)} times as long and turned by ${turned}°.`;
  }
}

customElements.define("maml-implicit", Implicit);
