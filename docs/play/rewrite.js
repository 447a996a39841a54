// Chapter 8 in motion: one equation through the passes, and what is counted of the whole program.
//
// The page has the equation and the counts of every stage; this shows one of them at a time.

import { button, element, slider } from "./parts.js";

const COUNTS = {
  equations: "equations", weightMatrices: "arrays shaped like a weight", products: "products",
  operations: "operations",
};

class Rewrite extends HTMLElement {
  connectedCallback() {
    if (this.stages) return;
    this.stages = [...this.querySelectorAll(".stage")];
    this.most = Object.fromEntries(Object.keys(COUNTS).map((name) =>
      [name, Math.max(...this.stages.map((stage) => Number(stage.dataset[name])))]));
    const names = this.stages.map((stage) => stage.dataset.pass);
    this.slider = slider({
      name: "pass", min: 0, max: names.length - 1, step: 1, value: 0, says: (at) => names[at],
      changed: (at) => this.show(at), marked: { "data-maml": "pass" },
    });
    this.bars = Object.fromEntries(Object.keys(COUNTS).map((name) => [name, this.bar()]));
    const rows = Object.entries(COUNTS).map(([name, label]) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, this.bars[name].row)));
    this.prepend(
      element("div", { class: "controls" }, this.slider.element,
        button("previous", () => this.move(-1)), button("next", () => this.move(1))),
      element("dl", { class: "counts" }, ...rows),
    );
    this.show(0);
  }

  bar() {
    const length = element("span", { class: "bar", "aria-hidden": "true" });
    const number = element("span");
    return { row: element("span", { class: "measure" }, number, length), length, number };
  }

  move(by) {
    this.show(Math.min(this.stages.length - 1, Math.max(0, this.at + by)));
  }

  show(at) {
    this.at = at;
    this.slider.set(at);
    this.stages.forEach((stage, place) => { stage.hidden = place !== at; });
    for (const [name, { length, number }] of Object.entries(this.bars)) {
      const count = Number(this.stages[at].dataset[name]);
      number.textContent = count.toLocaleString("en");
      length.style.width = `${(100 * count) / this.most[name]}%`;
    }
  }
}

customElements.define("maml-rewrite", Rewrite);
