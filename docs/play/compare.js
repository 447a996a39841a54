// A gradient beside every hypothesis, as docs/diagnose/compare.py compares them.
//
// It takes seconds where a number is looked for. So these are generators, which say what they are
// at, and whoever runs them may do something else meanwhile.

import { CONSTANTS, FAMILIES, HYPOTHESES, IN_COMPANY } from "./diagnosis.js";
import { ONE, factors, unnamed } from "./factors.js";
import { dot, flat, gradient } from "./gradients.js";
import { digits } from "./numbers.js";
import { closeTo, plainest, verdict } from "./said.js";

const {
  ALIKE, CONVERGED, DECIMALS, HALF_A_DIGIT, ITERATIONS, JUMP, NARROWING, NEAR, NEAREST, NEIGHBOURS,
  PRINTED, ROUNDS, SAFETY, SHORTEST, SLIGHTLY, SMOOTH, STEEP, WIDE,
} = CONSTANTS;
const [RIGHT, FIRST] = HYPOTHESES;
const EVERY_FAMILY = [...FAMILIES, ...Object.values(IN_COMPANY)];

const norm = (a) => Math.sqrt(dot(a, a));
// p a + q b
function sum(p, a, q, b) {
  const found = new Float64Array(a.length);
  for (let at = 0; at < a.length; at++) found[at] = p * a[at] + q * b[at];
  return found;
}
// Of what is ours from a multiple of what is theirs.
const distance = (ours, theirs, factor = 1) =>
  norm(sum(1, ours, -factor, theirs)) / (Math.abs(factor) * norm(theirs));
const vanishes = (a) => norm(a) < SHORTEST;

// --- all cases ---

export function* judged(given) {
  const alone = [], found = new Map();
  for (const each of given) alone.push(yield* judge(each));
  // What a number is for in one case may have another name in the next.
  for (const fit of alone.flatMap((each) => [...each.matches, ...each.better]))
    if (fit.numbers.length)
      found.set(fit.hypothesis.name, new Set([...(found.get(fit.hypothesis.name) ?? []), ...fit.numbers]));
  const all = [];
  for (const [at, each] of alone.entries()) all.push(yield* also(each, given[at], found));
  return verdict(all);
}

// With what was found in other cases, where it agrees as well.
function* also(of, given, found) {
  const own = new Set([...of.matches, ...of.better].map((fit) => fit.hypothesis.name));
  const missing = EVERY_FAMILY.filter(({ hypothesis: { name } }) => found.has(name) && !own.has(name));
  const agreeing = yield* agreeingNumbers(given, missing);
  const more = agreeing.filter(({ hypothesis: { name }, numbers }) =>
    !numbers.length || numbers.some((each) => found.get(name).has(each)));
  return { ...of, matches: [...of.matches, ...more] };
}

// --- one case ---

const expected = {};

function* judge(given) {
  const { of, single } = given, ours = flat(given.gradient);
  const rounding = single ? of.noise : PRINTED, known = named(of), fits = [];
  expected[of.name] ??= [];
  for (const [at, hypothesis] of HYPOTHESES.entries()) {
    yield `${of.name}: ${hypothesis.name}`;
    const theirs = (expected[of.name][at] ??= gradient(of, hypothesis));
    const own = hypothesis.ofWeights ? ofDifference(of, theirs, single) : rounding;
    fits.push(fitted(ours, hypothesis, theirs, known, SAFETY * own));
  }
  const agreeing = fits.filter((fit) => fit.agrees);
  const others = fits.filter((fit) => !fit.agrees).sort((a, b) => rounded(a) - rounded(b));
  const [nearest] = others;
  const next = others.find((fit) => rounded(fit) > rounded(nearest));
  const found = {
    case: of.name, steps: of.steps, nearest, nextError: next ? rounded(next) : Infinity,
    matches: plainest([...agreeing, ...idle(agreeing, of)]),
    parameters: parameters(of, given.gradient, SAFETY * rounding),
    transposed: given.transposed, better: [], single, noise: rounding,
  };
  if (agreeing.length || vanishes(ours)) return found;
  const better = yield* agreeingNumbers(given, FAMILIES);
  if (closeTo(found)) return { ...found, better };
  if (better.length) return { ...found, matches: plainest(better) };
  const near = others.flatMap((fit) => IN_COMPANY[fit.hypothesis.name] ?? []).slice(0, NEAREST);
  return { ...found, matches: plainest(yield* agreeingNumbers(given, near)) };
}

const named = (of) => (of.factors ??= factors({ ...of.sizes, steps: of.steps, alpha: of.alpha }));
const rounded = ({ error }) => Math.round(error * 10 ** DECIMALS) / 10 ** DECIMALS;

// What rounding leaves in a difference of weights, which are far longer.
function ofDifference(of, difference, single) {
  const longer = norm(flat(of.weights)) / norm(difference);
  return single ? Math.max(of.noise, HALF_A_DIGIT * longer) : PRINTED;
}

// Two vectors up to a factor; one that is not known leaves the direction alone.
function fitted(ours, hypothesis, theirs, known, tolerance) {
  const made = (all, error) =>
    ({ hypothesis, factors: all, error, tolerance, numbers: [], agrees: error < tolerance });
  const nothing = [ours, theirs].filter(vanishes).length;
  if (nothing) return made([ONE], nothing === 2 ? 0 : 1);
  const best = dot(ours, theirs) / dot(theirs, theirs);
  if (Math.abs(best) * norm(theirs) < SHORTEST) return made([ONE], 1);
  let found;
  if (distance(ours, theirs, best) < tolerance) {
    found = known.filter(({ value }) => Math.abs(best / value - 1) < tolerance);
    if (!found.length) found = [unnamed(best)];
  } else found = [Math.abs(best - 1) < NEAR ? ONE : unnamed(best)];
  return made(found, distance(ours, theirs, found[0].value));
}

// What a case of one step cannot tell from the plain orders: numbers of the loop.
function idle(agreeing, of) {
  const plain = new Map(agreeing.filter(({ hypothesis }) => [RIGHT, FIRST].includes(hypothesis))
    .map((fit) => [fit.hypothesis.order, fit]));
  return FAMILIES
    .filter(({ loop, hypothesis }) => of.steps === 1 && loop && plain.has(hypothesis.order))
    .map(({ hypothesis }) => ({ ...plain.get(hypothesis.order), hypothesis }));
}

function parameters(of, theirs, tolerance) {
  const whole = (expected[of.name][0] ??= gradient(of, RIGHT)), all = tolerance * norm(whole);
  let at = 0;
  return of.net.names.map((name, place) => {
    const ours = flat([theirs[place]]), own = whole.subarray(at, (at += ours.length));
    const length = norm(own), error = distance(ours, own);
    return {
      name, error, angle: degrees(ours, own), length: norm(ours) / length,
      right: error * length < all,
    };
  });
}

function degrees(ours, theirs) {
  if (!norm(ours) || !norm(theirs)) return 90;
  const [apart, along] = [-1, 1].map((sign) => norm(sum(1 / norm(ours), ours, sign / norm(theirs), theirs)));
  return (2 * Math.atan2(apart, along) * 180) / Math.PI;
}

// --- hypotheses in which a number is free ---

function* agreeingNumbers(given, families) {
  const { of } = given, tolerance = SAFETY * (given.single ? of.noise : PRINTED), found = [];
  for (const family of families) {
    if (family.loop && of.steps === 1) continue;
    found.push(yield* free(flat(given.gradient), of, family, tolerance));
  }
  return found.filter((fit) => fit.agrees);
}

// The number with which a family fits best: neighbours first, from afar to near, and then Gauss
// and Newton.
function* free(ours, of, family, tolerance) {
  const known = new Map(), { hypothesis } = family;
  function* at(number) {
    if (!known.has(number)) {
      yield `${of.name}: ${hypothesis.name}?`;
      known.set(number, atNumber(of, family, number));
    }
    return known.get(number);
  }
  function* left(number) {
    const theirs = yield* at(number);
    if (vanishes(theirs)) return 1;
    return norm(sum(1, ours, -dot(ours, theirs) / dot(theirs, theirs), theirs)) / norm(ours);
  }
  function* least(numbers) {
    let best = numbers[0], error = Infinity;
    for (const each of numbers) {
      const own = yield* left(each);
      if (own < error) [best, error] = [each, own];
    }
    return best;
  }
  let number = yield* least(family.starts);
  for (let round = 0; round < ROUNDS; round++) {
    const width = WIDE / NARROWING ** round, from = number;
    number = yield* least(NEIGHBOURS.map((far) => from * (1 + far * width)));
    const error = yield* left(number);
    if (!(SMOOTH < error && error < STEEP * width + JUMP)) break;
  }
  if ((yield* left(number)) < JUMP) {
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      const theirs = yield* at(number), further = yield* at(number * (1 + SLIGHTLY));
      const [scale, moved] = leastSquares(theirs, sum(1 / SLIGHTLY, further, -1 / SLIGHTLY, theirs), ours);
      const by = scale ? Math.min(0.1, Math.max(-0.1, moved / scale)) : 0;
      number *= 1 + by;
      if (Math.abs(by) < CONVERGED) break;
    }
  }
  const theirs = yield* at(number), further = yield* at(number * (1 + SLIGHTLY));
  const idleHere = theirs.every((entry, place) => entry === further[place]);
  const fit = fitted(ours, hypothesis, theirs, named(of), tolerance);
  return { ...fit, numbers: idleHere ? [] : inWords(of, family, number) };
}

export const atNumber = (of, { hypothesis, free: name }, number) => (name === "alpha"
  ? gradient({ ...of, alpha: number * of.alpha }, hypothesis)
  : gradient(of, hypothesis, { [name]: number }));

export function inWords(of, { free: name }, number) {
  if (name === "alpha") return [`${digits(number)} alpha`, digits(number * of.alpha)];
  const near = (value) => Math.abs(number / value - 1) < ALIKE;
  return name === "curvature"
    ? [...(near(1 / of.alpha) ? ["1 / alpha"] : []), ...(near(of.alpha) ? ["alpha"] : []), digits(number)]
    : [digits(number)];
}

// The shortest pair that brings a u + b v nearest to w: one rotation makes u and v orthogonal.
function leastSquares(u, v, w) {
  const angle = Math.atan2(2 * dot(u, v), dot(u, u) - dot(v, v)) / 2;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const turned = [sum(c, u, s, v), sum(c, v, -s, u)];
  const longest = Math.max(...turned.map(norm)), smallest = Number.EPSILON * u.length * longest;
  const [a, b] = turned.map((each) => (norm(each) > smallest ? dot(each, w) / dot(each, each) : 0));
  return [c * a - s * b, s * a + c * b];
}
