import sent from "../../fixtures/sphere_payload.json";
import { chosenAs, decode, sameFaces, stretchOf, unpack } from "../../../src/sphere/data.ts";
import { colouring } from "../../../src/sphere/colouring.ts";

// tests/test_component.py holds the Python that sends it against the same file

test("what Python sends is read as it was meant", () => {
  const points = unpack(sent.payload);
  expect(points.n).toBe(6);
  expect([...points.label]).toEqual(sent.means.label);
  expect([...points.error]).toEqual(sent.means.error);
  expect([...points.call]).toEqual(sent.means.call);
  expect([...points.score]).toEqual(sent.means.score);
  expect([...points.xyz].map((v) => v / 32767)).toEqual(
    sent.means.xyz.flat().map((v) => expect.closeTo(v, 4)),
  );
});

test("points that come later are put behind, and nothing moves", () => {
  const first = unpack(sent.payload);
  const all = unpack(sent.payload, sent.payload);
  expect(all.n).toBe(12);
  expect([...all.xyz.subarray(0, 18)]).toEqual([...first.xyz]);
  expect([...all.label]).toEqual([...first.label, ...first.label]);
  expect(all.stretch).toBe(first.stretch);
  expect(sameFaces(sent.payload, { ...sent.payload })).toBe(true);
  expect(sameFaces(sent.payload, { ...sent.payload, code: "AAAA" })).toBe(false);
});

test("many indices are sent as bits, lowest first", () => {
  expect(chosenAs([3, 1], 10)).toEqual({ idx: [3, 1] });
  const list = Array.from({ length: 2000 }, (_, k) => 3 * k + 1);
  const { bits } = chosenAs(list, 100_001) as { bits: string };
  const bytes = new Uint8Array(decode(bits));
  expect(bytes.length).toBe(12_501);
  const back: number[] = [];
  for (let i = 0; i < 100_001; i++) if (bytes[i >> 3] & (1 << (i & 7))) back.push(i);
  expect(back).toEqual(list);
});

test("angles in a narrow band around the threshold are stretched, wide ones are not", () => {
  const at = (degrees: number) => Math.round(32767 * Math.cos((degrees * Math.PI) / 180));
  const band = (width: number) => {
    const xyz = new Int16Array(300);
    for (let i = 0; i < 100; i++) xyz[3 * i] = at(90 + width * (i / 49.5 - 1));
    return stretchOf(xyz, 100, null);
  };
  expect(band(60)).toBe(1);
  expect(band(10)).toBe(6);
  expect(band(0.1)).toBe(200);
});

test("colours count what they colour", () => {
  const points = unpack(sent.payload);
  const counts = (by: string) => colouring(points, by).groups.map((group) => group.count);
  expect(counts("label")).toEqual([3, 2, 1]);
  expect(counts("error")).toEqual([1, 1, 1, 1, 1, 1]);
  expect(counts("prediction").reduce((a, b) => a + b)).toBe(6);
  const codes = colouring(points, "score").codes;
  expect(codes[4]).toBe(64); // without a score
});

test("the largest values of a field get colours of their own, numbers a scale", () => {
  const points = unpack(sent.payload);
  const values = Array.from({ length: 10 }, (_, i) => "v" + i);
  const codes = Uint8Array.of(9, 9, 9, 8, 8, 7);
  const found = colouring(points, "f", { codes, values, ordered: false });
  expect(found.order!.slice(0, 3)).toEqual([9, 8, 7]);
  expect(found.groups[9].colour).toBe("#0072B2");
  expect(found.groups.filter((group) => group.colour === "#8c8c8c").length).toBe(2);
  const scaled = colouring(points, "f", {
    codes,
    values: [...values, "no value"],
    ordered: true,
  });
  expect(scaled.groups[0].colour).toBe("#4575b4");
  expect(scaled.groups[9].colour).toBe("#b2182b");
  expect(scaled.groups[10].colour).toBe("#8c8c8c");
});
