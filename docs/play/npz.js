// Arrays of 32 bits as numpy's .npz: a zip of .npy files, stored as they are.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let k = 0; k < 8; k++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
export const crc32 = (bytes) =>
  ~bytes.reduce((crc, byte) => TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), 0xffffffff) >>> 0;

const text = (string) => new TextEncoder().encode(string);
const joined = (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
};
// Whole numbers of 2 or 4 bytes, the lowest byte first.
const numbers = (...pairs) => joined(...pairs.map(([value, size]) =>
  Uint8Array.from({ length: size }, (_, at) => (value / 256 ** at) & 255)));

function npy(values, shape) {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Data begin at a multiple of 64 bytes, behind a line's end.
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const magic = Uint8Array.of(0x93, ...text("NUMPY"), 1, 0);
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return joined(magic, numbers([padded.length, 2]), text(padded), data);
}

// `arrays` has a Float32Array and its shape for each name.
export function npz(arrays) {
  const files = [], entries = [];
  let at = 0;
  for (const [name, [values, shape]] of Object.entries(arrays)) {
    const data = npy(values, shape), file = text(`${name}.npy`);
    // Version 2.0, names in UTF-8, not compressed, the first of January 1980.
    const common = numbers([20, 2], [2048, 2], [0, 2], [0, 2], [33, 2], [crc32(data), 4],
      [data.length, 4], [data.length, 4], [file.length, 2], [0, 2]);
    entries.push(joined(text("PK\x01\x02"), numbers([20, 2]), common,
      numbers([0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), file));
    const whole = joined(text("PK\x03\x04"), common, file, data);
    files.push(whole);
    at += whole.length;
  }
  const directory = joined(...entries);
  const end = numbers([0, 2], [0, 2], [entries.length, 2], [entries.length, 2],
    [directory.length, 4], [at, 4], [0, 2]);
  return joined(...files, directory, text("PK\x05\x06"), end);
}
