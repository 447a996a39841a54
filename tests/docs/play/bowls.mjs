// What bowls.js computes, as JSON on standard output.

import * as bowls from "../../../docs/play/bowls.js";

const { curvatures, turn, centre, query, weights, how } = JSON.parse(process.argv[2]);
const task = bowls.task(curvatures, turn, centre, query);
const { matrix, zero } = bowls.linearised((at) => bowls.secondOrder(task, at, how));
const methods = ["firstOrder", "secondOrder", "reptile", "implicit"];
console.log(JSON.stringify({
  task, matrix, zero, axes: bowls.axes(matrix), loss: bowls.metaLoss(task, weights, how),
  rest: bowls.rest(task, weights, how.lambda),
  ...Object.fromEntries(methods.map((name) => [name, bowls[name](task, weights, how)])),
}));
