import { lostOf, sortRows, type Sort } from "../../../src/audit/rows.ts";
import { thresholdOf } from "../../../src/audit/slider.tsx";
import type { Cell, Row } from "../../../src/sent/audit.ts";

const rate = (value: number) => ({ rate: value }) as Cell;
const row = (index: number, name: string[], more: Partial<Row>) =>
  ({ index, name, fpr: null, fnr: null, auroc: null, lost: [], ...more }) as Row;

const ROWS = [
  row(0, ["b", "x"], { fpr: rate(0.1), lost: [["no_face", 2]] }),
  row(1, ["a", "z"], { fpr: rate(0.3), fnr: rate(0.2) }),
  row(2, ["c", "y"], { fnr: rate(0.9), lost: [["a", 1], ["b", 4]] }),
];
const order = (sort: Sort) => sortRows(ROWS, sort).map((r) => r.index);

test("rows are sorted by a part of their name, worst rates first", () => {
  expect(order("worst")).toEqual([0, 1, 2]);
  expect(order(0)).toEqual([1, 0, 2]);
  expect(order(1)).toEqual([0, 2, 1]);
  expect(order("fpr")).toEqual([1, 0, 2]);
  expect(order("fnr")).toEqual([2, 1, 0]);
  expect(order("lost")).toEqual([2, 0, 1]);
});

test("units without a score are summed over the reasons", () => {
  expect(ROWS.map(lostOf)).toEqual([2, 0, 5]);
});

test("a typed threshold stays within its range", () => {
  expect([".3", "1.5", "-2", "x"].map(thresholdOf)).toEqual([0.3, 1, 0, NaN]);
});
