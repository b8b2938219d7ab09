/** The keys of a panel, behind a button with a question mark. */
import { h, useState } from "./given.ts";

/** A key and what it does. */
export type KeyWords = readonly [key: string, words: string];

export function KeyList({ keys }: { keys: readonly KeyWords[] }) {
  return (
    <section aria-label="Keys" className="mf-help" data-cy="mf-keys">
      {keys.map(([key, words]) => (
        <span key={key}>
          <kbd>{key}</kbd> {words}
        </span>
      ))}
    </section>
  );
}

/** The button, the list that it opens, and what the key "?" calls. */
export function useHelp(keys: readonly KeyWords[]) {
  const [open, setOpen] = useState(false);
  const toggle = () => setOpen(!open);
  const button = (
    <button
      onClick={toggle}
      className={open ? "mf-on" : undefined}
      title="Keys (?)"
      aria-label="Keys"
      aria-expanded={open}
      aria-keyshortcuts="?"
      data-cy="mf-help"
    >
      ?
    </button>
  );
  /** Whether the key was the question mark, and nobody types it into a field. */
  const pressed = (e: React.KeyboardEvent): boolean => {
    const { tagName = "", type = "" } = e.target as Partial<HTMLInputElement>;
    const typed = tagName === "TEXTAREA" || (tagName === "INPUT" && type !== "range");
    if (e.key !== "?" || typed || tagName === "SELECT") return false;
    toggle();
    e.preventDefault();
    e.stopPropagation(); // the App has keys of its own
    return true;
  };
  return { button, list: open ? <KeyList keys={keys} /> : null, pressed };
}
