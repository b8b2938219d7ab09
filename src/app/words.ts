/** Numbers as the components write them. */

/** A share as a percentage: whole from 10 % on, one decimal below. */
export const percent = (x: number): string =>
  (x === 0 || x >= 0.0995 ? Math.round(100 * x) : (100 * x).toFixed(1)) + "\u00a0%";

/** The same, or "n/a". */
export const share = (x: number | null): string => (x == null ? "n/a" : percent(x));

export const number = (n: number): string => n.toLocaleString("en-US");

export const plural = (n: number, word: string): string =>
  number(n) + " " + word + (n === 1 ? "" : "s");

/** "95 %: low to high", or why there is no interval. */
export const bounds = (cell: {
  low: number | null;
  high: number | null;
  why?: string;
}): string =>
  cell.low == null || cell.high == null
    ? cell.why || "no interval"
    : "95 %: " + percent(cell.low) + " to " + percent(cell.high);
