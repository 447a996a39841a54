// What every equation of an equations.js comes to, for each task, as derived and in first order.

import { pathToFileURL } from "node:url";

const file = pathToFileURL(process.argv[2]);
const { equations, firstOrder, inputs } = await import(file);
const { evaluate, withSizes } = await import(new URL(process.argv[3], file));

let text = "";
for await (const part of process.stdin) text += part;
const tasks = JSON.parse(text);
console.log(JSON.stringify([equations, firstOrder].map((program) => tasks.map((given) => {
  const found = evaluate(program, { T: tasks.length, ...withSizes(inputs, given) });
  return Object.fromEntries(program.map(([name]) => [name, found[name]]));
}))));
