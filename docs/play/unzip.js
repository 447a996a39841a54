// The members of a zip file by name, as bytes: stored, or compressed where the browser unpacks it.

import { crc32 } from "./npz.js";

const ENTRY = 0x02014b50, END = 0x06054b50, STORED = 0, DEFLATED = 8;

// Raises where it is no such file, is damaged, or has more than so many bytes.
export async function members(bytes, most) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), found = new Map();
  let end = bytes.length - 22;
  while (view.getUint32(end, true) !== END) end--;
  let at = view.getUint32(end + 16, true), left = most;
  for (let many = view.getUint16(end + 10, true); many > 0; many--) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("no entry");
    const [flags, method] = [8, 10].map((far) => view.getUint16(at + far, true));
    const [sum, packed, size] = [16, 20, 24].map((far) => view.getUint32(at + far, true));
    const [name, extra, comment] = [28, 30, 32].map((far) => view.getUint16(at + far, true));
    const start = view.getUint32(at + 42, true);
    left -= size;
    if (flags & 1 || left < 0) throw new Error("locked, or too large");
    const data = start + 30 + view.getUint16(start + 26, true) + view.getUint16(start + 28, true);
    const content = await unpacked(bytes.subarray(data, data + packed), method, size);
    if (content.length !== size || crc32(content) !== sum) throw new Error("damaged");
    found.set(new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name)), content);
    at += 46 + name + extra + comment;
  }
  return found;
}

async function unpacked(bytes, method, size) {
  if (method === STORED) return bytes;
  if (method !== DEFLATED) throw new Error("packed another way");
  const whole = new Uint8Array(size);
  let at = 0;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return whole.subarray(0, at);
    // More than it says of itself does not fit, and throws.
    whole.set(value, at);
    at += value.length;
  }
}
