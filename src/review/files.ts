/** Files of decisions: what the browser saves, and what an import did. */
import { number, plural } from "../app/words.ts";
import type { Exported, Imported } from "../sent/review.ts";

export function download({ name, text }: Exported): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

export function importWords({ added, there, left_out }: Imported): string {
  const left = Object.entries(left_out).map(([why, n]) => number(n) + " left out: " + why);
  const known = there ? [number(there) + " were there"] : [];
  return [plural(added, "decision") + " added", ...known, ...left].join("; ") + ".";
}

export const NO_UTF8 = "This file is not UTF-8. Save it as 'CSV UTF-8' and import it again.";

/** The text of a file, or null if it is no UTF-8: its names and notes would come in broken. */
export function textOf(bytes: ArrayBuffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
