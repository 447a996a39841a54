// The playground: networks adapt to points that one moves, and one is meta-trained beside them.

import { Adapting } from "./adapting.js";
import { Formula } from "./formula.js";
import { STARTS } from "./networks.js";
import { Panel } from "./panel.js";
import { fromHash, toHash } from "./state.js";

// An address is written when nothing has moved for so long.
const MILLISECONDS = 250;

class Playground extends HTMLElement {
  connectedCallback() {
    if (this.state) return;
    this.state = fromHash(location.hash, Object.keys(STARTS));
    const changed = (discrete) => this.remember(discrete);
    const places = JSON.parse(this.querySelector("script")?.textContent ?? "{}");
    this.formula = new Formula(places);
    this.panel = new Panel(this.state, {
      changed,
      trained: (parameters, settings) => {
        if (!this.state.shown.includes("live") && this.panel?.shown.iteration) this.state.shown.push("live");
        this.adapting.train(parameters, settings);
        this.formula.train(parameters, settings, this.state);
      },
    });
    this.adapting = new Adapting(this.state, changed, undefined, [this.panel.toggle, this.panel.progress]);
    // The page has the headings, and the figure that stands there without scripts.
    this.querySelector("p:has(img)").replaceWith(...Object.values(this.adapting.parts));
    this.querySelector("#meta-train + p").after(...this.panel.parts);
    this.querySelector("#the-formula-runs + p").after(...this.formula.parts);
    this.adapting.load();
    this.panel.load();
    addEventListener("popstate", () => this.load());
    addEventListener("hashchange", () => this.load());
  }

  // The meta-training goes so many iterations on, as by so many presses of "one step".
  advance(count) {
    this.panel.advance(count);
  }

  load() {
    // A heading of the page is no state.
    if (location.hash === this.written || /^#[^=]+$/.test(location.hash)) return;
    Object.assign(this.state, fromHash(location.hash, Object.keys(STARTS)));
    this.adapting.load();
    this.panel.load();
  }

  remember(discrete) {
    clearTimeout(this.timer);
    const write = () => {
      this.written = toHash(this.state);
      history[discrete ? "pushState" : "replaceState"](null, "", this.written);
    };
    if (discrete) write();
    else this.timer = setTimeout(write, MILLISECONDS);
  }
}

customElements.define("maml-playground", Playground);
