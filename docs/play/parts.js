// Parts of a page: elements with attributes and children, sliders, and what is drawn in which colour.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const button = (text, work, attributes = {}) =>
  element("button", { type: "button", class: "md-button", onclick: work, ...attributes }, text);

// A labelled slider and its value; `set` moves it without telling anyone.
export function slider({ name, min, max, step, value, says = String, changed, marked = {} }) {
  const output = element("output", {}, says(value));
  const input = element("input", { type: "range", min, max, step, value, ...marked });
  const show = () => {
    output.textContent = says(input.valueAsNumber);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    show();
    changed(input.valueAsNumber);
  });
  show();
  return {
    element: element("label", { class: "slider" }, element("span", {}, name), input, output),
    set(next) {
      input.value = next;
      show();
    },
  };
}

// What is drawn how: [name, colour, "dashed"?] each.
export const legend = (entries) =>
  element("ul", { class: "legend" }, ...entries.map(([name, colour, kind = "solid"]) =>
    element("li", {}, element("span", {
      class: `mark ${kind}`, style: `--shade: var(${colour})`, "aria-hidden": "true",
    }), name)));

// A number for a reader: three digits, a real minus sign, no exponent where none is needed.
export function short(value) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "not a number";
  const text = Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-4)
    ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

// What a movement is rounded to, and a place as a text.
export const rounded = (value) => Math.round(value * 100) / 100;
export const place = ([x, y]) => `(${short(rounded(x))}, ${short(rounded(y))})`;

// The angle between two vectors in whole degrees, where there is one.
export function degrees(a, b) {
  const lengths = Math.hypot(...a) * Math.hypot(...b);
  if (!lengths) return undefined;
  const cosine = a.reduce((sum, entry, at) => sum + entry * b[at], 0) / lengths;
  return Math.round((180 / Math.PI) * Math.acos(Math.min(1, Math.max(-1, cosine))));
}
