// From a file, or a mistake of our own, to what is said of it.

import { judged } from "./compare.js";
import { HYPOTHESES } from "./diagnosis.js";
import { cases, gradient } from "./gradients.js";
import { Refusal, read } from "./reading.js";

// The cases of a mistake of our own: of one step and of several.
const OWN = ["relu2", "relu2_5steps"];

// Says what it is at, `{ at }`, and in the end `{ answer, right, order, text }` or `{ refused }`.
// A task is `{ name, bytes, isJson }` or `{ mistake }`.
export async function* judge({ name, bytes, isJson, mistake }) {
  let given;
  try {
    given = mistake ? OWN.map((each) => made(mistake, cases[each])) : await read(name, bytes, isJson);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield { refused: error.message };
    return;
  }
  const work = judged(given);
  let step = work.next();
  for (; !step.done; step = work.next()) yield { at: step.value };
  yield step.value;
}

// The gradient of a hypothesis, as a file in single precision has it.
function made(mistake, of) {
  const vector = gradient(of, HYPOTHESES.find((each) => each.name === mistake));
  let at = 0;
  const rounded = of.weights.map((rows) => rows.map((row) => row.map(() => Math.fround(vector[at++]))));
  return { of, gradient: rounded, transposed: false, single: true };
}
