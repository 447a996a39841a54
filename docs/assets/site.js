// Formulas are rendered in the browser. Runs once on load and after each instant navigation.
function renderFormulas() {
  for (const element of document.querySelectorAll(".arithmatex:not([data-rendered])")) {
    const text = element.textContent.trim();
    const display = text.startsWith("\\[");
    katex.render(text.slice(2, -2), element, { displayMode: display, throwOnError: false });
    element.dataset.rendered = "";
  }
}

if (typeof document$ === "undefined") {
  document.addEventListener("DOMContentLoaded", renderFormulas);
} else {
  document$.subscribe(renderFormulas);
}
