import { KEYS, commandOf, wordsOf } from "../../../src/review/keys.ts";

const press = (key: string, more: object = {}) =>
  commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

test("every command has a key of its own", () => {
  const shown: Record<string, string> = { "→": "ArrowRight", "←": "ArrowLeft" };
  for (const [command, key] of KEYS) expect(press(shown[key] ?? key)).toBe(command);
  expect(new Set(KEYS.map(([, key]) => key)).size).toBe(KEYS.length);
  expect(press("k")).toBe(press("K"));
});

test("undo and redo as everywhere", () => {
  expect(press("z", { ctrlKey: true })).toBe("undo");
  expect(press("Z", { metaKey: true, shiftKey: true })).toBe("redo");
  expect(press("y", { ctrlKey: true })).toBe("redo");
});

test("what is typed into a field, and keys of the browser, are no commands", () => {
  for (const tagName of ["INPUT", "SELECT", "TEXTAREA"])
    expect(press("1", { target: { tagName } })).toBe(null);
  expect(press("1", { target: { isContentEditable: true } })).toBe(null);
  expect(press("1", { ctrlKey: true })).toBe(null);
  expect(press("ArrowLeft", { altKey: true })).toBe(null);
  expect(press("x")).toBe(null);
});

test("other keyboards: digits above letters, letters of another script", () => {
  expect(press("&", { code: "Digit1" })).toBe("confirm_label");
  expect(press("л", { code: "KeyK" })).toBe("keep");
  expect(press("!", { code: "Digit1", shiftKey: true })).toBe(null);
  expect(press("q", { code: "KeyA" })).toBe(null); // a French Q, where A is printed elsewhere
});

test("words of a decision", () => {
  expect(wordsOf("wrong_face")).toBe("Wrong face");
  expect(wordsOf("of_another_version")).toBe("of another version");
});
