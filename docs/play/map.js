// The program at the edge of the page: a mark an equation, and which of them are on the screen.
//
// What is pinned is lit in it as everywhere, by site.js.

import { equations, firstOrder } from "../../generated/relu2/equations.js";
import { element } from "./parts.js";

const LEFT = new Set(firstOrder.map(([name]) => name));

class ProgramMap extends HTMLElement {
  connectedCallback() {
    this.marks ??= this.drawn();
    this.seen = new Set();
    this.watch = new IntersectionObserver((entries) => this.see(entries));
    for (const equation of document.querySelectorAll(".equation[id]")) this.watch.observe(equation);
  }

  disconnectedCallback() {
    this.watch.disconnect();
  }

  // The page says how many equations each stage has; what first order has not is hollow.
  drawn() {
    const marks = new Map();
    let at = 0;
    for (const stage of this.querySelectorAll("li")) {
      const count = Number(stage.style.getPropertyValue("--equations"));
      const own = equations.slice(at, (at += count)).map(([name]) => {
        const mark = element("i", { "data-sym": name, class: LEFT.has(name) ? "" : "second" });
        marks.set(name, mark);
        return mark;
      });
      const link = stage.firstElementChild;
      link.replaceChildren(
        element("span", { class: `marks ${link.className}` }, ...own),
        element("span", {}, ...link.childNodes),
      );
    }
    return marks;
  }

  see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.seen.add(target);
      else this.seen.delete(target);
    }
    const seen = new Set([...this.seen].map(({ id }) =>
      this.marks.get(id.replace(/^eq-(rewritten-|first_order-)?/, ""))));
    const all = [...this.marks.values()], first = all.find((mark) => seen.has(mark));
    // Between two equations the reader is still where the last one was.
    if (!first) return;
    for (const mark of all) mark.classList.toggle("now", seen.has(mark));
    for (const link of this.querySelectorAll("a")) {
      if (link.contains(first)) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  }
}

customElements.define("maml-map", ProgramMap);
