// Small matrices, as arrays of rows, and programs of equations on them.
//
// For a page that shows what every equation comes to; for speed there is task.js.

export const ones = (rows, columns) =>
  Array.from({ length: rows }, () => new Array(columns).fill(1));
export const transpose = (a) => a[0].map((_, j) => a.map((row) => row[j]));
export const map = (a, f) => a.map((row) => row.map((entry) => f(entry)));
export const scale = (number, a) => map(a, (entry) => number * entry);
export const trace = (a) => a.reduce((sum, row, i) => sum + row[i], 0);
export const rowMax = (a) => a.map((row) => [Math.max(...row)]);

const zip = (a, b, f) => a.map((row, i) => row.map((entry, j) => f(entry, b[i][j])));
export const add = (...all) => all.reduce((a, b) => zip(a, b, (x, y) => x + y));
export const subtract = (a, b) => zip(a, b, (x, y) => x - y);
export const hadamard = (...all) => all.reduce((a, b) => zip(a, b, (x, y) => x * y));

const product = (a, b) => a.map((row) => {
  const sums = new Array(b[0].length).fill(0);
  b.forEach((other, k) => {
    for (let j = 0; j < sums.length; j++) sums[j] += row[k] * other[j];
  });
  return sums;
});
export const matmul = (...all) => all.reduce(product);

// --- programs ---

// What is given, and beside it the sizes that its shapes have, by their names.
export function withSizes(shapes, given) {
  const sizes = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const found = shape.length ? [given[name].length, given[name][0].length] : [];
    shape.forEach((size, axis) => {
      const wanted = typeof size === "number" ? size : (sizes[size] ??= found[axis]);
      if (found[axis] !== wanted)
        throw new RangeError(`${name} is ${found.join(" x ")}; it must be ${shape.join(" x ")}`);
    });
  }
  return { ...sizes, ...given };
}

// The value of every equation by its name, beside what is given.
export function evaluate(equations, given) {
  const values = { ...given };
  for (const [name, value] of equations) values[name] = value(values);
  return values;
}

// A program that lacks some equations; others take the place of those with their names.
export const without = (equations, gone, others) => {
  const changed = new Map(others), lost = new Set(gone);
  return equations
    .filter(([name]) => !lost.has(name))
    .map(([name, value]) => [name, changed.get(name) ?? value]);
};
