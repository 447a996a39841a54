// A pointer on a quantity lights it wherever it stands; a click pins it. A link opens what its target
// is folded in. A formula is copied as LaTeX.

let pinned;

function light(event) {
  const symbol = event.target.closest?.("[data-sym]")?.dataset.sym;
  show(pinned ?? (event.type === "focusout" ? undefined : symbol));
}

// What is no link is pinned by a click, and let go by another one or by Escape.
function pin(event) {
  const quantity = event.target.closest?.("[data-sym]");
  if (!quantity || event.target.closest("a, button, summary")) return;
  pinned = pinned === quantity.dataset.sym ? undefined : quantity.dataset.sym;
  show(pinned);
}

function letGo(event) {
  if (event.key !== "Escape" || !pinned) return;
  pinned = undefined;
  show();
}

function show(symbol) {
  for (const element of document.querySelectorAll(".lit, .near")) element.classList.remove("lit", "near");
  if (!symbol) return;
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

// What a link leads to may stand inside something closed, even twice. Where an address leads to when
// a page is loaded is opened while it is read, by a script in its head.
function unfold(hash) {
  const target = document.getElementById(decodeURIComponent(hash.slice(1)));
  const folded = "details:not([open])";
  if (!target?.closest(folded)) return;
  for (let each = target.closest(folded); each; each = each.closest(folded)) each.open = true;
  target.scrollIntoView();
}

function copyFormulas(event) {
  const selection = getSelection();
  if (selection.isCollapsed) return;
  const range = selection.getRangeAt(0).cloneRange();
  const [first, last] = [range.startContainer, range.endContainer].map((node) => {
    const element = node.closest ? node : node.parentElement;
    return element?.closest(".formula") ?? element?.closest(".arithmatex");
  });
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const copy = document.createElement("div");
  copy.append(range.cloneContents());
  if (!copy.querySelector(".katex")) return;
  // The terms of an equation are formulas of their own, above what is said of them.
  for (const formula of copy.querySelectorAll(".formula, .katex")) {
    const mark = formula.matches(".formula") || formula.closest(".katex-display") ? "$$" : "$";
    const parts = [...formula.querySelectorAll("annotation")].map((each) => each.textContent);
    formula.replaceWith(mark + parts.join(" ") + mark);
  }
  event.clipboardData.setData("text/html", copy.innerHTML);
  // Only what is part of the page has lines.
  document.body.append(copy);
  event.clipboardData.setData("text/plain", copy.innerText.trim());
  copy.remove();
  event.preventDefault();
}

// The theme adds these after the page has loaded, without what a keyboard or a screen reader needs.
function complete() {
  for (const bar of document.querySelectorAll(".md-code__nav:not([role])")) bar.setAttribute("role", "presentation");
  for (const element of document.querySelectorAll("p:has(> img[src*='.svg']):not([tabindex])")) element.tabIndex = 0;
  document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
}

// The film is an image and moves by CSS; another address makes the browser begin it anew.
function playAgain(event) {
  const film = event.target.closest?.(".again")?.closest(".film").querySelector("img");
  if (film) film.src = `${film.src.split("?")[0]}?${Date.now()}`;
}

document.addEventListener("DOMContentLoaded", () => {
  complete();
  new MutationObserver(complete).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", playAgain);
  document.addEventListener("click", pin);
  document.addEventListener("keydown", letGo);
  for (const type of ["pointerover", "focusin", "focusout"]) document.addEventListener(type, light);
  document.addEventListener("copy", copyFormulas);
  // A second click on a link changes no address.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[*|href^='#']");
    if (link) unfold(link.hash ?? link.href.baseVal);
  });
  addEventListener("hashchange", () => unfold(location.hash));
});
