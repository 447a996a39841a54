// Numbers as Python formats them: `general` as .3g, `scientific` as .1e; and lines as it wraps them.

const exponent = (text) => {
  const [, sign, size] = /^([+-])(\d+)$/.exec(text);
  return sign + size.padStart(2, "0");
};

export function scientific(value, decimals) {
  const [mantissa, power] = value.toExponential(decimals).split("e");
  return `${mantissa}e${exponent(power)}`;
}

export function general(value, many) {
  const [mantissa, power] = value.toExponential(many - 1).split("e");
  const bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  return power < -4 || power >= many
    ? `${bare(mantissa)}e${exponent(power)}`
    : bare(value.toFixed(many - 1 - power));
}

// A factor in three digits, or as many as tell it from 1.
export function digits(value) {
  const short = general(value, 3);
  return ["1", "-1"].includes(short) ? general(value, 6) : short;
}

// As Python's textwrap does: at blanks, and behind hyphens within words.
const CHUNKS = new RegExp(
  String.raw`\s+|[^\s]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[\w!"'&.,?]-))(?=[^\d\W]-?[^\d\W])|(?=\s|$))`, "g");

export function wrapped(text, width) {
  const lines = [];
  let line = "";
  for (const chunk of text.match(CHUNKS) ?? []) {
    if (line && line.length + chunk.trimEnd().length > width && chunk.trim()) {
      lines.push(line.trimEnd());
      line = "";
    }
    if (line || chunk.trim()) line += chunk;
  }
  return line.trim() ? [...lines, line.trimEnd()] : lines;
}
