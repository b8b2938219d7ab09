/** The colours of a heatmap over a crop: transparent where nothing is, to yellow. */

const STOPS: readonly [number, number, number][] = [
  [13, 8, 135],
  [126, 3, 168],
  [204, 71, 120],
  [248, 149, 64],
  [240, 249, 33],
];

/** Red, green, blue and opacity of a value of 0 to 255. */
export function colourOf(value: number): [number, number, number, number] {
  const at = (value / 255) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  const part = (i: number) =>
    Math.round(STOPS[low]![i]! + (STOPS[low + 1]![i]! - STOPS[low]![i]!) * (at - low));
  return [part(0), part(1), part(2), Math.round(40 + 0.72 * value)];
}

/** Pixels (RGBA) of a map that came as base64 of bytes. */
export function pixelsOf(values: string): Uint8ClampedArray<ArrayBuffer> {
  const bytes = atob(values);
  const out = new Uint8ClampedArray(4 * bytes.length);
  for (let i = 0; i < bytes.length; i++) out.set(colourOf(bytes.charCodeAt(i)), 4 * i);
  return out;
}
