/** One row of the audit's table, or its total. */
import { Count } from "../app/controls.tsx";
import { h } from "../app/given.ts";
import { number } from "../app/words.ts";
import { FAKE, REAL } from "../app/colours.ts";
import type { Kind, Row } from "../sent/audit.ts";
import { RateCell } from "./rate.tsx";
import { lostOf } from "./rows.ts";

interface AuditRowProps {
  row: Row;
  /** All rows together; null for the total itself. */
  total: Row | null;
  columns: string[];
  show: (row: number, kind: Kind) => void;
  unit: string;
}

export function AuditRow({ row, total, columns, show, unit }: AuditRowProps) {
  const isTotal = row.index < 0;
  const whole = isTotal ? null : total;
  const go = (kind: Kind) => show(row.index, kind);
  const cy = (kind: string) => "mf-cell-" + (isTotal ? "all" : row.index) + "-" + kind;
  const act = (kind: Kind, text: string, title: string, able: boolean) => (
    <button onClick={() => go(kind)} title={title} disabled={!able} data-cy={cy("act-" + kind)}>
      {text}
    </button>
  );
  const names = isTotal ? ["all", ...columns.slice(1).map(() => "")] : row.name;
  const lost = lostOf(row);
  const { auroc } = row;
  return (
    <tr
      className={isTotal ? "mf-total" : undefined}
      data-cy="mf-row"
      data-row={row.index}
      data-name={row.name.join(" · ")}
    >
      {names.map((name, i) => (
        <td key={i} className="mf-name">
          {name}
          {i === 0 && row.seen > 0 && (
            <div
              className="mf-dim mf-small"
              title="Trained, validated or calibrated on: rates on them are optimistic"
              data-cy={cy("seen")}
            >
              {number(row.seen) + " seen by the detector"}
            </div>
          )}
        </td>
      ))}
      <RateCell
        cell={row.fpr}
        whole={whole?.fpr}
        colour={REAL}
        kind="fp"
        of="real"
        go={go}
        cy={cy}
        words={`of real ${unit}s called fake`}
      />
      <RateCell
        cell={row.fnr}
        whole={whole?.fnr}
        colour={FAKE}
        kind="fn"
        of="fake"
        go={go}
        cy={cy}
        words={`of fake ${unit}s called real`}
      />
      <td className="mf-num" title={auroc ? auroc.how : "needs both classes"}>
        {auroc ? auroc.value.toFixed(3) : "–"}
        {auroc?.low != null && auroc.high != null && (
          <div className="mf-dim mf-small">
            {auroc.low.toFixed(2) + "–" + auroc.high.toFixed(2)}
          </div>
        )}
      </td>
      <td
        className="mf-num"
        title={row.lost.map(([reason, n]) => reason + " " + n).join(", ") || "all scored"}
      >
        <Count n={lost} onClick={() => go("lost")} cy={cy("lost")} text={number(lost)} />
      </td>
      <td>
        <div className="mf-acts">
          {act("fp", "FP", "Show the false positives", !!row.fpr?.hits)}
          {act("fn", "FN", "Show the false negatives", !!row.fnr?.hits)}
          {act("all", "All", "Show all", true)}
        </div>
      </td>
    </tr>
  );
}
