// A number that is moved where it stands: by mouse and finger, sideways, and by keys.

import { element, short } from "./parts.js";

// So many pixels are a step.
const PIXELS = 8;
const KEYS = { ArrowRight: 1, ArrowUp: 1, PageUp: 4, ArrowLeft: -1, ArrowDown: -1, PageDown: -4 };

// `at` gives the number, `changed` takes another; `show` says it anew.
export function moved({ name, min, max, step, at, changed }) {
  let from;
  const move = (value) => {
    const next = Math.min(max, Math.max(min, value));
    if (next !== at()) changed(next);
  };
  const made = element("span", {
    class: "scrub", role: "slider", tabindex: 0, "aria-label": name, "aria-valuemin": min, "aria-valuemax": max,
    onpointerdown(event) {
      event.preventDefault();
      made.focus();
      made.setPointerCapture(event.pointerId);
      from = { x: event.clientX, value: at() };
    },
    onpointermove(event) {
      if (!made.hasPointerCapture(event.pointerId)) return;
      move(from.value + step * Math.round((event.clientX - from.x) / PIXELS));
    },
    onkeydown(event) {
      const ends = { Home: min, End: max };
      if (!(event.key in KEYS || event.key in ends)) return;
      event.preventDefault();
      move(ends[event.key] ?? at() + step * KEYS[event.key]);
    },
  });
  const show = () => {
    const value = at();
    made.textContent = short(value);
    made.setAttribute("aria-valuenow", value);
    made.style.setProperty("--share", (value - min) / (max - min));
  };
  show();
  return { element: made, show };
}
