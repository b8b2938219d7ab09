import { bounds, number, percent, plural, share } from "../../../src/app/words.ts";

test("shares are whole from 10 % on and have one decimal below", () => {
  const said = [0, 0.0004, 0.034, 0.0994, 0.0995, 0.5, 1].map(percent);
  const wanted = ["0", "0.0", "3.4", "9.9", "10", "50", "100"].map((n) => n + "\u00a0%");
  expect(said).toEqual(wanted);
  expect(share(null)).toBe("n/a");
});

test("counts", () => {
  expect(number(1234567)).toBe("1,234,567");
  expect(plural(1, "row")).toBe("1 row");
  expect(plural(1200, "row")).toBe("1,200 rows");
});

test("an interval without bounds says so", () => {
  expect(bounds({ low: null, high: null })).toBe("no interval");
  expect(bounds({ low: 0.1, high: 0.25 })).toBe("95 %: 10\u00a0% to 25\u00a0%");
});
