import { lastAtMost, partner, Table, unpackTimes } from "../../../src/player/table.ts";

const even = new Table(Array.from({ length: 25 }, (_, i) => i / 25));
const uneven = new Table([0, 0.013, 0.1, 0.12, 0.22, 0.25]);
const pictures = new Table([0, 0.1, 0.2], [3, 7, 20]);

test("numbers count from 1, as FiftyOne's", () => {
  expect([even.numberOf(0), even.indexOf(1), even.indexOf(25)]).toEqual([1, 0, 24]);
  expect([even.indexOf(0), even.indexOf(999)]).toEqual([0, 24]);
  expect([pictures.numberOf(1), pictures.indexOf(7), pictures.indexOf(19)]).toEqual([7, 1, 1]);
});

test("the middle of a frame's time is that frame, at any rate", () => {
  for (const table of [even, uneven]) {
    for (let i = 0; i < table.length; i++) {
      expect(table.at(table.middle(i))).toBe(i);
      expect(table.nearest(table.times[i]!)).toEqual({ index: i, exact: true });
      expect(table.nearest(table.times[i]! + 0.0004)).toEqual({ index: i, exact: true });
    }
  }
});

test("a time that is no frame's is told apart", () => {
  expect(even.nearest(0.02).exact).toBe(false);
  expect(uneven.nearest(0.05).exact).toBe(false);
  expect(even.nearest(5).exact).toBe(false);
});

test("frames go together by number or by time", () => {
  const late = new Table([2, 2.04, 2.08, 2.12, 2.16]);
  expect([0, 1, 9].map((i) => partner(even, late, "number", i))).toEqual([0, 1, 4]);
  expect([0, 1, 3, 5].map((i) => partner(uneven, late, "time", i))).toEqual([0, 0, 3, 4]);
});

test("a table as Python packs it", () => {
  const view = new DataView(new ArrayBuffer(16));
  view.setFloat64(0, 0.5, true);
  view.setFloat64(8, 1.25, true);
  const text = btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  expect([...unpackTimes(text)]).toEqual([0.5, 1.25]);
  expect(lastAtMost([1, 2, 2, 5], 2)).toBe(2);
  expect(lastAtMost([1], 0)).toBe(-1);
});
