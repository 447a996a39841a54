// Formulas are rendered in the browser. A pointer on a quantity lights it wherever it stands.
// Everything is mounted on load and after each instant navigation, and only once.

const RENDERING = {
  throwOnError: false,
  macros: { "\\q": "\\htmlClass{q-#1}{\\htmlData{sym=#2}{#3}}" },
  // Only what the pages' own formulas use: a name and a kind for each quantity.
  trust: (context) => ["\\htmlClass", "\\htmlData"].includes(context.command),
  strict: (code) => (code === "htmlExtension" ? "ignore" : "warn"),
};

function renderFormula(element) {
  if ("rendered" in element.dataset) return;
  const text = element.textContent.trim();
  const displayMode = text.startsWith("\\[");
  katex.render(text.slice(2, -2), element, { ...RENDERING, displayMode });
  element.dataset.rendered = "";
  if (!displayMode) keepPunctuation(element);
}

// The first screen is painted before the rest is rendered. A reader who comes to an equation gets
// the whole page at once, so that it does not move away.
function renderFormulas() {
  const waiting = [...document.querySelectorAll(".arithmatex:not([data-rendered])")];
  const below = waiting.findIndex((each) => each.getBoundingClientRect().top > innerHeight);
  const first = location.hash || below < 0 ? waiting.length : below;
  waiting.slice(0, first).forEach(renderFormula);
  requestAnimationFrame(() => setTimeout(() => waiting.slice(first).forEach(renderFormula)));
}

// A line must not begin with the full stop after a formula.
function keepPunctuation(formula) {
  const next = formula.nextSibling;
  const marks = next?.nodeType === Node.TEXT_NODE && next.data.match(/^[.,;:?!)]+/)?.[0];
  if (!marks) return;
  const together = document.createElement("span");
  together.style.whiteSpace = "nowrap";
  formula.before(together);
  together.append(formula, marks);
  next.data = next.data.slice(marks.length);
}

function light(event) {
  const symbol = event.target.closest?.("[data-sym]")?.dataset.sym;
  for (const element of document.querySelectorAll(".lit, .near")) element.classList.remove("lit", "near");
  if (!symbol || event.type === "focusout") return;
  const name = CSS.escape(symbol);
  const alike = `[data-sym="${name}"], [data-from="${name}"], [data-to="${name}"]`;
  for (const element of document.querySelectorAll(alike)) {
    element.classList.add("lit");
    for (const end of [element.dataset.from, element.dataset.to]) {
      if (!end) continue;
      for (const box of document.querySelectorAll(`svg [data-sym="${CSS.escape(end)}"]`)) box.classList.add("near");
    }
  }
}

// The theme adds these after the page has loaded, without what a keyboard or a screen reader needs.
function complete() {
  for (const bar of document.querySelectorAll(".md-code__nav:not([role])")) bar.setAttribute("role", "presentation");
  const wide = [".md-typeset__scrollwrap", "div.arithmatex", "p:has(> img[src$='.svg'])"]
    .map((each) => `${each}:not([tabindex])`)
    .join();
  for (const element of document.querySelectorAll(wide)) element.tabIndex = 0;
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
}

// The film is an image and moves by CSS; another address makes the browser begin it anew.
function playAgain(event) {
  const film = event.target.closest?.(".again")?.closest(".film").querySelector("img");
  if (film) film.src = `${film.src.split("?")[0]}?${Date.now()}`;
}

function mount() {
  renderFormulas();
  complete();
  if (document.documentElement.dataset.mounted) return;
  document.documentElement.dataset.mounted = "";
  new MutationObserver(complete).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", playAgain);
  for (const type of ["pointerover", "focusin", "focusout"]) document.addEventListener(type, light);
}

// From disk the theme never announces a page; with instant navigation it announces each one.
document.addEventListener("DOMContentLoaded", mount);
if (typeof document$ !== "undefined") document$.subscribe(mount);
