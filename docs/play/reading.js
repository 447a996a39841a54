// Somebody's gradients from a file: an archive of numpy or JSON, and what is wrong with it.
//
// As docs/diagnose/reading.py: what it refuses is one line, which says what it was and what it must
// be.

import { CONSTANTS } from "./diagnosis.js";
import { cases } from "./gradients.js";
import { general } from "./numbers.js";
import { members } from "./unzip.js";

const { AS_ARRAYS, LARGEST, QUANTITIES, UNCONNECTED, WANTED } = CONSTANTS;

// Far more than the gradients of all cases have, and far less than fills a page's memory.
const MOST = 8e6;

// Of what is shown of a key that somebody has chosen.
const SHOWN = 60;

// How deep lists may be nested for their shape to be told.
const DEEPEST = 8;

export class Refusal extends Error {}

const refuse = (text) => {
  throw new Refusal(text);
};
const unreadable = (name, how) => refuse(`${name} is not readable as ${how}; it must be ${WANTED}`);

// The gradients of one case or more; `bytes` are those of a file, or of a text that was pasted.
export async function read(name, bytes, isJson) {
  if (bytes.length > MOST) {
    const [was, most] = [bytes.length, MOST].map((each) => each.toLocaleString("en"));
    refuse(`${name} has ${was} bytes; it must have at most ${most}`);
  }
  const byCase = nested(name, isJson ? fromJson(name, bytes) : await fromArchive(name, bytes));
  if (!byCase.size) refuse(`${name} holds nothing; it must be ${WANTED}`);
  for (const [key, arrays] of byCase) {
    if (!Object.hasOwn(cases, key))
      refuse(`${name}: the case is ${quoted(key)}; it must be one of ${Object.keys(cases).join(", ")}`);
    if (["X_s", "Y_s", "X_q", "Y_q"].every((each) => arrays.has(each)))
      refuse(`${name} is the file of the problems; it must be that of the gradients`);
  }
  const names = [...byCase.values()].flatMap((arrays) => [...arrays.keys()]);
  if (names.some((each) => QUANTITIES.includes(each)) || (names.length && !names.some(isWeight)))
    refuse(`${name} has quantities of the derivation, such as ${shortened(names.find((each) => !isWeight(each)))}; `
      + "here it must have gradients only. The command walks through them: maml-derived diagnose FILE");
  return Object.values(cases).filter((of) => byCase.has(of.name))
    .map((of) => found(of, byCase.get(of.name), `${name}: ${of.name}/`));
}

const isWeight = (name) => /^[Wb]\d+$/.test(name);
const isRecord = (value) => value?.constructor === Object;
const shortened = (text) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
const quoted = (text) => {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return mark + shortened(text).replaceAll("\\", "\\\\").replaceAll("\n", "\\n") + mark;
};

// By case and parameter; keys are cases, or CASE/W1, ...
function nested(name, arrays) {
  const byCase = new Map();
  for (const [key, value] of Object.entries(arrays)) {
    const slash = key.indexOf("/"), of = slash < 0 ? key : key.slice(0, slash);
    if (slash < 0 && !isRecord(value))
      refuse(`${name}: a key is ${quoted(key)}; keys must be CASE/W1, CASE/b1, ...`);
    const held = byCase.get(of) ?? new Map();
    for (const [each, array] of slash < 0 ? Object.entries(value) : [[key.slice(slash + 1), value]])
      held.set(each, array);
    byCase.set(of, held);
  }
  return byCase;
}

// --- JSON ---

function fromJson(name, bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    refuse(`${name} is not in UTF-8; save it as that`);
  }
  // Python writes NaN and Infinity, which are no JSON; they are to be found where they stand.
  const plain = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g,
    (part) => (part[0] === '"' ? part : "1e999"));
  let record;
  try {
    record = JSON.parse(plain);
  } catch {
    unreadable(name, "JSON");
  }
  if (!isRecord(record)) refuse(`${name} is ${kindOf(record)}; it must be ${WANTED}`);
  return record;
}

const kindOf = (value) => {
  if (Array.isArray(value)) return "a list";
  return value === null ? "null" : { string: "a text", number: "a number", boolean: "a truth value" }[typeof value] ?? "an object";
};

// --- archives of numpy ---

const LEGACY = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

async function fromArchive(name, bytes) {
  let files;
  try {
    if (LEGACY.every((byte, at) => bytes[at] === byte)) files = new Map([["/data.pkl", null]]);
    else files = await members(bytes, MOST);
  } catch {
    unreadable(name, "arrays");
  }
  if ([...files.keys()].some((each) => each.endsWith("/data.pkl")))
    refuse(`${name} is a file of torch.save; save ${AS_ARRAYS}`);
  const arrays = {};
  for (const [file, content] of files) {
    const key = file.replace(/\.npy$/, "");
    arrays[key] = fromNpy(name, key, content);
  }
  return arrays;
}

const READ = {
  f2: (view, at, little) => half(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
};
const KINDS = { b: "bool", c: "complex", U: "text", S: "bytes", M: "dates", m: "times", V: "records" };

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, rest = bits & 1023;
  if (power === 31) return rest ? NaN : sign * Infinity;
  return sign * (power ? 2 ** (power - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
}

// An array of a file, which is no list or record of JSON.
class Stored {
  constructor(fields) {
    Object.assign(this, fields);
  }
}

function fromNpy(name, key, bytes) {
  const parsed = header(bytes);
  if (!parsed) unreadable(name, "arrays");
  const { kind, little, byColumns, shape, start } = parsed;
  if (kind[0] === "O")
    refuse(isWeight(key.slice(key.lastIndexOf("/") + 1))
      ? `${name}: ${key} is a Python object, such as None; ${UNCONNECTED}`
      : `${name}: ${shortened(key)} is a Python object; it must be real numbers`);
  const one = READ[kind];
  if (!one) return new Stored({ shape, refused: KINDS[kind[0]] ?? kind });
  const count = shape.reduce((product, size) => product * size, 1), width = Number(kind[1]);
  if (start + count * width > bytes.length) unreadable(name, "arrays");
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const values = Array.from({ length: count }, (_, at) => one(view, at * width, little));
  // More axes than two are refused, in whatever order they are.
  const turned = byColumns && shape.length === 2;
  return new Stored(turned ? transposed({ shape: [...shape].reverse(), values }) : { shape, values });
}

// What is written before the numbers: a dictionary of Python.
function header(bytes) {
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.length < 12 || magic.some((byte, at) => bytes[at] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset), long = bytes[6] > 1;
  const begin = long ? 12 : 10, start = begin + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  if (start > bytes.length) return null;
  const text = new TextDecoder("latin1").decode(bytes.subarray(begin, start));
  const kind = /'descr': '([<>|=]?)(\w+)/.exec(text), order = /'fortran_order': (True|False)/.exec(text);
  const shape = /'shape': \(([\d, ]*)\)/.exec(text);
  if (!kind || !order || !shape) return null;
  return {
    kind: kind[2], little: kind[1] !== ">", byColumns: order[1] === "True", start,
    shape: shape[1].split(",").map((each) => each.trim()).filter(Boolean).map(Number),
  };
}

// --- arrays ---

const tuple = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
const same = (one, other) => one.length === other.length && one.every((size, at) => size === other[at]);

function transposed({ shape: [rows, columns], values }) {
  const turned = Array.from({ length: values.length }, (_, at) =>
    values[(at % rows) * columns + Math.floor(at / rows)]);
  return { shape: [columns, rows], values: turned };
}

// A gradient of a case, laid out as the equations have it.
function found(of, arrays, where) {
  const { names } = of.net, all = names.join(", ");
  const missing = names.find((name) => !arrays.has(name));
  if (missing) refuse(`${where}${missing} is missing; there must be ${all}`);
  const unknown = [...arrays.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined)
    refuse(`${where}${shortened(unknown)} is no parameter; there must be ${all}`);
  const absent = names.filter((name) => arrays.get(name) === null);
  if (absent.length) {
    const which = absent.length === names.length ? "every parameter" : absent[0];
    refuse(`${where}${which} is None; ${UNCONNECTED}`);
  }
  const plain = names.map((name) => numbers(arrays.get(name), where + name));
  const wanted = of.weights.map((rows) => [rows.length, rows[0].length]);
  const laid = names.map((name, at) => laidOut(plain[at], wanted[at], where + name, name[0] === "b"));
  // A square matrix does not tell; the others do.
  const turned = names.flatMap((name, at) => {
    const { shape } = plain[at];
    return name[0] === "W" && shape[0] !== shape[1] ? [!same(shape, wanted[at])] : [];
  });
  if (turned.some(Boolean) && !turned.every(Boolean))
    refuse(`${where}W1, ... are some (in, out) and some (out, in); they must all be alike`);
  const lies = turned.some(Boolean), gradient = laid.map((each) => {
    const [rows, columns] = each.shape;
    return inRows(lies && rows === columns && rows > 1 ? transposed(each) : each);
  });
  return { of, gradient, transposed: lies, single: laid.every(({ values }) => values.every(ofSingle)) };
}

const inRows = ({ shape: [rows, columns], values }) =>
  Array.from({ length: rows }, (_, at) => values.slice(at * columns, (at + 1) * columns));

// Whether it is a number of float32, or printed with no more digits than it has.
const ofSingle = (value) => Math.fround(value) === value || Number(value.toPrecision(9)) === value;

function laidOut(array, wanted, name, isBias) {
  const [rows, columns] = wanted, other = isBias ? [columns] : [columns, rows];
  if (same(array.shape, wanted)) return array;
  if (!same(array.shape, other))
    refuse(`${name} is ${tuple(array.shape)}; it must be ${tuple(wanted)} or ${tuple(other)}`);
  return isBias ? { shape: wanted, values: array.values } : transposed(array);
}

// An array of finite real numbers.
function numbers(given, name) {
  const { shape, values, refused } = given instanceof Stored ? given : listed(given, name);
  if (refused) refuse(`${name} is ${refused}; it must be real numbers`);
  if (!values.every(Number.isFinite)) refuse(`${name} is not finite; it must be`);
  if (values.some((value) => Math.abs(value) > LARGEST))
    refuse(`${name} has entries beyond ${general(LARGEST, 6)}; it must not`);
  return { shape, values };
}

// Lists of JSON as an array.
function listed(given, name) {
  const shape = [];
  for (let at = given; Array.isArray(at); at = at[0]) {
    shape.push(at.length);
    if (shape.length > DEEPEST)
      refuse(`${name} is nested more than ${DEEPEST} deep; it must be a list of rows of numbers`);
  }
  const regular = (value, depth) => (depth === shape.length
    ? !Array.isArray(value)
    : Array.isArray(value) && value.length === shape[depth] && value.every((each) => regular(each, depth + 1)));
  const values = shape.reduce((all) => all.flat(), [given]);
  if (!regular(given, 0))
    refuse(`${name} cannot be made an array: its rows differ in length; they must all be alike`);
  const odd = values.find((value) => typeof value !== "number");
  if (odd === undefined) return { shape, values };
  return { shape, refused: { boolean: "bool", string: "text" }[typeof odd] ?? "object" };
}
