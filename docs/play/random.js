// The random numbers of numpy: PCG64, seeded by SeedSequence.
//
// So that a run in the page has the tasks and the first weights of the run in Python that has its
// seed. `stream` is that of docs/experiment/randomness.py.
//
// References: M. E. O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good
// Algorithms for Random Number Generation, HMC-CS-2014-0905; numpy, SeedSequence, whose mixing is
// M. E. O'Neill's seed_seq_fe.

// Initial weights are drawn from 0, training tasks from 1, unseen tasks from 2.
export function stream(seed, purpose) {
  const words = seeded([seed, purpose]);
  // Two numbers of 128 bits: 64 bits are two words, the lower one first, and the high ones lead.
  const [start, sequence] = [words.slice(0, 4), words.slice(4)].map(([a, b, c, d]) => [c, d, a, b]);
  const increment = [
    (sequence[0] << 1) | 1,
    ...[1, 2, 3].map((at) => (sequence[at] << 1) | (sequence[at - 1] >>> 31)),
  ].map((word) => word >>> 0);
  const state = add(add([0, 0, 0, 0], increment), start);

  function next() {
    multiplyAndAdd(state, increment);
    // The halves of 64 bits are put together, and turned by the six highest bits.
    const high = (state[3] ^ state[1]) >>> 0, low = (state[2] ^ state[0]) >>> 0;
    const turn = state[3] >>> 26, by = turn & 31;
    const [a, b] = turn & 32 ? [low, high] : [high, low];
    const top = by ? ((a >>> by) | (b << (32 - by))) >>> 0 : a;
    const bottom = by ? ((b >>> by) | (a << (32 - by))) >>> 0 : b;
    return (top * 2097152 + (bottom >>> 11)) / 9007199254740992;
  }
  multiplyAndAdd(state, increment);
  return next;
}

const MULTIPLIER = [0x9fccf645, 0x4385df64, 0x1fc65da4, 0x2360ed05];

function add(a, b) {
  let carry = 0;
  return a.map((word, at) => {
    const sum = word + b[at] + carry;
    carry = sum > 0xffffffff ? 1 : 0;
    return sum >>> 0;
  });
}

const low = (a, b) => Math.imul(a, b) >>> 0;
const high = (a, b) =>
  Math.floor(((a >>> 16) * b + Math.floor(((a & 0xffff) * b) / 65536)) / 65536);

// state * multiplier + increment, of 128 bits, in words of 32.
function multiplyAndAdd(state, [i0, i1, i2, i3]) {
  const [m0, m1, m2, m3] = MULTIPLIER, s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3];
  const sums = [
    low(m0, s0) + i0,
    high(m0, s0) + low(m0, s1) + low(m1, s0) + i1,
    high(m0, s1) + high(m1, s0) + low(m0, s2) + low(m1, s1) + low(m2, s0) + i2,
    high(m0, s2) + high(m1, s1) + high(m2, s0)
      + low(m0, s3) + low(m1, s2) + low(m2, s1) + low(m3, s0) + i3,
  ];
  let carry = 0;
  for (let at = 0; at < 4; at++) {
    const sum = sums[at] + carry;
    state[at] = sum >>> 0;
    carry = Math.floor(sum / 4294967296);
  }
}

// Eight words that whole numbers below 2**32 are mixed to.
function seeded(entropy) {
  let constant = 0x43b0d7e5;
  const mixed = (value) => {
    let word = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    word = Math.imul(word, constant);
    return (word ^ (word >>> 16)) >>> 0;
  };
  const together = (x, y) => {
    const word = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (word ^ (word >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((at) => mixed(entropy[at] ?? 0));
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = together(pool[to], mixed(pool[from]));
  constant = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_, at) => {
    let word = pool[at % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    word = Math.imul(word, constant);
    return (word ^ (word >>> 16)) >>> 0;
  });
}
