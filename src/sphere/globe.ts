/** The lines of the ball: rings of equal angle to the fake axis, meridians, the threshold. */
import { FAKE, REAL } from "../app/colours.ts";
import type { Pen } from "./pen.ts";
import type { At3, View } from "./view.ts";

/** Between rings, in degrees. */
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

/** The angles (degrees) at which rings are drawn. */
export function ringsOf(view: Pick<View, "surface" | "factor" | "centre">): number[] {
  const span = 150 / (view.surface ? view.factor : 1);
  const step = STEPS.find((d) => span / d <= 6) ?? 30;
  const rings: number[] = [];
  const from = Math.ceil((view.centre - span / 2) / step) * step;
  for (let d = from; d <= view.centre + span / 2; d += step) if (d > 0 && d < 180) rings.push(d);
  return rings;
}

/** The part of a circle of the ball that is in front, or behind. */
function half(
  pen: Pen,
  around: (t: number) => At3,
  front: boolean,
  style: string,
  width: number,
  dash?: number[],
): void {
  let run: At3[] = [];
  const end = () => {
    if (run.length > 1) pen.line(run, style, width, dash);
    run = [];
  };
  for (let k = 0; k <= 96; k++) {
    const place = around((k / 96) * 2 * Math.PI);
    if (place[2] <= 0 === front) run.push(place);
    else end();
  }
  end();
}

/** A circle of latitude around the fake axis, at the cosine `c` to it. */
const ring =
  (view: View, c: number) =>
  (t: number): At3 => {
    const s = Math.sqrt(Math.max(0, 1 - c * c));
    return view.at(c, s * Math.cos(t), s * Math.sin(t));
  };

/** Draw the half behind the points, or that in front of them with the words. */
export function globe(pen: Pen, view: View, boundary: number | null, front: boolean): void {
  const { dim, text } = pen.theme;
  const rings = ringsOf(view);
  pen.faint(front ? 0.28 : 0.16, () => {
    for (const d of rings) half(pen, ring(view, Math.cos(view.latitude(d))), front, dim, 1);
    for (let k = 0; k < 6; k++) {
      const t = (k / 6) * Math.PI;
      const meridian = (a: number) =>
        view.at(Math.cos(a), Math.sin(a) * Math.cos(t), Math.sin(a) * Math.sin(t));
      half(pen, meridian, front, dim, 1);
    }
  });
  if (boundary != null && Math.abs(boundary) < 1) {
    const at = Math.cos(view.latitude(view.centre));
    pen.faint(front ? 0.95 : 0.4, () => half(pen, ring(view, at), front, text, 1.4, [6, 5]));
  }
  if (front) {
    for (const d of rings) degreesOf(pen, view, d);
    pen.text("● real", view.at(-1.14, 0, 0), REAL, { halo: true });
    pen.text("▲ fake", view.at(1.14, 0, 0), FAKE, { halo: true });
  } else {
    pen.faint(0.55, () => pen.circle(view.middle, view.scale, dim, 1));
    pen.faint(0.6, () => pen.line([view.at(-1.1, 0, 0), view.at(1.1, 0, 0)], dim, 1.2));
  }
}

/** Degrees of a ring, written where it meets the outline at the bottom. */
function degreesOf(pen: Pen, view: View, d: number): void {
  const around = ring(view, Math.cos(view.latitude(d)));
  let low: At3 | null = null;
  for (let k = 0; k < 48; k++) {
    const place = around((k / 48) * 2 * Math.PI);
    if (place[2] <= 0.05 && (!low || place[1] > low[1])) low = place;
  }
  if (!low) return;
  const under = [low[0], low[1] + 9 * pen.ratio];
  const thin = { halo: true, size: 10, bold: false };
  pen.text(Math.round(d * 10) / 10 + "°", under, pen.theme.dim, thin);
}
