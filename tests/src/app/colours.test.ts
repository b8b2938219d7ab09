import { blend, hexOf, mix, pack, rgb, shade } from "../../../src/app/colours.ts";

test("a colour survives its way through numbers", () => {
  expect(hexOf(rgb("#0072B2"))).toBe("#0072b2");
  expect(mix([0, 10, 255], [255, 20, 0], 0)).toEqual([0, 10, 255]);
  expect(mix([0, 10, 255], [255, 20, 0], 1)).toEqual([255, 20, 0]);
});

test("a packed colour is the bytes of a pixel", () => {
  const bytes = new Uint8Array(Uint32Array.of(pack([1, 2, 3])).buffer);
  expect([...bytes]).toEqual([1, 2, 3, 255]);
});

test("blending is that of each channel, to one step", () => {
  const channels = (packed: number) => [...new Uint8Array(Uint32Array.of(packed).buffer)];
  for (const t of [0, 16, 100, 255, 256]) {
    const found = channels(blend(pack([10, 200, 30]), pack([250, 0, 90]), t));
    [10, 200, 30].forEach((below, i) => {
      const exact = (below * (256 - t) + [250, 0, 90][i] * t) / 256;
      expect(Math.abs(found[i] - exact)).toBeLessThanOrEqual(1);
    });
    expect(found[3]).toBe(255);
  }
});

test("only a rate above the rest is shaded", () => {
  expect(shade(0.5, 0.1, null)).toBe(0);
  expect(shade(0.5, 0.1, -0.1)).toBe(0);
  expect(shade(0.2, 0.1, 0.01)).toBeCloseTo(0.21);
  expect(shade(1, 0, 0.5)).toBe(0.5);
});
