// What the page says of files, as JSON on standard output: a line is a name and the file's path.

import { readFile } from "node:fs/promises";

import { cases, gradient } from "../../../docs/play/gradients.js";
import { atNumber, inWords, judged } from "../../../docs/play/compare.js";
import * as data from "../../../docs/play/diagnosis.js";
import { factors } from "../../../docs/play/factors.js";
import { digits, general, scientific, wrapped } from "../../../docs/play/numbers.js";
import { Refusal, read } from "../../../docs/play/reading.js";

const { HYPOTHESES } = data, FAMILIES = [...data.FAMILIES, ...Object.values(data.IN_COMPANY)];
const FORMATS = { digits, general, scientific, wrapped };

function run(work) {
  let step;
  do step = work.next(); while (!step.done);
  return step.value;
}

const computed = {
  gradients: () => Object.fromEntries(Object.values(cases).map((of) =>
    [of.name, HYPOTHESES.map((each) => [...gradient(of, each)])])),
  families: ({ names, numbers }) => Object.fromEntries(names.map((name) => [name, FAMILIES.map(
    (each, at) => [
      [...atNumber(cases[name], each, numbers[at])], inWords(cases[name], each, numbers[at]),
    ])])),
  data: () => JSON.stringify(data),
  factors: ({ sizes }) => factors(sizes),
  formats: ({ calls }) => calls.map(([name, ...given]) => FORMATS[name](...given)),
  async verdict({ path, noise }) {
    for (const [name, size] of Object.entries(noise)) cases[name].noise = size;
    try {
      const given = await read(path, new Uint8Array(await readFile(path)), path.endsWith(".json"));
      return run(judged(given)).text;
    } catch (error) {
      if (error instanceof Refusal) return `error: ${error.message}`;
      throw error;
    }
  },
};

let text = "";
for await (const part of process.stdin) text += part;
const found = [];
for (const [name, given] of JSON.parse(text)) found.push(await computed[name](given));
console.log(JSON.stringify(found));
