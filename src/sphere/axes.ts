/** The axes of the flat maps. */
import { degrees } from "./data.ts";
import type { Pen } from "./pen.ts";
import type { View } from "./view.ts";

/** A round step that divides `span` into at most seven parts. */
export function niceStep(span: number): number {
  const power = 10 ** Math.floor(Math.log10(span / 5));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => span / step <= 7)!;
}

/** Degrees to the fake axis against the leading residual, and the threshold. */
export function axes2d(pen: Pen, view: View, boundary: number | null): void {
  const { g, ratio, theme } = pen;
  const f = view.frame2d();
  const x1 = view.w - f.right;
  const y1 = view.h - f.bottom;
  const font = (px: number) => {
    g.font = `400 ${px * ratio}px ${theme.font}`;
  };
  const faintLine = (...places: number[][]) =>
    pen.faint(0.22, () => pen.line(places, theme.dim, 1));

  g.fillStyle = theme.dim;
  font(11);
  g.textBaseline = "top";
  g.textAlign = "center";
  const a0 = Math.min(f.angle(f.left), f.angle(x1));
  const a1 = Math.max(f.angle(f.left), f.angle(x1));
  const da = niceStep(a1 - a0);
  for (let a = Math.ceil(a0 / da) * da; a <= a1; a += da) {
    faintLine([f.x(a), f.top], [f.x(a), y1]);
    g.fillText(Math.round(a * 10) / 10 + "°", f.x(a), y1 + 5 * ratio);
  }

  g.textAlign = "right";
  g.textBaseline = "middle";
  const v0 = f.value(y1);
  const v1 = f.value(f.top);
  const dv = niceStep(v1 - v0);
  for (let v = Math.ceil(v0 / dv) * dv; v <= v1; v += dv) {
    faintLine([f.left, f.y(v)], [x1, f.y(v)]);
    const words = (Math.abs(v) < 1e-9 ? 0 : v).toFixed(dv < 0.1 ? 2 : 1);
    g.fillText(words, f.left - 6 * ratio, f.y(v));
  }

  font(12);
  g.textAlign = "center";
  g.textBaseline = "bottom";
  const across = "← real      angle to the fake axis      fake →";
  g.fillText(across, (f.left + x1) / 2, view.h - 4 * ratio);
  pen.upwards([14 * ratio, (f.top + y1) / 2], () => {
    g.textBaseline = "middle";
    g.fillText("leading residual direction", 0, 0);
  });
  if (boundary != null && Math.abs(boundary) < 1) {
    const x = f.x(degrees(Math.acos(boundary)));
    pen.line([[x, f.top], [x, y1]], theme.text, 1.4, [6, 5]);
  }
}

/** The UMAP's axes, without numbers: they have no unit. */
export function axesUmap(pen: Pen, view: View): void {
  const { ratio, theme } = pen;
  const f = view.frame2d();
  const x1 = view.w - f.right;
  const y1 = view.h - f.bottom;
  pen.faint(0.4, () => pen.line([[f.left, f.top], [f.left, y1], [x1, y1]], theme.dim, 1));
  const across = [(f.left + x1) / 2, view.h - 22 * ratio];
  pen.text("UMAP 1, no unit: not an angle", across, theme.dim, { bold: false });
  pen.upwards([34 * ratio, (f.top + y1) / 2], () =>
    pen.text("UMAP 2, no unit", [0, 0], theme.dim, { bold: false }),
  );
}
