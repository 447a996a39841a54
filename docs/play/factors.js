// Factors that a gradient may be too long by, as docs/diagnose/factors.py names them.

import { CONSTANTS } from "./diagnosis.js";
import { digits } from "./numbers.js";

const { SUMMED, NUMBERS, MOST, TWO } = CONSTANTS;
const LETTERS = ["T", "M", "N", "O", "steps", "alpha"];
const SIZE = { ...Object.fromEntries(Object.entries(SUMMED).map(([name, what]) => [name, `the number of ${what}`])), ...NUMBERS };

export const ONE = { name: "1", value: 1, meaning: "", remedy: "" };

export const unnamed = (value) => ({
  name: "", value, meaning: "", remedy: `look for a factor of ${digits(value)} in the outer loss`,
});

// The factors that have a name, the plainest first.
export function factors(sizes) {
  const lengths = [0, -1, 1].flatMap((two) => powers(LETTERS.length).map((each) => [two, each]));
  const [M, N] = ["M", "N"].map((name) => LETTERS.indexOf(name));
  const far = ([two, each]) => Math.abs(two) + count(each);
  const named = lengths
    .filter(([, each]) => count(each) <= MOST && each[M] * each[N] < 1)
    .sort((one, other) => far(one) - far(other))
    .map(([two, each]) => factor(two, each, sizes));
  return [ONE, ...named.slice(1), ...named.map(opposite)];
}

const count = (each) => each.reduce((sum, power) => sum + Math.abs(power), 0);
const powers = (many) =>
  (many ? [1, -1, 0].flatMap((power) => powers(many - 1).map((rest) => [power, ...rest])) : [[]]);

function factor(two, each, sizes) {
  const [above, below] = [1, -1].map((side) => LETTERS.filter((_, at) => each[at] === side));
  const product = (names) => names.reduce((value, name) => value * sizes[name], 1);
  const under = [...(two < 0 ? ["2"] : []), ...below];
  let name = [...(two > 0 ? ["2"] : []), ...above].join(" ") || "1";
  if (under.length) name += under.length > 1 ? ` / (${under.join(" ")})` : ` / ${under[0]}`;
  const value = (2 ** two * product(above)) / product(below);
  return { name, value, meaning: meaning(two, above, below), remedy: remedy(two, above, below) };
}

const said = (before, names, between = " and ") => (names.length ? [`${before} ${names.join(between)}`] : []);

const meaning = (two, above, below) => [
  ...said("summed over", above.filter((name) => name in SUMMED).map((name) => SUMMED[name])),
  ...said("multiplied by", above.filter((name) => name in NUMBERS).map((name) => NUMBERS[name])),
  ...said("divided by", below.map((name) => SIZE[name])),
  ...TWO[two][0],
].join(", ");

const remedy = (two, above, below) => [
  ...TWO[two][1],
  ...said("divide by", above.filter((name) => name in NUMBERS), " "),
  ...said("multiply by", below, " "),
  ...said("average the outer loss over", above.filter((name) => name in SUMMED).map((name) => SUMMED[name])),
  ...(above.includes("T") ? ["the MAML paper adds tasks up, here it is their mean"] : []),
].join("; ");

const opposite = ({ name, value, meaning: what, remedy: how }) => ({
  name: `-${name}`, value: -value,
  meaning: [what, "of the opposite sign"].filter(Boolean).join(", "),
  remedy: ["flip the sign", how].filter(Boolean).join("; "),
});
