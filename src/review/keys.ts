/** The keys of the review. */
import { placed, plainKey, typed, type Press } from "../app/keyboard.ts";

export const DECISIONS = ["confirm_label", "wrong_label", "wrong_face", "unusable"] as const;
export type Decision = (typeof DECISIONS)[number];
export type Action = Decision | "keep" | "drop" | "clear";
export type Command =
  | Action
  | "note"
  | "undo"
  | "redo"
  | "next"
  | "back"
  | "heat"
  | "agreement"
  | "play"
  | "help";

/** Command, its key as it is shown, and what it does; decisions go on to the next face. */
export const KEYS: readonly [command: Command, key: string, words: string][] = [
  ["confirm_label", "1", "Confirm label"],
  ["wrong_label", "2", "Wrong label"],
  ["wrong_face", "3", "Wrong face"],
  ["unusable", "4", "Unusable"],
  ["keep", "K", "Keep for training"],
  ["drop", "D", "Do not train"],
  ["note", "N", "Note"],
  ["clear", "C", "Clear"],
  ["next", "→", "Skip"],
  ["back", "←", "Back"],
  ["undo", "U", "Undo"],
  ["redo", "R", "Redo"],
  ["heat", "H", "Heatmap"],
  ["play", "P", "Play its video"],
  ["agreement", "A", "Agreement, files"],
  ["help", "?", "Keys"],
];

/** What a decision is called. */
export const wordsOf = (action: string): string =>
  KEYS.find(([command]) => command === action)?.[2] ?? action.replace(/_/g, " ");

const OTHERS: Record<string, Command> = {
  ArrowRight: "next",
  s: "next",
  ArrowLeft: "back",
  b: "back",
};

/** The command of a key, or null if it means nothing here. */
export function commandOf(press: Press): Command | null {
  if (typed(press.target) || press.altKey) return null;
  const key = plainKey(press);
  if (press.ctrlKey || press.metaKey) {
    if (key === "z") return press.shiftKey ? "redo" : "undo";
    return key === "y" ? "redo" : null;
  }
  return meaning(key) ?? (press.shiftKey ? null : meaning(placed(press, 4)));
}

function meaning(key: string): Command | null {
  return OTHERS[key] ?? KEYS.find(([, shown]) => shown.toLowerCase() === key)?.[0] ?? null;
}
