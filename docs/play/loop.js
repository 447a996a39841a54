// Training in slices, with a report after each; the same in a worker and, where there is none, in
// the page itself.

import { webassembly } from "../../generated/runtime/webassembly.js";
import { training } from "./training.js";

// Of the losses that the page shows, the mean of as many as these.
const SMOOTHED = 100;
// The error on unseen tasks takes as long as many iterations.
const MILLISECONDS_BETWEEN_ERRORS = 700;

export function loop(post, files, slice) {
  let run = null, playing = false, compiled = {}, losses = [], measured = 0, turn = 0;

  async function start(settings) {
    turn += 1;
    const own = turn;
    playing = false;
    let how = "JavaScript";
    compiled = {};
    const fitting = files[`${settings.method}-${settings.shots}`];
    if (fitting && settings.width === 40) {
      try {
        compiled = await webassembly(fitting());
        how = "WebAssembly";
      } catch (problem) {
        how = `JavaScript, because WebAssembly does not run here (${problem.message})`;
      }
    }
    if (own !== turn) return;
    run = training(settings, compiled);
    losses = [];
    report(0, true, { how });
  }

  function report(rate, whole, more = {}) {
    const error = whole || performance.now() - measured > MILLISECONDS_BETWEEN_ERRORS ? run.error() : undefined;
    if (error !== undefined) measured = performance.now();
    const last = losses.slice(-SMOOTHED);
    post({
      ...more, iteration: run.iteration, rate, error, parameters: run.parameters.slice(),
      loss: last.length ? last.reduce((sum, each) => sum + each, 0) / last.length : undefined,
    });
  }

  function advance(count) {
    for (let k = 0; k < count; k++) losses.push(run.step());
    if (losses.length > 4 * SMOOTHED) losses = losses.slice(-SMOOTHED);
  }

  function work(own) {
    if (!playing || own !== turn) return;
    const begun = performance.now();
    let count = 0;
    while (performance.now() - begun < slice) {
      advance(1);
      count += 1;
    }
    report((1000 * count) / (performance.now() - begun));
    setTimeout(work, 0, own);
  }

  return ({ start: settings, play, pause, advance: count }) => {
    if (settings) return start(settings);
    if (!run) return undefined;
    if (pause) playing = false;
    if (count) {
      advance(count);
      report(0, true);
    }
    if (play && !playing) {
      playing = true;
      work(turn);
    }
    return undefined;
  };
}
