// The panel of the playground that trains: its buttons and settings, its numbers and its curves.

import { npz } from "./npz.js";
import { button, element, legend, short, slider } from "./parts.js";
import { plot } from "./plot.js";
import { runner } from "./runner.js";
import { CHOICES, RATES, toCommand, toEvaluation } from "./state.js";
import { METHODS } from "./training.js";

const MOST_PLACES = 400, HIGHEST = 8;
const FRESH = {
  iteration: 0, rate: 0, loss: undefined, error: undefined, first: undefined, history: [], playing: false,
};

export class Panel {
  // `trained` is given the parameters as they are, `changed` is told of other settings.
  constructor(state, { trained, changed }) {
    Object.assign(this, { state, trained, changed, updates: [], shown: { ...FRESH, where: "", how: "" } });
    const output = (name) => element("output", { "data-maml": name }, "–");
    this.numbers = {
      iteration: output("iteration"), rate: output("rate"), loss: output("loss"),
      error: output("held-out"),
    };
    this.status = element("p", { class: "readout", role: "status", "data-maml": "training" });
    this.note = element("span", { role: "status" });
    this.host = element("div", { class: "plot" });
    this.chart = this.curves();
    const named = (name, label, work) => button(label, work, { "data-maml": name });
    this.buttons = {
      play: named("play", "▶ play", () => this.run(true)),
      pause: named("pause", "pause", () => this.run(false)),
      step: named("step", "one step", () => this.step()),
      reset: named("reset", "reset", () => this.begin()),
    };
    // The same from where the curves are.
    this.toggle = button("▶ train one", () => this.run(!this.shown.playing), { "data-maml": "train" });
    this.progress = element("span", { "data-maml": "progress" });
    this.says = element("p", { class: "readout", "data-maml": "algorithm" });
    document.addEventListener("visibilitychange", () => this.seen(!document.hidden));
  }

  // --- what there is ---

  get parts() {
    const { iteration, rate, loss, error } = this.numbers;
    const item = (label, output) => element("div", {}, element("dt", {}, label), element("dd", {}, output));
    return [
      element("div", { class: "controls" }, ...Object.values(this.buttons),
        this.choice("method", "algorithm", (each) => METHODS[each].title)),
      this.says,
      element("dl", { class: "numbers" }, item("iterations", iteration), item("a second", rate),
        item("loss, mean of the last 100", loss), item("error on unseen tasks, after one step", error)),
      this.host,
      legend([
        ["loss in training", "--q-edge"],
        ["error on 50 unseen tasks after one step", "--m-live", "thick"],
      ]),
      element("details", {}, element("summary", {}, "Settings"), this.settings()),
      this.takenHome(),
      this.status,
    ];
  }

  curves() {
    return plot(this.host, {
      x: [0, 100], y: [0, 5], labels: ["iterations", "error"], height: 200,
      described: "The loss in training and the error on unseen tasks over iterations",
      curves: [
        { name: "loss in training", colour: "--q-edge", width: 1.5 },
        { name: "error on unseen tasks after one step", colour: "--m-live", width: 2.5 },
      ],
    });
  }

  choice(name, label, says = String) {
    const choices = CHOICES[name], options = choices.map((each) => element("option", {}, says(each)));
    const select = element("select", {
      "data-maml": `train-${name}`, onchange: () => this.set({ [name]: choices[select.selectedIndex] }),
    }, ...options);
    this.updates.push(() => { select.selectedIndex = choices.indexOf(this.state.training[name]); });
    return element("label", { class: "choice" }, label, select);
  }

  settings() {
    const { training } = this.state;
    const number = (name, label, [min, max], step) => {
      const made = slider({
        name: label, min, max, step, value: training[name], says: short,
        changed: (value) => this.set({ [name]: value }),
      });
      this.updates.push(() => made.set(this.state.training[name]));
      return made.element;
    };
    return element("div", { class: "controls" },
      this.choice("shots", "shots"), this.choice("tasks", "tasks of a meta-batch"),
      this.choice("width", "units of a layer"),
      number("alpha", "inner step size α", RATES, 0.001),
      number("beta", "outer step size β", [0.0001, 0.01], 0.0001),
      number("seed", "seed", [0, 99], 1));
  }

  takenHome() {
    const copy = (what, text) => async () => {
      try {
        await navigator.clipboard.writeText(text());
        this.note.textContent = `${what} is copied.`;
      } catch {
        this.note.textContent = text();
      }
    };
    return element("div", { class: "controls" },
      button("copy link", copy("The link", () => location.href)),
      button("copy as Python",
        copy("The command", () => toCommand(this.state.training, this.shown.iteration))),
      button("download weights", () => this.download()), this.note);
  }

  // --- what changes it ---

  load() {
    this.send ??= runner((message) => this.receive(message));
    this.updates.forEach((update) => update());
    this.begin();
  }

  begin() {
    Object.assign(this.shown, FRESH, { history: [] });
    this.send({ start: { ...this.state.training } });
  }

  run(on) {
    this.shown.playing = on;
    this.send(on ? { play: true } : { pause: true });
    this.show();
  }

  step() {
    this.run(false);
    this.advance(1);
  }

  advance(count) {
    this.send({ advance: count });
  }

  set(next) {
    const { playing } = this.shown;
    Object.assign(this.state.training, next);
    this.begin();
    if (playing) this.run(true);
    this.changed(true);
  }

  // A page that nobody sees does not train; it goes on when it is seen again.
  seen(visible) {
    if (!visible && this.shown.playing) {
      this.resumes = true;
      this.run(false);
    } else if (visible && this.resumes) {
      this.resumes = false;
      this.run(true);
    }
  }

  receive(message) {
    const error = message.error ?? this.shown.error;
    Object.assign(this.shown, message, { error, first: this.shown.first ?? error });
    if (message.iteration !== undefined) {
      this.shown.history.push([message.iteration, message.loss ?? null, error ?? null]);
      // Every second place is left out when there are many: the whole training stays in sight.
      if (this.shown.history.length > MOST_PLACES)
        this.shown.history = this.shown.history.filter((_, at) => at % 2);
      this.trained(message.parameters, this.state.training);
    }
    this.show();
  }

  download() {
    const { training } = this.state, { title, learnsRates } = METHODS[training.method];
    const { parameters } = this.shown, length = parameters.length / (learnsRates ? 2 : 1);
    const arrays = arraysOf(parameters.subarray(0, length), training.width, "");
    if (learnsRates) Object.assign(arrays, arraysOf(parameters.subarray(length), training.width, "rate_"));
    const address = URL.createObjectURL(new Blob([npz(arrays)]));
    element("a", { href: address, download: `${training.method}.npz`, title }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    this.note.replaceChildren("To evaluate them: ", element("code", {}, toEvaluation(training)));
  }

  // --- what is shown ---

  show() {
    const { iteration, rate, loss, error, first, history, playing, where, how } = this.shown;
    const said = (value) => (value === undefined ? "–" : short(value));
    this.numbers.iteration.textContent = iteration.toLocaleString("en");
    this.numbers.rate.textContent = playing ? Math.round(rate).toLocaleString("en") : "0";
    this.numbers.loss.textContent = said(loss);
    this.numbers.error.textContent = said(error);
    const [iterations, losses, errors] = [0, 1, 2].map((at) => history.map((row) => row[at]));
    // The first losses of all are far above the others.
    const most = Math.max(1, ...errors, ...losses.filter(Boolean).slice(2));
    const ranges = { x: [0, Math.max(100, iteration)], y: [0, Math.min(most, HIGHEST)] };
    this.chart.show(iterations, [losses, errors], ranges);
    this.buttons.play.disabled = playing;
    this.buttons.pause.disabled = !playing;
    this.toggle.textContent = playing ? "pause the training" : "▶ train one";
    const { title, says } = METHODS[this.state.training.method];
    this.progress.textContent = iteration
      ? `${title} after ${iteration.toLocaleString("en")} iterations: its error on unseen tasks, ${said(first)} at first, is ${said(error)}.`
      : "";
    this.says.textContent = says;
    this.status.textContent = `${title} trains ${where || "in a worker"}, in ${how || "JavaScript"}.`;
  }
}

// A vector as the arrays of a file, layer by layer: matrices and biases.
function arraysOf(vector, width, prefix) {
  const sizes = [1, width, width, 1], arrays = {};
  let at = 0;
  sizes.slice(1).forEach((below, layer) => {
    for (const [name, rows] of [["W", sizes[layer]], ["b", 1]]) {
      const shape = [rows, below];
      arrays[`${prefix}${name}${layer + 1}`] = [vector.slice(at, at + rows * below), shape];
      at += rows * below;
    }
  });
  return arrays;
}
