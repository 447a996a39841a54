// The panel of the playground that trains: its settings, its numbers and its curves.

import { npz } from "./npz.js";
import { element, legend, slider } from "./parts.js";
import { plot, short } from "./plot.js";
import { runner } from "./runner.js";
import { CHOICES, RATES, toCommand, toEvaluation } from "./state.js";
import { METHODS } from "./training.js";

const MOST_PLACES = 400;

export function panel(state, { trained, changed }) {
  const shown = { iteration: 0, parameters: null, history: [], playing: false, where: "", how: "" };
  const text = (name, value = "–") => element("output", { "data-maml": name }, value);
  const numbers = { iteration: text("iteration", "0"), rate: text("rate"), loss: text("loss"), error: text("held-out") };
  const status = element("p", { class: "readout", role: "status", "data-maml": "training" });
  const host = element("div", { class: "plot" });
  const chart = plot(host, {
    x: [0, 100], y: [0, 5], labels: ["iterations", "error"], height: 200,
    described: "The loss in training and the error on unseen tasks over iterations",
    curves: [
      { name: "loss in training", colour: "--q-edge", width: 1.5 },
      { name: "error on unseen tasks after one step", colour: "--m-live", width: 2.5 },
    ],
  });
  let send;

  function receive(message) {
    Object.assign(shown, message);
    if (message.iteration !== undefined) {
      const { iteration, loss, error, parameters } = message;
      const last = shown.history.at(-1)?.[2] ?? null;
      shown.history.push([iteration, loss ?? null, error ?? last]);
      // Every second place is left out when there are many: the whole training stays in sight.
      if (shown.history.length > MOST_PLACES) shown.history = shown.history.filter((_, at) => at % 2);
      trained(parameters, state.training);
    }
    show();
  }

  function show() {
    numbers.iteration.textContent = shown.iteration.toLocaleString("en");
    numbers.rate.textContent = shown.playing ? Math.round(shown.rate).toLocaleString("en") : "0";
    numbers.loss.textContent = shown.loss === undefined ? "–" : short(shown.loss);
    const history = shown.history, columns = [0, 1, 2].map((at) => history.map((row) => row[at]));
    const error = columns[2].at(-1);
    numbers.error.textContent = error === undefined ? "–" : short(error);
    const most = Math.max(1, ...columns[2], ...columns[1].filter(Boolean).slice(2));
    chart.show(columns[0], columns.slice(1), { x: [0, Math.max(100, shown.iteration)], y: [0, Math.min(most, 8)] });
    play.textContent = shown.playing ? "▶ training" : "▶ play";
    play.disabled = shown.playing;
    pause.disabled = !shown.playing;
    status.textContent = `${METHODS[state.training.method].title} trains ${shown.where || "in a worker"}, in ${shown.how || "JavaScript"}.`;
  }

  // --- what changes it ---

  function begin() {
    Object.assign(shown, { playing: false, history: [], iteration: 0, loss: undefined });
    send({ start: { ...state.training } });
  }
  function run(on) {
    shown.playing = on;
    send(on ? { play: true } : { pause: true });
    show();
  }
  // A page that nobody sees does not train; it goes on when it is seen again.
  let resumes = false;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && shown.playing) {
      resumes = true;
      run(false);
    } else if (!document.hidden && resumes) {
      resumes = false;
      run(true);
    }
  });

  const button = (name, label, work) =>
    element("button", { type: "button", class: "md-button", "data-maml": name, onclick: work }, label);
  const play = button("play", "▶ play", () => run(true));
  const pause = button("pause", "pause", () => run(false));
  const step = button("step", "one step", () => {
    run(false);
    send({ advance: 1 });
  });
  const reset = button("reset", "reset", begin);

  const set = (next) => {
    Object.assign(state.training, next);
    begin();
    changed(true);
  };
  const choice = (name, label, says = String) => {
    const select = element("select", {
      "data-maml": `train-${name}`,
      onchange: () => set({ [name]: CHOICES[name][select.selectedIndex] }),
    }, ...CHOICES[name].map((each) => element("option", {}, says(each))));
    selects[name] = () => { select.selectedIndex = CHOICES[name].indexOf(state.training[name]); };
    return element("label", { class: "choice" }, label, select);
  };
  const selects = {};
  const training = (name, label, min, max, step) => {
    const made = slider({ name: label, min, max, step, value: state.training[name], says: short, changed: (value) => set({ [name]: value }) });
    selects[name] = () => made.set(state.training[name]);
    return made.element;
  };

  // --- what is taken home ---

  const note = element("span", { role: "status" });
  const copy = (what, written) => async () => {
    try {
      await navigator.clipboard.writeText(written());
      note.textContent = `${what} is copied.`;
    } catch {
      note.textContent = written();
    }
  };
  function download() {
    const { method, width } = state.training, sizes = [1, width, width, 1], arrays = {};
    const length = shown.parameters.length / (METHODS[method].learnsRates ? 2 : 1);
    for (const [begin, prefix] of [[0, ""], [length, "rate_"]]) {
      if (begin >= shown.parameters.length) continue;
      let at = begin;
      sizes.slice(1).forEach((below, layer) => {
        for (const [name, rows] of [["W", sizes[layer]], ["b", 1]]) {
          arrays[`${prefix}${name}${layer + 1}`] = [shown.parameters.slice(at, at + rows * below), [rows, below]];
          at += rows * below;
        }
      });
    }
    const address = URL.createObjectURL(new Blob([npz(arrays)]));
    element("a", { href: address, download: `${method}.npz` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    note.replaceChildren("To evaluate them: ", element("code", {}, toEvaluation(state.training)));
  }

  const item = (label, output) => element("div", {}, element("dt", {}, label), element("dd", {}, output));
  const parts = [
    element("div", { class: "controls" }, play, pause, step, reset),
    element("dl", { class: "numbers" }, item("iterations", numbers.iteration), item("a second", numbers.rate),
      item("loss, mean of the last 100", numbers.loss), item("error on unseen tasks, after one step", numbers.error)),
    host,
    legend([["loss in training", "--q-edge"], ["error on 50 unseen tasks after one step", "--m-live", "thick"]]),
    element("details", {}, element("summary", {}, "Settings"), element("div", { class: "controls" },
      choice("method", "algorithm", (each) => METHODS[each].title), choice("shots", "shots"),
      choice("tasks", "tasks of a meta-batch"), choice("width", "units of a layer"),
      training("alpha", "inner step size α", ...RATES, 0.001), training("beta", "outer step size β", 0.0001, 0.01, 0.0001),
      training("seed", "seed", 0, 99, 1))),
    element("div", { class: "controls" },
      button("copy-link", "copy link", copy("The link", () => location.href)),
      button("copy-python", "copy as Python", copy("The command", () => toCommand(state.training, shown.iteration))),
      button("download", "download weights", download), note),
    status,
  ];

  return {
    parts,
    load() {
      send ??= runner(receive);
      Object.values(selects).forEach((update) => update());
      begin();
    },
    advance: (count) => send({ advance: count }),
    get shown() { return shown; },
  };
}
