// The meta-gradient in slow motion: one equation after the other, its line, its shape, its entries.
//
// A line is the source text of the generated function that is called. What is given are the weights
// as the training has them, and the points above as support set.

import { equations, inputs } from "../../generated/relu2/equations.js";
import { withSizes } from "../../generated/runtime/matrices.js";
import { element } from "./parts.js";
import { short } from "./plot.js";
import { sinusoid } from "./sinusoids.js";

const MILLISECONDS = 1100, QUERIES = 10;
// Of a heat map, in pixels of the page.
const WIDEST = 240, CELL = 12;

export function formula(places) {
  const list = element("ol", { class: "lines" }), canvas = element("canvas", {
    role: "img", width: 0, height: 0, "aria-label": "The entries of the last equation",
  });
  const says = element("p", { class: "readout", role: "status", "data-maml": "equation" });
  let given = null, values = {}, at = -1, timer = 0;

  const lines = equations.map(([name, value]) => {
    const [number, address] = places[name] ?? ["", ""];
    const text = String(value).replace(/^\(\{.*?\}\) => /s, "").replace(/\s+/g, " ");
    const link = element("a", { href: address || `#eq-${name}` }, `(${number})`);
    const line = element("li", {}, element("code", {}, `${name} = ${text}`), " ", link);
    list.append(line);
    return line;
  });

  function step() {
    if (!given) return;
    at = (at + 1) % equations.length;
    if (!at) values = { ...given };
    const [name, value] = equations[at];
    values[name] = value(values);
    lines.forEach((line, place) => line.classList.toggle("now", place === at));
    // Within the list: the page stays where it is.
    list.scrollTop = lines[at].offsetTop - list.clientHeight / 2;
    show(name, values[name]);
  }

  function show(name, value) {
    const rows = Array.isArray(value) ? value : [[value]], entries = rows.flat();
    const range = entries.length > 1
      ? `${rows.length} × ${rows[0].length}, from ${short(Math.min(...entries))} to ${short(Math.max(...entries))}`
      : short(entries[0]);
    draw(rows, Math.max(...entries.map(Math.abs)) || 1);
    canvas.setAttribute("aria-label", `${name}: ${range}`);
    says.textContent = `Equation ${places[name]?.[0] ?? ""}, ${name}: ${range}.`;
  }

  function draw(rows, most) {
    const cell = Math.min(CELL, WIDEST / Math.max(rows[0].length, rows.length));
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
    const scale = devicePixelRatio, [high, low] = ["--q-gradient", "--q-weight"].map((each) => style.getPropertyValue(each));
    canvas.style.width = `${rows[0].length * cell}px`;
    canvas.style.height = `${rows.length * cell}px`;
    canvas.width = rows[0].length * cell * scale;
    canvas.height = rows.length * cell * scale;
    context.scale(scale, scale);
    rows.forEach((row, i) => row.forEach((entry, j) => {
      context.globalAlpha = Math.min(1, Math.abs(entry) / most);
      context.fillStyle = entry > 0 ? high : low;
      context.fillRect(j * cell, i * cell, cell, cell);
    }));
  }

  const button = (label, work) => element("button", { type: "button", class: "md-button", onclick: work }, label);
  const toggle = button("▶ slow motion", () => {
    if (timer) {
      clearInterval(timer);
      timer = 0;
    } else timer = setInterval(step, MILLISECONDS);
    toggle.textContent = timer ? "hold" : "▶ slow motion";
  });
  list.tabIndex = 0;
  list.setAttribute("aria-label", "The equations of the meta-gradient");

  return {
    parts: [
      element("div", { class: "controls" }, toggle, button("next equation", step)),
      element("div", { class: "beside" }, list, element("div", { class: "heat" }, canvas, says)),
    ],
    // The weights as they are now; a round that has begun ends with those that it began with.
    train(parameters, { width }, { points, amplitude, phase, alpha }) {
      const sizes = [1, width, width, 1], weights = {};
      let place = 0;
      const take = (rows, columns) => Array.from({ length: rows }, () =>
        [...parameters.subarray(place, (place += columns))]);
      sizes.slice(1).forEach((below, layer) => {
        weights[`W${layer + 1}`] = take(sizes[layer], below);
        weights[`b${layer + 1}`] = take(1, below);
      });
      const X_q = Array.from({ length: QUERIES }, (_, at) => [-4.5 + at]);
      const [X_s, Y_s] = [0, 1].map((axis) => points.map((point) => [point[axis]]));
      const Y_q = X_q.map(([x]) => [sinusoid(x, amplitude, phase)]);
      given = withSizes(inputs, { ...weights, X_s, Y_s, X_q, Y_q, alpha });
      given.T = 1;
    },
  };
}
