/** The colours of real and fake, and arithmetic of colours. */

export type Rgb = [red: number, green: number, blue: number];

export const REAL = "#0072B2";
export const FAKE = "#D55E00";

export const rgb = (hex: string): Rgb => {
  const part = (at: number) => parseInt(hex.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
};

export const hexOf = (colour: Rgb): string =>
  "#" + colour.map((v) => v.toString(16).padStart(2, "0")).join("");

/** From `a` (t = 0) to `b` (t = 1). */
export const mix = (a: Rgb, b: Rgb, t: number): Rgb => {
  const part = (i: number) => Math.round(a[i] + (b[i] - a[i]) * t);
  return [part(0), part(1), part(2)];
};

/** As a little-endian RGBA pixel. */
export const pack = ([r, g, b]: Rgb): number => (255 << 24) | (b << 16) | (g << 8) | r;

/** `colour` over `below`, both packed, with the opacity `t` of 256. */
export function blend(below: number, colour: number, t: number): number {
  const u = 256 - t;
  const redBlue = (((below & 0xff00ff) * u + (colour & 0xff00ff) * t) >>> 8) & 0xff00ff;
  const green = (((below & 0xff00) * u + (colour & 0xff00) * t) >>> 8) & 0xff00;
  return 0xff000000 | redBlue | green;
}

/** How dark an error rate that exceeds the rest is shaded, 0 to 0.5. */
export const shade = (rate: number, rest: number | null, excess: number | null): number =>
  excess != null && excess > 0 ? Math.min(0.5, 0.12 + 0.9 * (rate - (rest ?? 0))) : 0;

export const shaded = (dark: number): { background: string } | undefined =>
  dark ? { background: `rgba(213,94,0,${dark.toFixed(3)})` } : undefined;
