// The meta-gradient in slow motion: one equation after the other, its line, its shape, its entries.
//
// A line is the source text of the generated function that is called. What is given are the weights
// as the training has them, and the points above as support set.

import { equations, inputs } from "../../generated/relu2/equations.js";
import { withSizes } from "../../generated/runtime/matrices.js";
import { button, element, short } from "./parts.js";
import { sinusoid } from "./sinusoids.js";

const MILLISECONDS = 1100;
const QUERIES = Array.from({ length: 10 }, (_, at) => [-4.5 + at]);
// Of a heat map, in pixels of the page.
const WIDEST = 240, CELL = 12;

export class Formula {
  // `places` has the number and the address of each equation.
  constructor(places) {
    Object.assign(this, { places, at: -1, values: {} });
    this.list = element("ol", {
      class: "lines", tabindex: 0, "aria-label": "The equations of the meta-gradient",
    });
    this.canvas = element("canvas", {
      role: "img", width: 0, height: 0, "aria-label": "The entries of the last equation",
    });
    this.says = element("p", { class: "readout", role: "status", "data-maml": "equation" });
    this.lines = equations.map((equation) => this.line(...equation));
    this.list.append(...this.lines);
    this.toggle = button("▶ slow motion", () => this.hold(Boolean(this.timer)));
  }

  get parts() {
    return [
      element("div", { class: "controls" },
        this.toggle, button("next equation", () => this.step())),
      element("div", { class: "beside" }, this.list,
        element("div", { class: "heat" }, this.canvas, this.says)),
    ];
  }

  line(name, value) {
    const [number, address] = this.places[name] ?? ["", ""];
    const text = String(value).replace(/^\(\{.*?\}\) => /s, "").replace(/\s+/g, " ");
    return element("li", {}, element("code", {}, `${name} = ${text}`), " ",
      element("a", { href: address || `#eq-${name}` }, `(${number})`));
  }

  // The weights as they are now; a round that has begun ends with those that it began with.
  train(parameters, { width }, { points, amplitude, phase, alpha }) {
    const [X_s, Y_s] = [0, 1].map((axis) => points.map((point) => [point[axis]]));
    const Y_q = QUERIES.map(([x]) => [sinusoid(x, amplitude, phase)]);
    const given = { ...weightsOf(parameters, width), X_s, Y_s, X_q: QUERIES, Y_q, alpha };
    this.given = { ...withSizes(inputs, given), T: 1 };
  }

  hold(still) {
    clearInterval(this.timer);
    this.timer = still ? 0 : setInterval(() => this.step(), MILLISECONDS);
    this.toggle.textContent = still ? "▶ slow motion" : "hold";
  }

  step() {
    if (!this.given) return;
    this.at = (this.at + 1) % equations.length;
    if (!this.at) this.values = { ...this.given };
    const [name, value] = equations[this.at];
    this.values[name] = value(this.values);
    this.lines.forEach((line, place) => line.classList.toggle("now", place === this.at));
    // Within the list: the page stays where it is.
    this.list.scrollTop = this.lines[this.at].offsetTop - this.list.clientHeight / 2;
    this.show(name, this.values[name]);
  }

  show(name, value) {
    const rows = Array.isArray(value) ? value : [[value]], entries = rows.flat();
    const range = `from ${short(Math.min(...entries))} to ${short(Math.max(...entries))}`;
    const whole = `${rows.length} × ${rows[0].length}, ${range}`;
    const text = entries.length > 1 ? whole : short(entries[0]);
    drawHeat(this.canvas, rows, Math.max(...entries.map(Math.abs)) || 1);
    this.canvas.setAttribute("aria-label", `${name}: ${text}`);
    this.says.textContent = `Equation ${this.places[name]?.[0] ?? ""}, ${name}: ${text}.`;
  }
}

function weightsOf(parameters, width) {
  const sizes = [1, width, width, 1], weights = {};
  let at = 0;
  const take = (rows, columns) =>
    Array.from({ length: rows }, () => [...parameters.subarray(at, (at += columns))]);
  sizes.slice(1).forEach((below, layer) => {
    weights[`W${layer + 1}`] = take(sizes[layer], below);
    weights[`b${layer + 1}`] = take(1, below);
  });
  return weights;
}

// Entries by colour: one for each sign, the stronger the larger.
function drawHeat(canvas, rows, most) {
  const [height, width] = [rows.length, rows[0].length], scale = devicePixelRatio;
  const cell = Math.min(CELL, WIDEST / Math.max(height, width));
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  const [high, low] = ["--q-gradient", "--q-weight"].map((name) => style.getPropertyValue(name));
  Object.assign(canvas.style, { width: `${width * cell}px`, height: `${height * cell}px` });
  Object.assign(canvas, { width: width * cell * scale, height: height * cell * scale });
  context.scale(scale, scale);
  rows.forEach((row, i) => row.forEach((entry, j) => {
    context.globalAlpha = Math.min(1, Math.abs(entry) / most);
    context.fillStyle = entry > 0 ? high : low;
    context.fillRect(j * cell, i * cell, cell, cell);
  }));
}
