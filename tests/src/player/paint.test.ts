import { difference } from "../../../src/player/paint.ts";

test("grey where equal, brighter where the first is, nothing beside a picture", () => {
  const a = new Uint8ClampedArray([10, 20, 30, 255, 100, 0, 0, 255, 9, 9, 9, 0]);
  const b = new Uint8ClampedArray([10, 20, 30, 255, 90, 5, 0, 255, 9, 9, 9, 255]);
  const { mean, out } = difference(a, b, 4);
  expect([...out]).toEqual([128, 128, 128, 255, 168, 108, 128, 255, 0, 0, 0, 0]);
  expect(mean).toBe(2.5);
  expect(difference(a.slice(8), b.slice(8), 1).mean).toBeNaN();
});
