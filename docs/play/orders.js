// Chapter 7 in motion: what is gone in first order, and without Gauss-Newton; every equation in
// numbers, while the weights of the small task are moved.
//
// The page says of each equation and of each term what it is gone without. Every number is computed
// by generated/relu2/equations.js.

import { equations, example, firstOrder, inputs, outputs, withoutGaussNewton } from "../../generated/relu2/equations.js";
import { evaluate, withSizes } from "../../generated/runtime/matrices.js";
import { button, degrees, element, short, slider } from "./parts.js";
import { moved } from "./scrub.js";

const ORDERS = {
  "second-order": ["second order", equations],
  "without-gauss-newton": ["without Gauss-Newton", withoutGaussNewton],
  "first-order": ["first order", firstOrder],
};
const WEIGHTS = Object.keys(inputs).filter((name) => outputs.includes(`${name}_bar`));
const RANGE = { min: -4, max: 4, step: 0.25 };

class Orders extends HTMLElement {
  connectedCallback() {
    if (this.given) return;
    this.given = structuredClone(example);
    this.order = "second-order";
    this.page = this.closest("article") ?? document.body;
    this.text = element("p", { class: "readout", role: "status", "data-maml": "readout" });
    this.alpha = slider({
      name: "step size α", min: 0, max: 1, step: 0.05, value: this.given.alpha, says: short,
      changed: (alpha) => this.change({ alpha }), marked: { "data-maml": "alpha" },
    });
    this.arrays = WEIGHTS.map((name) => this.array(name));
    this.replaceChildren(this.choice(), element("div", { class: "play" },
      element("div", { class: "arrays" }, ...this.arrays.map((each) => each.element)),
      element("div", { class: "controls" }, this.alpha.element,
        button("the chapter's numbers", () => this.change(structuredClone(example)))),
      this.text));
    this.show();
  }

  // It stays in sight while the chapter is read.
  choice() {
    return element("fieldset", { class: "orders" },
      element("legend", {}, "What is computed"),
      ...Object.entries(ORDERS).map(([order, [title]]) => element("label", {},
        element("input", {
          type: "radio", name: "order", value: order, checked: order === this.order,
          onchange: () => this.change({}, order),
        }), title)));
  }

  // An array of weights, whose entries can be moved, and below it its part of the meta-gradient.
  array(name) {
    const entries = this.given[name].map((row, i) => row.map((_, j) => moved({
      ...RANGE, name: `${name}, row ${i + 1}, column ${j + 1}`,
      at: () => this.given[name][i][j],
      changed: (value) => {
        this.given[name][i][j] = value;
        this.show();
      },
    })));
    const gradient = element("output");
    return {
      name, entries: entries.flat(), gradient,
      element: element("div", {}, named(name, "weight"), matrix(entries.map((row) => row.map((each) => each.element))),
        named(`${name}_bar`, "adjoint"), gradient),
    };
  }

  change(numbers, order = this.order) {
    Object.assign(this.given, numbers);
    this.order = order;
    this.alpha.set(this.given.alpha);
    this.show();
  }

  show() {
    const given = { T: 1, ...withSizes(inputs, this.given) };
    const found = Object.fromEntries(Object.entries(ORDERS).map(([order, [, program]]) =>
      [order, evaluate(program, given)]));
    const gone = this.dim(), values = found[this.order];
    this.numbers(found);
    for (const { name, entries, gradient } of this.arrays) {
      for (const entry of entries) entry.show();
      gradient.replaceChildren(inNumbers(values[`${name}_bar`]));
    }
    this.text.textContent = this.sentence(gone, found);
  }

  // What is gone loses its colour; what it is called keeps it, wherever it can be pinned.
  dim() {
    const gone = [...this.page.querySelectorAll("[data-gone]")].filter((part) => {
      const is = part.dataset.gone.split(" ").includes(this.order);
      part.classList.toggle("gone", is);
      if (is) part.setAttribute("role", "deletion");
      else part.removeAttribute("role");
      return is;
    });
    const kept = new Set(ORDERS[this.order][1].map(([name]) => name));
    const lost = new Set(equations.map(([name]) => name).filter((name) => !kept.has(name)));
    for (const box of this.page.querySelectorAll(".diagram:not([data-drawing^=circuit]) [data-sym], .map [data-sym]"))
      box.classList.toggle("gone", lost.has(box.dataset.sym));
    return gone;
  }

  // Beside each equation of the page what it comes to; those with a prime are of first order.
  numbers(found) {
    for (const place of this.page.querySelectorAll(".equation .value")) {
      const [, prime, name] = place.closest(".equation").id.match(/^eq-(first_order-)?(.*)$/);
      const value = found[prime ? "first-order" : this.order][name];
      place.replaceChildren(value === undefined ? "not computed" : inNumbers(value));
    }
  }

  sentence(gone, found) {
    const vectors = Object.fromEntries(Object.entries(found).map(([order, values]) =>
      [order, WEIGHTS.flatMap((name) => values[`${name}_bar`].flat())]));
    const whole = vectors["second-order"], own = vectors[this.order];
    const lengths = `Its length is ${short(Math.hypot(...own))}`;
    const loss = `The query loss after the step is ${short(found[this.order].loss_q)}.`;
    if (this.order === "second-order") return `Nothing is gone: this is the meta-gradient. ${lengths}. ${loss}`;
    const lost = gone.filter((part) => part.matches(".formula")).length;
    const angle = degrees(whole, own);
    return `${count(lost, "equation")} and ${count(gone.length - lost, "term")} of others are gone. What is left of the `
      + `meta-gradient points ${angle === undefined ? "nowhere" : `${angle}° away from it`}. ${lengths}, that of the `
      + `meta-gradient ${short(Math.hypot(...whole))}. ${loss}`;
  }
}

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

const named = (name, kind) => element("code", { class: `q-${kind}`, "data-sym": name }, name);

// Between brackets that are a border, as the page has them.
const matrix = (rows, attributes = {}) =>
  element("span", { class: "matrix", ...attributes }, ...rows.map((row) =>
    element("span", {}, ...row.map((entry) => element("span", {}, entry)))));

function inNumbers(value) {
  if (!Array.isArray(value)) return short(value);
  const rows = value.map((row) => row.map(short));
  return matrix(rows, { role: "img", "aria-label": rows.map((row) => row.join(" ")).join("; ") });
}

customElements.define("maml-orders", Orders);
