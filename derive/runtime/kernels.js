// Products and functions of small matrices, for the functions of a task.js.
//
// Entry (i, j) of a matrix is x[i * row + j * column]. Where it is as it was made, a row has room
// for a constant unit behind its entries, and `column` is 1. Numbers have 64 bits between being
// read and being stored, whatever the array has. What has met both Float32Array and Float64Array
// is compiled for either, and slower: a page that needs both has a worker for each.

export const matrix = (numbers, rows, columns) =>
  ({ x: new numbers(rows * (columns + 1)), rows, columns, row: columns + 1, column: 1 });
export const turned = ({ x, rows, columns, row, column }) =>
  ({ x, rows: columns, columns: rows, row: column, column: row });

// --- functions: a comparison with NaN is false, so that the last branch passes it on ---

export const relu = (x) => (x <= 0 ? 0 : x);
export const gate = (x, h) => (h <= 0 ? 0 : x); // x times the slope of relu
export const above = (x) => (x > 0 ? 1 : x <= 0 ? 0 : x);
export const below = (x) => above(-x);
export const decay = (x) => Math.exp(Math.min(x, 0));
export const dip = (x) => Math.expm1(Math.min(x, 0));
export const clip = (x) => Math.max(-1, Math.min(1, x));
export const within = (x) => above(1 - Math.abs(x));
export const reciprocal = (x) => 1 / x;
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));
export const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

// --- entries ---

export function constant(a, unit) {
  for (let i = 0; i < a.rows; i++) a.x[i * a.row + a.columns] = unit;
}
export function copy(out, a) {
  for (let i = 0; i < out.rows; i++)
    for (let j = 0; j < out.columns; j++)
      out.x[i * out.row + j * out.column] = a.x[i * a.row + j * a.column];
}
// Rows from an array of numbers, or to it, from a place on; the place behind them.
export function read(out, from, at, first = 0, last = out.rows) {
  for (let i = first; i < last; i++)
    for (let j = 0; j < out.columns; j++) out.x[i * out.row + j * out.column] = from[at++];
  return at;
}
export function write(a, to, at, first = 0, last = a.rows) {
  for (let i = first; i < last; i++)
    for (let j = 0; j < a.columns; j++) to[at++] = a.x[i * a.row + j * a.column];
  return at;
}
export function increase(a, to, at) {
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.columns; j++) to[at++] += a.x[i * a.row + j * a.column];
  return at;
}

// --- sums ---

// Of a value at every entry, whose place is given.
export function sum(a, value) {
  let total = 0;
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.columns; j++) total += value(i * a.row + j);
  return total;
}
export function along(a, i, columns) {
  let total = 0;
  for (let j = 0; j < columns; j++) total += a.x[i * a.row + j];
  return total;
}
export function down(a, j, rows) {
  let total = 0;
  for (let i = 0; i < rows; i++) total += a.x[i * a.row + j];
  return total;
}
export function most(a, j, rows) {
  let largest = a.x[j];
  for (let i = 1; i < rows; i++) largest = Math.max(largest, a.x[i * a.row + j]);
  return largest;
}

// --- products ---

// out = start + scale * left right, a sum over `inner` of both; `start` lies as `out` does. Two
// rows and four columns are summed at a time, as many sums as there are registers for.
export function product(out, start, left, right, inner, scale = 1) {
  const o = out.x, s = start ? start.x : o, { x: a, row, column } = left;
  const { x: b, row: below, column: step } = right;
  let i = 0;
  for (; i + 2 <= out.rows; i += 2) {
    let j = 0;
    for (; j + 4 <= out.columns; j += 4) {
      const p = i * out.row + j, q = p + out.row;
      let c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
      for (let k = 0, u = i * row, v = j * step; k < inner; k++, u += column, v += below) {
        const l = a[u], m = a[u + row];
        const r0 = b[v], r1 = b[v + step], r2 = b[v + 2 * step], r3 = b[v + 3 * step];
        c0 += l * r0; c1 += l * r1; c2 += l * r2; c3 += l * r3;
        d0 += m * r0; d1 += m * r1; d2 += m * r2; d3 += m * r3;
      }
      c0 *= scale; c1 *= scale; c2 *= scale; c3 *= scale;
      d0 *= scale; d1 *= scale; d2 *= scale; d3 *= scale;
      if (start) {
        c0 += s[p]; c1 += s[p + 1]; c2 += s[p + 2]; c3 += s[p + 3];
        d0 += s[q]; d1 += s[q + 1]; d2 += s[q + 2]; d3 += s[q + 3];
      }
      o[p] = c0; o[p + 1] = c1; o[p + 2] = c2; o[p + 3] = c3;
      o[q] = d0; o[q + 1] = d1; o[q + 2] = d2; o[q + 3] = d3;
    }
    for (; j < out.columns; j++) {
      const p = i * out.row + j, q = p + out.row;
      let c = 0, d = 0;
      for (let k = 0, u = i * row, v = j * step; k < inner; k++, u += column, v += below) {
        c += a[u] * b[v]; d += a[u + row] * b[v];
      }
      o[p] = (start ? s[p] : 0) + scale * c;
      o[q] = (start ? s[q] : 0) + scale * d;
    }
  }
  if (i < out.rows)
    for (let j = 0; j < out.columns; j++) {
      const p = i * out.row + j;
      let c = 0;
      for (let k = 0, u = i * row, v = j * step; k < inner; k++, u += column, v += below)
        c += a[u] * b[v];
      o[p] = (start ? s[p] : 0) + scale * c;
    }
}
