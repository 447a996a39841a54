// Chapter 2 in motion: one weight, one support sample, one query sample, and both slopes.
//
// Every number is computed by generated/warm_up/scalar.js.

import { metaLossAndGradient } from "../../generated/warm_up/scalar.js";
import { element, legend, rounded, short, slider } from "./parts.js";
import { plot, spread } from "./plot.js";

const START = { w: 0.5, x_s: 1, y_s: 2, x_q: 2, y_q: 3, alpha: 0.1 };
const WEIGHTS = [-1, 4], LOSSES = [0, 10], INPUTS = [-3, 3], TARGETS = [-5, 5];

class Scalar extends HTMLElement {
  connectedCallback() {
    if (this.at) return;
    this.at = { ...START };
    this.replaceChildren(this.plots(), this.controls(), this.readout());
    this.curves = this.lossPlot();
    this.data = this.dataPlot();
    this.show();
  }

  // --- what there is ---

  plots() {
    this.left = element("div", { class: "plot" });
    this.right = element("div", { class: "plot" });
    return element("div", { class: "plots" }, this.left, this.right);
  }

  controls() {
    this.alpha = slider({
      name: "step size α", min: 0, max: 1.5, step: 0.01, value: this.at.alpha, says: short,
      changed: (alpha) => this.change({ alpha }), marked: { "data-maml": "alpha" },
    });
    const reset = element("button", {
      type: "button", class: "md-button", onclick: () => this.change(START),
    }, "the chapter's numbers");
    return element("div", { class: "controls" }, this.alpha.element, reset);
  }

  readout() {
    this.text = element("p", { class: "readout", role: "status", "data-maml": "readout" });
    return element("div", {}, legend([
      ["support loss", "--q-data"], ["query loss after the step", "--q-adjoint"],
      ["the step", "--q-weight"], ["slope through the step", "--q-adjoint", "thick"],
      ["first-order slope", "--q-gradient", "dashed"],
    ]), this.text);
  }

  lossPlot() {
    const chart = plot(this.left, {
      x: WEIGHTS, y: LOSSES, labels: ["weight w", "loss"],
      described: "Support loss, and query loss after the step, over the weight",
      curves: [
        { name: "support loss", colour: "--q-data" },
        { name: "query loss after the step", colour: "--q-adjoint" },
      ],
      draw: (pen) => this.draw(pen),
    });
    chart.handle({
      name: "weight w", colour: "--q-weight", step: [0.05, 0],
      at: () => [this.at.w, 0], says: () => short(this.at.w),
      moved: (w) => this.change({ w: rounded(w) }),
    });
    return chart;
  }

  dataPlot() {
    const chart = plot(this.right, {
      x: INPUTS, y: TARGETS, labels: ["x", "y"],
      described: "Both samples, and what the weight predicts before and after the step",
      curves: [
        { name: "before the step", colour: "--q-weight", dash: [4, 4] },
        { name: "after it", colour: "--q-weight" },
      ],
    });
    for (const [set, name, colour] of [["s", "support sample", "--q-data"], ["q", "query sample", "--q-adjoint"]])
      chart.handle({
        name, colour, step: [0.1, 0.1], at: () => [this.at[`x_${set}`], this.at[`y_${set}`]],
        moved: (x, y) => this.change({ [`x_${set}`]: rounded(x), [`y_${set}`]: rounded(y) }),
      });
    return chart;
  }

  // --- what is shown ---

  change(numbers) {
    Object.assign(this.at, numbers);
    this.show();
  }

  show() {
    const { at } = this, ws = spread(WEIGHTS), xs = [...INPUTS];
    const over = ws.map((w) => metaLossAndGradient({ ...at, w }));
    this.found = metaLossAndGradient(at);
    this.alpha.set(at.alpha);
    this.curves.show(ws, [over.map((each) => each.loss_s), over.map((each) => each.loss_q)]);
    this.data.show(xs, [xs.map((x) => at.w * x), xs.map((x) => this.found.w_fast * x)]);
    this.text.textContent = this.sentence();
  }

  draw(pen) {
    const { at, found } = this;
    if (!found) return;
    const [low, high] = WEIGHTS, tangent = (slope) =>
      [low, high].map((w) => [w, found.loss_q + slope * (w - at.w)]);
    pen.line([[at.w, 0], [at.w, found.loss_q]], "--q-edge", { width: 1, dash: [3, 3] });
    pen.line(tangent(found.w_fast_bar), "--q-gradient", { dash: [6, 4] });
    pen.line(tangent(found.w_bar), "--q-adjoint", { width: 3 });
    const fast = metaLossAndGradient({ ...at, w: found.w_fast }).loss_s;
    pen.arrow([at.w, found.loss_s], [found.w_fast, fast], "--q-weight");
    pen.dot([at.w, found.loss_s], "--q-data");
    pen.dot([at.w, found.loss_q], "--q-adjoint");
  }

  sentence() {
    const { at, found } = this, opposed = found.w_bar * found.w_fast_bar < 0;
    const verdict = opposed
      ? "The two disagree in sign: first order walks uphill."
      : found.w_bar ? "Both point downhill." : "Nothing is left of the meta-gradient.";
    return `The step takes w from ${short(at.w)} to ${short(found.w_fast)}, and the query loss there is `
      + `${short(found.loss_q)}. The meta-gradient is ${short(found.w_bar)}, its first-order version `
      + `${short(found.w_fast_bar)}. ${verdict}`;
  }
}

customElements.define("maml-scalar", Scalar);
