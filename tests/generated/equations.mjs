// What every equation of an equations.js comes to, for each task, as derived, in first order
// and without the Gauss-Newton part.

import { pathToFileURL } from "node:url";

const file = pathToFileURL(process.argv[2]);
const { equations, firstOrder, inputs, withoutGaussNewton } = await import(file);
const { evaluate, withSizes } = await import(new URL(process.argv[3], file));

let text = "";
for await (const part of process.stdin) text += part;
const tasks = JSON.parse(text);
console.log(JSON.stringify([equations, firstOrder, withoutGaussNewton].map((program) => tasks.map((given) => {
  const found = evaluate(program, { T: tasks.length, ...withSizes(inputs, given) });
  return Object.fromEntries(program.map(([name]) => [name, found[name]]));
}))));
