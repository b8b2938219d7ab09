/** What lies above the points: marks, the keyboard's cross, the shape that is being drawn. */
import type { Pen } from "./pen.ts";
import type { At, Mode, Screen } from "./view.ts";

/** Marks are drawn around at most as many selected points. */
export const MOST_MARKED = 400;

export interface Above extends Screen {
  n: number;
  mode: Mode;
  visible: (point: number) => boolean;
  marked: Set<number> | null;
  /** Picked points, where they are few. */
  few: number[] | null;
  hover: number;
  /** css px */
  cursor: At | null;
  path: At[] | null;
}

export function overlay(pen: Pen, above: Above): void {
  const { g, ratio, theme } = pen;
  const { U, V, W, n, marked, few, hover, cursor, path } = above;
  const mark = (i: number, radius: number, width: number) =>
    pen.circle([U[i], V[i]], radius * ratio, theme.text, width);
  const seen = (i: number) => i < n && above.visible(i);
  if (marked && marked.size <= MOST_MARKED) {
    marked.forEach((i) => {
      if (seen(i) && (above.mode === "3d" || W[i] <= 0)) mark(i, 8, 2);
    });
  }
  few?.forEach((i) => {
    if (seen(i) && W[i] <= 0) mark(i, 7, 1.2);
  });
  if (hover >= 0) mark(hover, 9, 1.5);
  if (cursor) {
    const [x, y] = [cursor[0] * ratio, cursor[1] * ratio];
    const r = 11 * ratio;
    pen.line([[x - r, y], [x + r, y]], theme.text, 1.5);
    pen.line([[x, y - r], [x, y + r]], theme.text, 1.5);
  }
  if (path && path.length > 1) {
    const corners = path.map(([x, y]) => [x * ratio, y * ratio]);
    pen.faint(0.15, () => {
      g.fillStyle = theme.text;
      g.beginPath();
      corners.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
      g.closePath();
      g.fill();
    });
    pen.line([...corners, corners[0]], theme.text, 1.5, [4, 3]);
  }
}
