/** The keys of the player. */
import { placed, plainKey, typed, type Press } from "../app/keyboard.ts";

export type Command =
  | "play"
  | "forward"
  | "back"
  | "leap"
  | "leapBack"
  | "nextFace"
  | "lastFace"
  | "first"
  | "last"
  | "goto"
  | "loopFrom"
  | "loopTo"
  | "loopOff"
  | "closer"
  | "wider"
  | "whole"
  | "face"
  | "difference"
  | "heat"
  | "boxes"
  | "person"
  | "fake"
  | "slower"
  | "faster"
  | "nextVideo"
  | "lastVideo"
  | "help";

/** Command, its key as it is shown, and what it does. */
export const KEYS: readonly [command: Command, key: string, words: string][] = [
  ["play", "Space", "Play, pause"],
  ["forward", "→", "One frame on"],
  ["back", "←", "One frame back"],
  ["leap", "Shift →", "Ten frames on"],
  ["leapBack", "Shift ←", "Ten frames back"],
  ["nextFace", "↓", "Next scored frame"],
  ["lastFace", "↑", "Scored frame before"],
  ["first", "Home", "First frame"],
  ["last", "End", "Last frame"],
  ["goto", "G", "Go to a frame"],
  ["loopFrom", "I", "Loop from here"],
  ["loopTo", "O", "Loop to here"],
  ["loopOff", "L", "No loop"],
  ["closer", "+", "Closer"],
  ["wider", "−", "Wider"],
  ["whole", "0", "Whole frame"],
  ["face", "F", "Closer to the face"],
  ["difference", "D", "Difference"],
  ["heat", "H", "Heatmap"],
  ["boxes", "B", "Boxes"],
  ["person", "P", "Next person"],
  ["fake", "V", "Next fake of this real"],
  ["slower", "<", "Slower"],
  ["faster", ">", "Faster"],
  ["nextVideo", "N", "Next video of the grid"],
  ["lastVideo", "M", "Video before"],
  ["help", "?", "Keys"],
];

const OTHERS: Record<string, Command> = {
  " ": "play",
  k: "play",
  ArrowRight: "forward",
  ArrowLeft: "back",
  ArrowDown: "nextFace",
  ArrowUp: "lastFace",
  PageDown: "nextFace",
  PageUp: "lastFace",
  Home: "first",
  End: "last",
  "=": "closer",
  "-": "wider",
  ",": "slower",
  ".": "faster",
};

/** The command of a key, or null if it means nothing here. */
export function commandOf(press: Press): Command | null {
  if (typed(press.target) || press.altKey || press.ctrlKey || press.metaKey) return null;
  const key = plainKey(press);
  if (press.shiftKey && key === "ArrowRight") return "leap";
  if (press.shiftKey && key === "ArrowLeft") return "leapBack";
  return meaning(key) ?? (press.shiftKey ? null : meaning(placed(press, 0)));
}

function meaning(key: string): Command | null {
  return OTHERS[key] ?? KEYS.find(([, shown]) => shown.toLowerCase() === key)?.[0] ?? null;
}
