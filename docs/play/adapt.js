// The first part of the playground by itself, for the start page: points, and networks that adapt.

import { Adapting } from "./adapting.js";
import { STARTS } from "./networks.js";
import { first } from "./state.js";

class Adapt extends HTMLElement {
  connectedCallback() {
    if (this.adapting) return;
    const names = Object.keys(STARTS).filter((name) => name !== "live");
    this.adapting = new Adapting(first(), () => {}, names);
    const { invitation, curves, steps, status } = this.adapting.parts;
    this.replaceChildren(invitation, curves, steps, status);
    this.adapting.load();
  }
}

customElements.define("maml-adapt", Adapt);
