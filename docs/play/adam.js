// Adam as docs/experiment/adam.py has it, in place (D. P. Kingma, J. Ba, arXiv:1412.6980).

export function adam(parameters, { beta, decayMean = 0.9, decaySquare = 0.999, epsilon = 1e-8 }) {
  const [mean, square] = [1, 2].map(() => new Float32Array(parameters.length));
  let steps = 0;
  return (gradient) => {
    steps += 1;
    const ofMean = (1 - decayMean) / (1 - decayMean ** steps);
    const ofRoot = Math.sqrt((1 - decaySquare) / (1 - decaySquare ** steps));
    const rate = (beta * ofMean) / ofRoot, least = epsilon / ofRoot;
    for (let k = 0; k < parameters.length; k++) {
      mean[k] = decayMean * mean[k] + gradient[k];
      square[k] = decaySquare * square[k] + gradient[k] * gradient[k];
      parameters[k] -= (rate * mean[k]) / (Math.sqrt(square[k]) + least);
    }
  };
}
