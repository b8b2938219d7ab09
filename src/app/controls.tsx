/** Small parts that several components share. */
import type { Option } from "../sent/audit.ts";
import { h } from "./given.ts";

interface SelectProps {
  label: string;
  value: string | null | undefined;
  options: readonly Option[] | undefined;
  onChange: (value: string) => void;
  cy: string;
}

export function Select({ label, value, options, onChange, cy }: SelectProps) {
  const chosen = options?.find(([id]) => id === value)?.[1];
  return (
    <label className="mf-field">
      {label}
      <select
        value={value ?? ""}
        title={chosen} // a long name is cut off
        onChange={(e) => onChange(e.target.value)}
        data-cy={cy}
      >
        {(options ?? []).map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A number that can be clicked, or a dim 0. */
export function Count(props: { n: number; onClick: () => void; cy: string; text: string }) {
  if (!props.n) return <span className="mf-dim">0</span>;
  return (
    <button className="mf-link" onClick={props.onClick} data-cy={props.cy}>
      {props.text}
    </button>
  );
}

/** Texts of a table's head, with a title and whether numbers stand below. */
export type Head = [text?: string, title?: string, numeric?: boolean];

export function PlainHead({ names }: { names: Head[] }) {
  return (
    <thead>
      <tr>
        {names.map(([text, title, numeric], i) => (
          <th
            key={i}
            title={title}
            className={numeric ? "mf-num" : undefined}
            style={{ padding: "6px" }}
          >
            {text}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** What a tab says in words. */
export function Says({ words }: { words: string }) {
  return (
    <div className="mf-says" role="status" data-cy="mf-tab-words">
      {words}
    </div>
  );
}
