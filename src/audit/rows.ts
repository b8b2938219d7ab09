/** Arithmetic of the audit's rows. */
import type { Row } from "../sent/audit.ts";

/** A column to sort by; a number is a part of the name. */
export type Sort = "worst" | "fpr" | "fnr" | "auroc" | "lost" | number;

/** Units of a row without a score. */
export const lostOf = (row: Pick<Row, "lost">): number =>
  row.lost.reduce((sum, [, count]) => sum + count, 0);

/** What a row is sorted by, smallest first. */
const KEYS = {
  fpr: (row: Row) => (row.fpr ? -row.fpr.rate : 2),
  fnr: (row: Row) => (row.fnr ? -row.fnr.rate : 2),
  auroc: (row: Row) => (row.auroc ? row.auroc.value : 2),
  lost: (row: Row) => -lostOf(row),
} satisfies Record<string, (row: Row) => number>;

/** "worst" is the order of Python. */
export function sortRows(rows: Row[], sort: Sort): Row[] {
  if (sort === "worst") return rows;
  const key =
    typeof sort === "number" ? (row: Row) => row.name.slice(sort).join(" ") : KEYS[sort];
  return rows
    .map((row: Row) => ({ row, by: key(row) }))
    .sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0))
    .map(({ row }) => row);
}
