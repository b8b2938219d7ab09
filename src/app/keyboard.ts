/** Keys that are commands, whatever letters and digits a keyboard prints on them. */

export interface Press {
  key: string;
  /** the place on the keyboard, whatever letter is printed there */
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  target?: unknown;
}

/** Whether the key belongs to a field that is typed into. */
export function typed(target: unknown): boolean {
  const { tagName = "", isContentEditable = false } = (target ?? {}) as Partial<HTMLElement>;
  return isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(tagName);
}

/** The key as it is compared: a letter in lower case. */
export const plainKey = ({ key }: Press): string => (key.length === 1 ? key.toLowerCase() : key);

/** The digit or letter of the key's place where the layout has another one there: the digits of a
 * French keyboard, the letters of a Cyrillic one. */
export function placed({ key, code = "" }: Press, most = 9): string {
  if (/^Digit[1-9]$/.test(code) && Number(code.slice(5)) <= most) return code.slice(5);
  return /^Key[A-Z]$/.test(code) && /^[^\x00-\x7f]$/.test(key) ? code.slice(3).toLowerCase() : "";
}

const PANELS = ["error_audit", "hypersphere", "player", "review", "timeline", "training_runs"];
/** Where what has the focus is ours: in a component, or in a panel that the App draws for us. */
const OURS = [".mf", ...PANELS.map((name) => `[data-cy="panel-content-${name}"]`)].join();

/** Enter clicks the button or link of ours that has the focus. The App stops every Enter of the page before the
 * browser makes a click of it, so this listens first. */
export function enterClicks(e: KeyboardEvent): void {
  if (e.key !== "Enter" || !(e.target instanceof Element)) return;
  const ours = e.target.closest<HTMLElement>("button, a, summary");
  if (!ours?.closest(OURS)) return;
  e.preventDefault();
  e.stopImmediatePropagation(); // one key is one click, also where this file was loaded twice
  if (!e.repeat) ours.click();
}
