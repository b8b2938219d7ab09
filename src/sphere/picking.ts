/** Which points are under the mouse, or inside a drawn shape. */
import type { At, Screen } from "./view.ts";

type Visible = (point: number) => boolean;

/** Corners of a box between two places. */
export const box = ([x0, y0]: At, [x1, y1]: At): At[] => [
  [x0, y0],
  [x1, y0],
  [x1, y1],
  [x0, y1],
];

/** Nearest visible of n points in front within `reach` of a place, all in device px, or -1. */
export function nearest(
  { U, V, W }: Screen,
  n: number,
  [x, y]: At,
  reach: number,
  visible: Visible,
): number {
  let best = -1;
  let least = reach ** 2;
  for (let i = 0; i < n; i++) {
    if (W[i] > 0) continue;
    const far = (U[i] - x) ** 2 + (V[i] - y) ** 2;
    if (far < least && visible(i)) {
      least = far;
      best = i;
    }
  }
  return best;
}

/** Visible of n points in front inside a polygon of device px, by the even-odd rule. */
export function inside({ U, V, W }: Screen, n: number, polygon: At[], visible: Visible): number[] {
  const xs = polygon.map((p) => p[0]);
  const ys = polygon.map((p) => p[1]);
  const x0 = Math.min(...xs);
  const x1 = Math.max(...xs);
  const y0 = Math.min(...ys);
  const y1 = Math.max(...ys);
  const out: number[] = [];
  for (let i = 0; i < n; i++) {
    const x = U[i];
    const y = V[i];
    if (W[i] > 0 || x < x0 || x > x1 || y < y0 || y > y1 || !visible(i)) continue;
    let odd = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const crosses = ys[a] > y !== ys[b] > y;
      if (crosses && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
    }
    if (odd) out.push(i);
  }
  return out;
}
