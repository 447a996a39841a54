// Curves on axes, which uPlot draws, and points on them that can be moved by mouse, finger and keys.
//
// Colours are names of the page's own, as in var(--q-weight), so that they follow light and dark.

import { short } from "./parts.js";

const GRID = "--md-default-fg-color--lightest", INK = "--md-default-fg-color--light";
const FONT = "12px system-ui, sans-serif";

export function plot(host, { x, y, labels, curves = [], height = 260, draw = () => {}, described }) {
  const colour = (name) => getComputedStyle(host).getPropertyValue(name).trim();
  const axis = (label) => ({
    label, labelSize: 18, labelFont: FONT, font: FONT, size: 38, labelGap: 0,
    stroke: () => colour(INK), grid: { stroke: () => colour(GRID), width: 1 }, ticks: { show: false },
  });
  const u = new uPlot({
    width: Math.max(host.clientWidth, 120), height,
    scales: { x: { time: false, range: () => x }, y: { range: () => y } },
    axes: labels.map(axis), legend: { show: false }, cursor: { show: false },
    series: [{}, ...curves.map((curve) => ({
      label: curve.name, stroke: () => colour(curve.colour), width: curve.width ?? 2,
      dash: curve.dash, points: { show: false },
    }))],
    hooks: { draw: [() => draw(pen(u, colour))] },
  }, [[x[0], x[1]], ...curves.map(() => [null, null])], host);
  u.root.querySelector("canvas").setAttribute("role", "img");
  u.root.querySelector("canvas").setAttribute("aria-label", described);
  new ResizeObserver(() => {
    if (host.clientWidth) u.setSize({ width: host.clientWidth, height });
    handles.forEach((place) => place());
  }).observe(host);
  new MutationObserver(() => u.redraw(false))
    .observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  const handles = [];

  // What is at both ends of a range of an axis may change with what is drawn.
  function show(xs, ys, ranges = {}) {
    x = ranges.x ?? x;
    y = ranges.y ?? y;
    u.setData([xs, ...ys]);
    handles.forEach((place) => place());
  }

  // A point: `at` gives its place, `moved` takes another and says whether there is one. An upright
  // one moves up and down alone.
  function handle({ name, colour: shade, at, moved, step = [0.1, 0.1], says, removed, upright = false }) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "handle" });
    button.style.setProperty("--shade", `var(${shade})`);
    button.setAttribute("role", "slider");
    if (upright) button.setAttribute("aria-orientation", "vertical");
    u.over.append(button);
    const place = () => {
      const [px, py] = at();
      button.style.left = `${u.valToPos(px, "x")}px`;
      button.style.top = `${u.valToPos(py, "y")}px`;
      button.setAttribute("aria-label", typeof name === "function" ? name() : name);
      button.setAttribute("aria-valuenow", upright ? py : px);
      button.setAttribute("aria-valuetext", says ? says() : `${short(px)}, ${short(py)}`);
    };
    const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
    const move = (px, py) => moved(within(px, x), within(py, y));
    button.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      button.focus();
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const box = u.over.getBoundingClientRect();
      move(u.posToVal(event.clientX - box.left, "x"), u.posToVal(event.clientY - box.top, "y"));
    });
    button.addEventListener("keydown", (event) => {
      const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (removed && (event.key === "Delete" || event.key === "Backspace")) return removed(event);
      const toward = direction[event.key];
      if (!toward) return;
      event.preventDefault();
      const [px, py] = at(), far = event.shiftKey ? 5 : 1;
      move(px + far * toward[0] * step[0], py + far * toward[1] * step[1]);
    });
    if (removed) button.addEventListener("dblclick", removed);
    handles.push(place);
    place();
    return {
      button,
      remove() {
        handles.splice(handles.indexOf(place), 1);
        button.remove();
      },
    };
  }
  return { show, handle, over: u.over, valueAt: (px, py) => [u.posToVal(px, "x"), u.posToVal(py, "y")] };
}

// What is drawn beside the curves, in the numbers of the axes.
function pen(u, colour) {
  const { ctx } = u, scale = devicePixelRatio;
  const at = ([x, y]) => [u.valToPos(x, "x", true), u.valToPos(y, "y", true)];
  const within = (work) => {
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    work();
    ctx.restore();
  };
  const line = (points, shade, { width = 2, dash = [] } = {}) => within(() => {
    ctx.strokeStyle = colour(shade);
    ctx.lineWidth = width * scale;
    ctx.setLineDash(dash.map((each) => each * scale));
    ctx.beginPath();
    points.map(at).forEach(([x, y], place) => (place ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.stroke();
  });
  const arrow = (from, to, shade) => {
    line([from, to], shade, { width: 2.5 });
    const [[x0, y0], [x1, y1]] = [at(from), at(to)], length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 4) return;
    const size = 8 * scale, [dx, dy] = [((x1 - x0) / length) * size, ((y1 - y0) / length) * size];
    within(() => {
      ctx.fillStyle = colour(shade);
      ctx.beginPath();
      ctx.moveTo(x1, y1);
      ctx.lineTo(x1 - dx - dy / 2, y1 - dy + dx / 2);
      ctx.lineTo(x1 - dx + dy / 2, y1 - dy - dx / 2);
      ctx.fill();
    });
  };
  const dot = (point, shade, radius = 4) => within(() => {
    const [x, y] = at(point);
    ctx.fillStyle = colour(shade);
    ctx.beginPath();
    ctx.arc(x, y, radius * scale, 0, 2 * Math.PI);
    ctx.fill();
  });
  return { line, arrow, dot };
}

// Places of a curve, from one end of an axis to the other.
export const spread = ([low, high], count = 161) =>
  Array.from({ length: count }, (_, at) => low + ((high - low) * at) / (count - 1));
