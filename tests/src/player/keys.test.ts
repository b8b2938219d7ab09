import { KEYS, commandOf } from "../../../src/player/keys.ts";

const press = (key: string, more: object = {}) =>
  commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

const SHOWN: Record<string, string> = {
  Space: " ",
  "→": "ArrowRight",
  "←": "ArrowLeft",
  "↓": "ArrowDown",
  "↑": "ArrowUp",
  "−": "-",
};

test("every command has a key of its own", () => {
  for (const [command, key] of KEYS) {
    const [one, two] = key.split(" ");
    const shiftKey = !!two;
    expect(press(SHOWN[two ?? one!] ?? key, { shiftKey })).toBe(command);
  }
  expect(new Set(KEYS.map(([, key]) => key)).size).toBe(KEYS.length);
});

test("fields and the browser keep theirs; other scripts have them too", () => {
  expect(press(" ", { target: { tagName: "INPUT" } })).toBe(null);
  expect(press("d", { ctrlKey: true })).toBe(null);
  expect(press("x")).toBe(null);
  expect(press("в", { code: "KeyD" })).toBe("difference");
  expect(press("?", { shiftKey: true })).toBe("help");
});
