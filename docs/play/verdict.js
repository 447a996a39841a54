// Chapter 17 in the page: a file of gradients is dropped, chosen or pasted, and judged where it is.

import { HYPOTHESES } from "./diagnosis.js";
import { judge } from "./judge.js";
import { button, element } from "./parts.js";

// Of a page that stays quick, in milliseconds.
const SLICE = 12;

// What one can try without a file.
const TRIED = HYPOTHESES.map(({ name }) => name).filter((name) => !name.startsWith("first order,"));

// Whatever else the page has to do comes first. A timer would be slow where the page is hidden.
const pause = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});

class Verdict extends HTMLElement {
  turn = 0;

  connectedCallback() {
    if (this.status) return;
    this.replaceChildren(this.place(), this.paste(), this.example(), this.answer());
    for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
      this.addEventListener(kind, (event) => this.dragged(event, over));
  }

  disconnectedCallback() {
    this.turn++;
  }

  // --- what there is ---

  place() {
    const input = element("input", {
      type: "file", accept: ".npz,.json", "data-maml": "file",
      onchange: () => {
        this.open(input.files[0]);
        // The same file, mended, is another.
        input.value = "";
      },
    });
    return element("div", { class: "drop" },
      element("label", {}, element("span", {}, "Your gradients, a .npz or .json file: drop it here or choose it"), input),
      element("p", {}, "The file is read and judged in this page. It never leaves the browser."));
  }

  paste() {
    const text = element("textarea", {
      rows: 3, spellcheck: "false", autocomplete: "off", "data-maml": "paste",
      placeholder: '{"relu2": {"W1": [[…], …], "b1": […], …}}',
    });
    return element("div", { class: "ask" },
      element("label", {}, element("span", {}, "or paste JSON"), text),
      button("judge the text", () => this.judge({
        name: "the text", bytes: new TextEncoder().encode(text.value), isJson: true,
      }), { "data-maml": "judge" }));
  }

  example() {
    const choice = element("select", { "data-maml": "mistake" },
      ...TRIED.map((name) => element("option", {}, name)));
    choice.value = "first order";
    const work = () => this.judge({ name: choice.value, mistake: choice.value });
    return element("div", { class: "ask" },
      element("label", {}, element("span", {}, "or see what is said of"), choice),
      button("judge it", work, { "data-maml": "judge-ours" }));
  }

  answer() {
    this.status = element("p", { class: "answer", role: "status", "data-maml": "verdict-status" });
    // Not read out: it changes many times a second.
    this.progress = element("p", { class: "progress", "aria-hidden": "true" });
    // No listing: the theme takes the focus from those that it found too short to scroll.
    this.text = element("div", {
      class: "verdict scrolls", tabindex: 0, hidden: true, role: "region",
      "aria-label": "the whole verdict", "data-maml": "verdict",
    });
    return element("div", {}, this.status, this.progress, this.text);
  }

  // --- what happens ---

  dragged(event, over) {
    // Text that is dragged into the field is its own.
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.classList.toggle("over", over);
    if (event.type !== "drop") return;
    const { files } = event.dataTransfer;
    if (files.length === 1) this.open(files[0]);
    else this.show({ refused: `there are ${files.length} files; it must be one` });
  }

  async open(file) {
    if (!file) return;
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      this.judge({ name: file.name, bytes, isJson: file.name.endsWith(".json") });
    } catch {
      this.show({ refused: `${file.name} cannot be read; it must be a .npz or .json file` });
    }
  }

  // The last that is asked for is what is judged.
  async judge(task) {
    const turn = ++this.turn;
    this.text.hidden = true;
    this.say(`judging ${task.name} …`);
    await pause();
    let until = performance.now() + SLICE;
    try {
      for await (const said of judge(task)) {
        if (turn !== this.turn) return;
        if (!said.at) this.show(said);
        else if (performance.now() > until) {
          this.progress.textContent = said.at;
          await pause();
          until = performance.now() + SLICE;
        }
      }
    } catch (error) {
      this.show({ refused: `${task.name} could not be judged: ${error.message}` });
      throw error;
    }
  }

  show({ refused, answer, right, order, text }) {
    const kind = refused ? "refused" : right ? "right" : "wrong";
    this.say(refused ?? `Second order? ${order}. The meta-gradient? ${answer}.`, kind);
    this.progress.textContent = "";
    this.text.textContent = text ?? "";
    this.text.hidden = !text;
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.className = `answer ${kind}`;
  }
}

customElements.define("maml-verdict", Verdict);
