/** Arrays out of what Python sends of the sphere, and indices back. */
import type { Faces } from "../sent/sphere.ts";

/** Of int16 for 1.0, as in operators/panels/sphere/payload.py. */
export const STEP = 32767;
/** Of uint8: a face without a score. */
export const NO_SCORE = 255;

/** Columns of n faces: coordinates as steps, labels 0 real, 1 fake, 2 unknown; error and call. */
export interface Points {
  n: number;
  xyz: Int16Array;
  score: Uint8Array;
  label: Uint8Array;
  error: Uint8Array;
  call: Uint8Array;
  /** By how much angles are stretched around the threshold. */
  stretch: number;
  boundary: number | null;
}

/** Bytes of a base64 text. */
export function decode(text: string): ArrayBuffer {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

export const clampCosine = (step: number): number => Math.max(-1, Math.min(1, step / STEP));

export const degrees = (radians: number): number => (radians * 180) / Math.PI;

/** By how much angles must be stretched around the threshold to fill the sphere; 1 if they do. */
export function stretchOf(xyz: Int16Array, n: number, boundary: number | null): number {
  const centre = boundary != null ? Math.acos(boundary) : Math.PI / 2;
  const off: number[] = [];
  for (let i = 0; i < n; i += Math.ceil(n / 50000)) {
    off.push(Math.abs(Math.acos(clampCosine(xyz[3 * i])) - centre));
  }
  off.sort((a, b) => a - b);
  const wide = degrees(off[Math.floor(0.99 * (off.length - 1))]);
  const factor = 62 / Math.max(wide, 0.05);
  if (factor < 1.5) return 1;
  return Math.min(200, factor < 10 ? Math.round(factor * 2) / 2 : Math.round(factor));
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Points of the first faces, and of those that came after them; nothing that was there moves. */
export function unpack(first: Faces, rest?: Faces | null): Points {
  const column = (name: "xyz" | "code" | "score"): Uint8Array => {
    const bytes = new Uint8Array(decode(first[name]));
    return rest ? joined(bytes, new Uint8Array(decode(rest[name]))) : bytes;
  };
  const xyz = new Int16Array(column("xyz").buffer);
  const code = column("code");
  return {
    n: code.length,
    xyz,
    score: column("score"),
    stretch: stretchOf(xyz, first.n, first.boundary),
    boundary: first.boundary,
    label: code.map((c) => c & 3),
    error: code.map((c) => (c >> 2) & 7),
    call: code.map((c) => (c >> 5) & 1),
  };
}

/** Whether two payloads are of the same faces: what comes later is only taken if they are. */
export const sameFaces = (a: Faces, b: Faces): boolean =>
  a.xyz === b.xyz && a.code === b.code && a.score === b.score;

/** Indices of n points for Python; many of them as a bit set: 100,000 points are 17 kB of text. */
export function chosenAs(list: number[], n: number): { idx: number[] } | { bits: string } {
  if (list.length <= 1000) return { idx: list };
  const bits = new Uint8Array(Math.ceil(n / 8));
  for (const i of list) bits[i >> 3] |= 1 << (i & 7);
  let text = "";
  for (let i = 0; i < bits.length; i += 8192) {
    text += String.fromCharCode(...bits.subarray(i, i + 8192));
  }
  return { bits: btoa(text) };
}
