import { importWords, textOf } from "../../../src/review/files.ts";

test("what an import did", () => {
  const found = { added: 1, there: 2, left_out: { "no such face here": 3 } };
  expect(importWords(found)).toBe(
    "1 decision added; 2 were there; 3 left out: no such face here.",
  );
  expect(importWords({ added: 0, there: 0, left_out: {} })).toBe("0 decisions added.");
});

test("a file that is no UTF-8 has no text; one that names U+FFFD has", () => {
  expect(textOf(new TextEncoder().encode("a \ufffd b").buffer as ArrayBuffer)).toBe("a \ufffd b");
  expect(textOf(new Uint8Array([0x52, 0xe9]).buffer)).toBe(null);
});
