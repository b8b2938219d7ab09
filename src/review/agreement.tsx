/** How far the reviewers agree, and the way to where they differ. */
import { h } from "../app/given.ts";
import { PlainHead } from "../app/controls.tsx";
import { number, plural, share } from "../app/words.ts";
import type { Agreement, Pairing } from "../sent/review.ts";
import { textOf } from "./files.ts";

const interval = (row: Pairing): string =>
  row.low === null || row.high === null
    ? row.why
    : "95 %: " + row.low.toFixed(2) + " to " + row.high.toFixed(2);

interface TableProps {
  found: Agreement;
  told: string;
  onConflicts: () => void;
  onExport: (kind: string) => void;
  onImport: (text: string | null) => void;
}

export function AgreementTable(props: TableProps) {
  const { rows, conflicts, settled } = props.found;
  return (
    <section aria-label="Agreement" data-cy="mf-review-agreement-table">
      {rows.length ? (
        <div className="mf-scroll">
          <table>
            <PlainHead
              names={[
                ["Reviewers"],
                ["Faces", "decided by both, or by two of all", true],
                ["Equal", "share of equal decisions", true],
                ["Kappa", "1: full agreement, 0: that of chance", true],
                ["Interval"],
              ]}
            />
            <tbody>
              {rows.map((row) => (
                <tr key={row.who} data-cy="mf-review-pairing">
                  <td className="mf-name">{row.who}</td>
                  <td className="mf-num">{number(row.faces)}</td>
                  <td className="mf-num">{share(row.equal)}</td>
                  <td className="mf-num">{row.kappa === null ? "n/a" : row.kappa.toFixed(2)}</td>
                  <td className="mf-name">{interval(row)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p className="mf-says">
          One reviewer so far. Let a second person enter their name above and decide the same
          faces: the first one's decisions stay hidden until then.
        </p>
      )}
      <div className="mf-row">
        <span>
          {plural(conflicts, "open difference")}
          <span className="mf-dim">{", " + number(settled) + " resolved"}</span>
        </span>
        {conflicts > 0 && (
          <button onClick={props.onConflicts} data-cy="mf-review-conflicts">
            Resolve them
          </button>
        )}
      </div>
      <div className="mf-row mf-files">
        <span className="mf-dim">Decisions as a file:</span>
        <button onClick={() => props.onExport("csv")} data-cy="mf-review-csv">
          Export CSV
        </button>
        <button onClick={() => props.onExport("json")} data-cy="mf-review-json">
          Export JSON
        </button>
        <label className="mf-file">
          Import{" "}
          <input
            type="file"
            accept=".csv,.json"
            data-cy="mf-review-import"
            onChange={(e) => {
              const file = e.currentTarget.files?.[0];
              void file?.arrayBuffer().then((bytes) => props.onImport(textOf(bytes)));
              e.currentTarget.value = "";
            }}
          />
        </label>
        <span role="status" data-cy="mf-review-told">
          {props.told}
        </span>
      </div>
    </section>
  );
}
