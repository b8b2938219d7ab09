import { importWords } from "../../../src/review/files.ts";

test("what an import did", () => {
  const found = { added: 1, there: 2, left_out: { "no such face here": 3 } };
  expect(importWords(found)).toBe(
    "1 decision added; 2 were there; 3 left out: no such face here.",
  );
  expect(importWords({ added: 0, there: 0, left_out: {} })).toBe("0 decisions added.");
});
