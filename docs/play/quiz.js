// A few points of a sinusoid that one has not seen: where is it elsewhere? First the reader says, then
// networks do, and all of them get the same mark.

import { STARTS } from "./networks.js";
import { button, element, legend, rounded, short } from "./parts.js";
import { plot } from "./plot.js";
import { GRID, INPUTS, sinusoid } from "./sinusoids.js";
import { TARGETS, drawn, onSinusoid } from "./state.js";

const SHOTS = 5, ALPHA = 0.01, STEPS = 1, PLACES = Float32Array.of(-4, -2, 0, 2, 4);
const FIRST = { amplitude: 3.2, phase: 2.1, points: onSinusoid([-4.6, -3.1, -1.2, 0.9, 4.4], 3.2, 2.1) };
const YOU = { title: "you", colour: "--q-adjoint" };
const NETWORKS = ["maml", "joint"], ALL = { you: YOU, maml: STARTS.maml, joint: STARTS.joint };
const xs = [...GRID], nothing = xs.map(() => null);
const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

class Quiz extends HTMLElement {
  connectedCallback() {
    if (this.chart) return;
    this.guesses = [...PLACES].map(() => 0);
    this.scores = Object.fromEntries(Object.keys(ALL).map((name) => [name, []]));
    this.host = element("div", { class: "plot" });
    this.text = element("p", { class: "readout", role: "status", "data-maml": "quiz" });
    this.look = button("show the sinusoid", () => this.reveal(), { "data-maml": "reveal" });
    this.rows = Object.fromEntries(Object.entries(ALL).map(([name, each]) => [name, this.row(name, each)]));
    this.replaceChildren(this.host,
      element("div", { class: "controls" }, this.look, button("next task", () => this.begin(drawn(SHOTS)), { "data-maml": "next" })),
      legend([
        ["what is known", "--q-data", "thick"], ["your guess", YOU.colour, "thick"], ["the sinusoid", "--q-edge", "dotted"],
        ...NETWORKS.map((name) => [`${STARTS[name].title}, after one step`, STARTS[name].colour]),
      ]), this.text,
      element("dl", { class: "counts" }, ...Object.values(this.rows).map((each) => each.element)));
    this.chart = this.curves();
    PLACES.forEach((_, at) => this.guess(at));
    this.begin(FIRST);
  }

  // --- what there is ---

  curves() {
    return plot(this.host, {
      x: INPUTS, y: TARGETS, labels: ["x", "y"], height: 300,
      described: "Points of a hidden sinusoid, and guesses of where it is elsewhere",
      curves: [
        { name: "the sinusoid", colour: "--q-edge", width: 1.5, dash: [2, 4] },
        ...NETWORKS.map((name) => ({ name, colour: STARTS[name].colour, width: 2.5 })),
      ],
      draw: (pen) => this.task?.points.forEach((point) => pen.dot(point, "--q-data", 6)),
    });
  }

  guess(at) {
    this.chart.handle({
      name: `your guess at ${short(PLACES[at])}`, colour: YOU.colour, upright: true,
      at: () => [PLACES[at], this.guesses[at]], says: () => short(this.guesses[at]),
      moved: (_, y) => {
        // What one has looked up is no guess any more.
        if (!this.seen) this.guesses[at] = rounded(y);
        this.show();
      },
    }).button.dataset.maml = "guess";
  }

  row(name, { title, colour }) {
    const bar = element("span", { class: "bar", style: `background: var(${colour})`, "aria-hidden": "true" });
    const number = element("span", { "data-maml": `score-${name}` });
    const measure = element("dd", { class: "measure" }, number, bar);
    return { number, bar, element: element("div", {}, element("dt", {}, title), measure) };
  }

  // --- what changes it ---

  begin(task) {
    this.task = task;
    this.guesses.fill(0);
    this.seen = undefined;
    this.show();
  }

  reveal() {
    const { amplitude, phase, points } = this.task;
    const [X, Y] = [0, 1].map((axis) => Float32Array.from(points, (point) => point[axis]));
    const error = (found) => mean([...PLACES].map((x, at) => (found[at] - sinusoid(x, amplitude, phase)) ** 2));
    this.networks ??= Object.fromEntries(NETWORKS.map((name) => [name, STARTS[name].make()]));
    this.seen = { you: error(this.guesses) };
    this.drawn = [xs.map((x) => sinusoid(x, amplitude, phase))];
    for (const [name, network] of Object.entries(this.networks)) {
      this.seen[name] = error(network.at(PLACES, X, Y, ALPHA, STEPS));
      this.drawn.push([...network.along(X, Y, ALPHA, STEPS)]);
    }
    for (const [name, score] of Object.entries(this.seen)) this.scores[name].push(score);
    this.show();
  }

  // --- what is shown ---

  show() {
    const means = Object.entries(this.scores).map(([name, all]) => [name, all.length ? mean(all) : undefined]);
    const most = Math.max(...means.map(([, each]) => each ?? 0), 1e-9);
    for (const [name, each] of means) {
      this.rows[name].number.textContent = each === undefined ? "–" : short(each);
      this.rows[name].bar.style.width = `${(100 * (each ?? 0)) / most}%`;
    }
    this.look.disabled = Boolean(this.seen);
    this.chart.show(xs, this.seen ? this.drawn : [nothing, nothing, nothing]);
    this.text.textContent = this.sentence();
  }

  sentence() {
    const rounds = this.scores.you.length;
    if (!this.seen) return "Move the five guesses up and down to where you think that the sinusoid is. Then look.";
    const { you, maml, joint } = this.seen;
    return `Your mean squared error at the five places is ${short(you)}, that of MAML ${short(maml)}, that of joint training `
      + `${short(joint)}. The bars are the means over ${rounds === 1 ? "this one task" : `${rounds} tasks`}.`;
  }
}

customElements.define("maml-quiz", Quiz);
