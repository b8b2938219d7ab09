/** One error rate in a table: the number, its counts to click, its interval as a bar. */
import { h } from "../app/given.ts";
import { bounds, number, percent } from "../app/words.ts";
import { shade, shaded } from "../app/colours.ts";
import type { Cell, Kind } from "../sent/audit.ts";

interface RateCellProps {
  cell: Cell | null;
  /** The rate of all rows together, drawn dashed. */
  whole: { rate: number } | null | undefined;
  colour: string;
  /** What a click on the errors shows, and on all units of the class. */
  kind: Kind;
  of: Kind;
  go: (kind: Kind) => void;
  cy: (kind: Kind) => string;
  /** What the rate is a share of. */
  words: string;
}

const at = (x: number) => (100 * x).toFixed(1) + "%";

export function rateTitle(cell: Cell, words: string): string {
  return (
    `${percent(cell.rate)} ${words}, ${bounds(cell)}` +
    (cell.rest == null ? "" : "; all other rows " + percent(cell.rest)) +
    (cell.small ? ". Too few independent units to be judged." : "") +
    (cell.stands_out ? ". Worse than the rest beyond chance." : "")
  );
}

export function RateCell({ cell, whole, colour, kind, of, go, cy, words }: RateCellProps) {
  if (!cell) return <td className="mf-dim">–</td>;
  const dark = cell.small ? 0 : shade(cell.rate, cell.rest, cell.excess);
  const link = (n: number, which: Kind) => (
    <button
      className="mf-link mf-dim mf-small"
      onClick={() => go(which)}
      data-cy={cy(which)}
    >
      {number(n)}
    </button>
  );
  const weight = { fontWeight: cell.stands_out ? 700 : 500, opacity: cell.small ? 0.65 : 1 };
  return (
    <td title={rateTitle(cell, words)} style={shaded(dark)}>
      <div>
        {cell.stands_out && <span aria-label="stands out">▲ </span>}
        <b style={weight}>{percent(cell.rate)}</b> {link(cell.hits, kind)}
        <span className="mf-dim mf-small"> / </span>
        {link(cell.trials, of)}
        {cell.small && <span className="mf-dim mf-small"> few</span>}
      </div>
      <div className="mf-bar">
        {cell.low != null && cell.high != null && (
          <i
            style={{ left: at(cell.low), width: at(cell.high - cell.low), background: colour }}
          />
        )}
        {whole && <s style={{ left: at(whole.rate) }} />}
        <u style={{ left: at(cell.rate), background: colour }} />
      </div>
    </td>
  );
}
