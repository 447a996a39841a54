// A verdict, and how it is said, as docs/diagnose/verdict.py says it.

import { CONSTANTS, HYPOTHESES } from "./diagnosis.js";
import { ONE, unnamed } from "./factors.js";
import { digits, general, scientific, wrapped } from "./numbers.js";

const { ANY, CLEAR, COARSE, DOUBLE, EXACT, LOOP, NEAR, PRECISION, SEVERAL, SINGLE, WIDTH } = CONSTANTS;
const [RIGHT] = HYPOTHESES, NOTHING = "no gradient";

export const plainest = (fits) =>
  [...fits.filter((fit) => fit.factors[0] === ONE), ...fits.filter((fit) => fit.factors[0] !== ONE)];

// Whether it differs from the nearest hypothesis by little, but by more than rounding.
export const closeTo = ({ matches, nearest, nextError }) =>
  !matches.length && nearest.factors[0] === ONE && nearest.error < NEAR && nextError > CLEAR * nearest.error;

const isRight = (fit) => fit.agrees && fit.hypothesis === RIGHT && fit.factors[0] === ONE;

function inWords({ hypothesis, factors: [factor], numbers }) {
  const name = [hypothesis.name, ...numbers.slice(0, 1)].join(" ");
  if (factor === ONE) return name;
  if (Number.isNaN(factor.value)) return `${name}, but for its length`;
  return `${name}, times ${factor.name || digits(factor.value)}`;
}

const size = (error) =>
  (error >= EXACT ? scientific(error, 1) : `<${scientific(EXACT, 0)}`);
const off = (fit) => `${inWords(fit)}: off by ${general(fit.error, 2)}`;

// Two columns, as lines.
const columns = (pairs) => pairs.flatMap(([framework, text]) =>
  wrapped(text, WIDTH).map((line, at) => (at ? "" : framework).padEnd(15) + line));

// --- one case ---

function answerOf(of) {
  if (of.matches.length) return inWords(of.matches[0]);
  return closeTo(of) ? `close to ${inWords(of.nearest)}` : "none of these";
}

function orderOf(of) {
  if (of.matches.length) return of.matches[0].hypothesis.order;
  return closeTo(of) ? of.nearest.hypothesis.order : "cannot tell";
}

function differenceOf(of) {
  if (!closeTo(of)) return "";
  const [error, noise] = [of.nearest.error, of.noise]
    .map((each) => scientific(each, 0).replace("e-0", "e-"));
  return `, differs by more than rounding: ${error} against ${noise}`;
}

function accuracy({ hypothesis, error }) {
  return hypothesis.name === NOTHING ? "" : `, to float${error < DOUBLE ? 64 : 32} accuracy`;
}

function parameterLine({ name, error, angle, length, right }) {
  const cells = [size(error).padStart(9), `${angle.toFixed(2).padStart(9)}°`, general(length, 3).padStart(10)];
  return `${name.padEnd(9)}${cells.join("")}   ${right ? "right" : "wrong"}`;
}

function linesOf(of) {
  const layout = of.transposed ? ["matrices       (out, in)"] : [];
  if (of.matches.length) {
    const [first, ...others] = of.matches;
    const same = `${others.map(inWords).join("; ")}: no way to tell here`;
    return [
      `error          ${size(first.error)}${accuracy(first)}`,
      ...(others.length ? columns([["as well", same]]) : []),
      `nearest other  ${off(of.nearest)}`,
      ...layout,
    ];
  }
  return [
    `nearest        ${off(of.nearest)}`,
    ...layout,
    ...of.better.map((fit) => `fits better    ${off(fit)}`),
    ...(closeTo(of) ? [] : ["parameter    error     angle    length", ...of.parameters.map(parameterLine)]),
  ];
}

const indented = (lines) => lines.map((line) => (line.trim() ? `  ${line}` : line));
const block = (of) => [`${of.case}: ${answerOf(of)}${differenceOf(of)}`, ...indented(linesOf(of))].join("\n");

// --- all of them ---

export function verdict(cases) {
  const matches = inAll(cases), right = matches.some(isRight);
  const answer = answerTo(cases, matches, right), order = orderIn(cases, matches);
  const lines = matches.length ? explained(...matches) : differing(cases);
  if (loopIsWrong(cases)) lines.push(LOOP);
  const last = [`second order? ${order}`, `the meta-gradient? ${answer}`, ...indented(lines)].join("\n");
  return { right, answer, order, text: [...cases.map(block), last].join("\n\n") };
}

// The hypotheses that agree in every case, each with what its factors have in common.
function inAll(cases) {
  if (!cases.some((each) => each.matches.length)) return [];
  const byName = cases.map((each) =>
    new Map([...each.matches, ...each.better].map((fit) => [fit.hypothesis.name, fit])));
  const found = [];
  for (const [name, first] of byName[0]) {
    const fits = byName.flatMap((each) => each.get(name) ?? []);
    const numbers = sameNumbers(fits);
    if (fits.length < cases.length || !(numbers.length || fits.every((fit) => !fit.numbers.length))) continue;
    const [error, tolerance] = ["error", "tolerance"].map((what) => Math.max(...fits.map((fit) => fit[what])));
    const factors = inCommon(fits);
    found.push({ hypothesis: first.hypothesis, factors, error, tolerance, numbers, agrees: error < tolerance });
  }
  return plainest(found);
}

// The factors that are the same in every case: by their names, or else by their values.
function inCommon(fits) {
  const [first, ...others] = fits.map((fit) => fit.factors);
  const same = first.filter(({ name }) => name && others.every((all) => all.some((each) => each.name === name)));
  if (same.length) return same;
  const { value } = first[0], loosest = 2 * Math.max(...fits.map((fit) => fit.tolerance));
  if (others.every(([each]) => Math.abs(each.value / value - 1) < loosest)) return [unnamed(value)];
  return [{ name: "", value: NaN, meaning: "", remedy: "look for a factor in the outer loss, another in every case" }];
}

// What is said of a free number in every case in which it is not idle.
function sameNumbers(fits) {
  const [first = [], ...others] = fits.map((fit) => fit.numbers).filter((each) => each.length);
  return first.filter((each) => others.every((other) => other.includes(each)));
}

function orderIn(cases, matches) {
  if (matches.length) return matches[0].hypothesis.order;
  const orders = new Set(cases.map(orderOf));
  return orders.size === 1 ? [...orders][0] : "not the same in every case";
}

function answerTo(cases, matches, right) {
  if (matches.length && !right) return `no: ${inWords(matches[0])}`;
  if (!matches.length) {
    const [first, ...others] = groups(cases).keys();
    const worst = cases.reduce((a, b) => (b.nearest.error > a.nearest.error ? b : a));
    return `no: ${others.length ? "not the same in every case" : first + differenceOf(worst)}`;
  }
  if (cases.some((each) => each.steps > 1)) return "yes";
  return `yes, for one inner step; ${SEVERAL} tells about several`;
}

function groups(cases) {
  const found = new Map();
  for (const each of cases) {
    const answer = answerOf(each);
    found.set(answer, [...(found.get(answer) ?? []), each.case]);
  }
  return found;
}

// Whether it is right wherever there is one step, and nowhere else.
function loopIsWrong(cases) {
  const one = cases.filter((each) => each.steps === 1), several = cases.filter((each) => each.steps > 1);
  const right = (each) => each.matches.some(isRight);
  return one.length > 0 && several.length > 0 && one.every(right) && !several.some(right);
}

// What a hypothesis says, which others cannot be told from it, and what to change.
function explained(first, ...others) {
  const [factor] = first.factors, { explanation, remedies } = first.hypothesis;
  return [
    ...wrapped(explanation, WIDTH + 15),
    ...others.map((fit) => `With these cases it is ${inWords(fit)} as well.`),
    ...(factor.meaning ? [`But it is ${factor.meaning}.`] : []),
    ...columns(factor.remedy ? [...remedies, [ANY, factor.remedy]] : remedies),
  ];
}

// What there is to say where nothing agrees in every case.
function differing(cases) {
  const all = groups(cases), close = cases.filter(closeTo), lines = [];
  if (all.size > 1) for (const [what, names] of all) lines.push(`${what}: ${names.join(", ")}`);
  if (close.length) lines.push("No rounding of such numbers leaves that: look for a small term or number.");
  if (cases.every((each) => closeTo(each) && each.single && each.nearest.error > COARSE))
    lines.push("But products of matrices in TF32 or bfloat16 do:", ...columns(PRECISION));
  if (close.some((each) => !each.single && each.nearest.error < SINGLE))
    lines.push("What was computed in float32 must be saved as float32, too.");
  const unknown = cases.filter((each) => !each.matches.length && !closeTo(each));
  const parts = unknown.flatMap((each) => each.parameters);
  const wrong = new Set(parts.filter((part) => !part.right).map((part) => part.name));
  const right = new Set(parts.map((part) => part.name).filter((name) => !wrong.has(name)));
  const listed = (names) => [...names].join(", ") || "nothing";
  if (unknown.length)
    lines.push(
      `Right where it is none of these: ${listed(right)}.`,
      `Wrong in one such case or more: ${listed(wrong)}.`,
      "The angles are those to the true gradient.",
    );
  return lines;
}
