// Chapter 18 in a drawing: which equations the algorithms of the family share with MAML, and which
// are their own.
//
// It reads the generated programs themselves: equations are the same where their names and their
// lines are.

import { equations as anil } from "../../generated/anil/equations.js";
import { equations as biases } from "../../generated/biases/equations.js";
import { equations as boil } from "../../generated/boil/equations.js";
import { equations as cavia } from "../../generated/cavia/equations.js";
import { equations as metaSgd } from "../../generated/meta_sgd/equations.js";
import { equations as maml, firstOrder } from "../../generated/relu2/equations.js";
import { element, legend } from "./parts.js";

const FAMILY = {
  "MAML": [maml, "what-a-line-says"],
  "first order": [firstOrder, "first-order-what-is-held-constant"],
  "ANIL": [anil, "anil-the-head-adapts"],
  "BOIL": [boil, "boil-the-body-adapts"],
  "biases": [biases, "biases-only"],
  "CAVIA": [cavia, "cavia-a-context-which-is-a-bias"],
  "Meta-SGD": [metaSgd, "meta-sgd-a-step-size-for-every-entry"],
};
const line = (value) => String(value).replace(/^\(\{.*?\}\) => /s, "").replace(/\s+/g, " ");
const lines = (program) => new Map(program.map(([name, value]) => [name, line(value)]));
const COMMON = lines(maml);

// Every name once, in the order of the programs: one that MAML has not stands behind what it follows.
const NAMES = Object.values(FAMILY).reduce((all, [program]) => {
  program.forEach(([name], at) => {
    if (!all.includes(name)) all.splice(all.indexOf(program[at - 1]?.[0]) + 1, 0, name);
  });
  return all;
}, []);

// What has become of an equation of MAML, or that MAML has none of the name.
function kind(program, name) {
  if (!program.has(name)) return COMMON.has(name) ? "gone" : "never";
  if (!COMMON.has(name)) return "own";
  return program.get(name) === COMMON.get(name) ? "same" : "changed";
}

class Family extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    this.list = element("ol", { class: "lines", tabindex: 0, "aria-label": "Equations that differ from those of MAML" });
    this.text = element("p", { class: "readout", role: "status", "data-maml": "family" });
    const rows = Object.entries(FAMILY).map(([title, [program]], at) => this.row(title, lines(program), at === 2));
    this.replaceChildren(
      element("fieldset", { class: "family" }, element("legend", {}, "The equations of each algorithm, in their order"), ...rows),
      legend([
        ["as in MAML", "--q-edge", "thick"], ["changed", "--q-gradient", "thick"], ["its own", "--q-adjoint", "thick"],
        ["gone", "--q-edge", "dotted"],
      ]), this.text, this.list);
    this.show("ANIL");
  }

  row(title, program, checked) {
    const choice = element("input", { type: "radio", name: "family", checked, onchange: () => this.show(title) });
    const marks = NAMES.map((name) => element("i", { class: kind(program, name) }));
    return element("label", {}, choice, element("span", {}, title), element("span", { class: "marks", "aria-hidden": "true" }, ...marks));
  }

  show(title) {
    const [equations, section] = FAMILY[title], program = lines(equations);
    const of = (wanted) => NAMES.filter((name) => kind(program, name) === wanted);
    const [same, changed, own, gone] = ["same", "changed", "own", "gone"].map(of);
    this.list.replaceChildren(...NAMES.filter((name) => [...changed, ...own].includes(name))
      .map((name) => element("li", {}, element("code", {}, `${name} = ${program.get(name)}`))));
    this.list.hidden = !this.list.children.length;
    this.text.replaceChildren(`${title} has ${program.size} equations for a task. ${same.length} are those of MAML, `
      + `${changed.length} are changed and ${own.length} are its own; ${gone.length} of MAML are gone. `,
    element("a", { href: `#${section}` }, "Its section"), " says why.");
  }
}

customElements.define("maml-family", Family);
