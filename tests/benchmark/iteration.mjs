// Iterations of the sinusoid experiment, with tasks drawn and steps of Adam, in Node or in a
// browser: by task.js, or by the .wasm beside it.

const SIZES = [1, 40, 40, 1], TASKS = 25, SHOTS = 10, ALPHA = 0.01, BETA = 1e-3;

// The generator mulberry32, uniform in [0, 1).
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function sample(uniform, sets) {
  for (let t = 0; t < TASKS; t++) {
    const amplitude = 0.1 + 4.9 * uniform(), phase = Math.PI * uniform();
    for (const [X, Y] of sets)
      for (let i = t * SHOTS; i < (t + 1) * SHOTS; i++) {
        X[i] = 10 * uniform() - 5;
        Y[i] = amplitude * Math.sin(X[i] - phase);
      }
  }
}

function glorot(uniform, parameters) {
  let at = 0;
  for (let layer = 0; layer + 1 < SIZES.length; layer++) {
    const [above, below] = SIZES.slice(layer), bound = Math.sqrt(6 / (above + below));
    for (let k = 0; k < above * below; k++) parameters[at++] = bound * (2 * uniform() - 1);
    at += below;
  }
}

function adam(parameters, gradient) {
  const [means, squares] = [0, 0].map(() => new Float32Array(parameters.length));
  let count = 0;
  return () => {
    count++;
    const rate = (BETA * Math.sqrt(1 - 0.999 ** count)) / (1 - 0.9 ** count);
    for (let k = 0; k < parameters.length; k++) {
      means[k] = 0.9 * means[k] + 0.1 * gradient[k];
      squares[k] = 0.999 * squares[k] + 0.001 * gradient[k] * gradient[k];
      parameters[k] -= (rate * means[k]) / (Math.sqrt(squares[k]) + 1e-8);
    }
  };
}

async function bytes(address) {
  if (address.protocol !== "file:") return (await fetch(address)).arrayBuffer();
  return (await import("node:fs")).readFileSync(address);
}

// A function that goes on for some iterations, and whether it has trained so far.
export async function training(folder, compiled) {
  const { workspace } = await import(new URL("relu2/task.js", folder));
  const { webassembly } = await import(new URL("runtime/webassembly.js", folder));
  const file = new URL(`relu2/wasm/native-${SHOTS}.wasm`, folder);
  const counts = { sizes: SIZES, tasks: TASKS, shots: SHOTS, queries: SHOTS };
  const ws = workspace(counts, compiled ? { compiled: await webassembly(await bytes(file)) } : {});
  const empty = () => new Float32Array(TASKS * SHOTS), uniform = random(1);
  const [X_s, Y_s, X_q, Y_q] = [empty(), empty(), empty(), empty()];
  glorot(uniform, ws.parameters);
  const step = adam(ws.parameters, ws.gradient), losses = [];
  const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
  return (count) => {
    for (let k = 0; k < count; k++) {
      sample(uniform, [[X_s, Y_s], [X_q, Y_q]]);
      losses.push(ws.metaLossAndGradient(X_s, Y_s, X_q, Y_q, ALPHA));
      step();
    }
    return mean(losses.slice(-50)) < mean(losses.slice(0, 50));
  };
}
