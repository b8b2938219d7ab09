import { colourOf, pixelsOf } from "../../../src/app/heat.ts";

test("a heatmap is dim where it is low and yellow where it is high", () => {
  expect(colourOf(0)[3]).toBeLessThan(50);
  expect(colourOf(255)).toEqual([240, 249, 33, 224]);
  const pixels = pixelsOf(btoa(String.fromCharCode(0, 255)));
  expect([...pixels.slice(4)]).toEqual(colourOf(255));
});
