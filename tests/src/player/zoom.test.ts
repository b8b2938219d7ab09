import { closer, moved, onto, placeOf, WHOLE } from "../../../src/player/zoom.ts";

const picture = [160, 96] as const;
const canvas = [400, 300] as const;

test("a whole picture fits and lies in the middle", () => {
  const place = placeOf(WHOLE, picture, canvas);
  expect(place).toEqual({ left: 0, top: 30, width: 400, height: 240 });
});

test("what is under the mouse stays there", () => {
  const at = [0.25, 0.6] as const;
  const start = closer(WHOLE, 4, [0.5, 0.5], picture, canvas);
  const before = placeOf(start, picture, canvas);
  const after = placeOf(closer(start, 1.5, at, picture, canvas), picture, canvas);
  const point = (p: typeof before) => (at[0] * 400 - p.left) / p.width;
  expect(point(after)).toBeCloseTo(point(before));
});

test("nothing leaves the view, and nothing is closer than it may be", () => {
  expect(moved(WHOLE, [0.5, 0.5], picture, canvas)).toEqual(WHOLE);
  expect(closer(WHOLE, 1e9, [0, 0], picture, canvas).k).toBe(32);
  expect(closer({ k: 3, x: 0.3, y: 0.3 }, 0.01, [0, 0], picture, canvas)).toEqual(WHOLE);
});

test("a face fills half of the view", () => {
  expect(onto([0.4, 0.4, 0.1, 0.2])).toEqual({ k: 2.5, x: 0.45, y: 0.5 });
});
