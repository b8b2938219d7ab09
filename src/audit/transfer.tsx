/** The chosen threshold on each dataset, beside the dataset's own. */
import { PlainHead, Says } from "../app/controls.tsx";
import { h } from "../app/given.ts";
import { percent, share } from "../app/words.ts";
import { FAKE, REAL } from "../app/colours.ts";
import type { Kind, Row, Transfer as Data, Transferred } from "../sent/audit.ts";
import { RateCell } from "./rate.tsx";

interface TransferProps {
  data: Data;
  total: Row;
  unit: string;
  send: (row: number, kind: Kind) => void;
}

export function Transfer({ data, total, unit, send }: TransferProps) {
  const chosen = "At the chosen threshold: " + data.provenance;
  const own =
    `The one with most fakes found among those with at most ${percent(data.target)} ` +
    "false alarms, chosen on this dataset's own labels (oracle)";
  const line = (row: Transferred) => {
    const go = (kind: Kind) => send(row.index, kind);
    const cy = (kind: Kind) => `mf-transfer-${row.index}-${kind}`;
    const { oracle } = row;
    return (
      <tr key={row.index} data-cy="mf-transfer" data-name={row.name}>
        <td className="mf-name">{row.name}</td>
        <RateCell
          cell={row.fpr}
          whole={total.fpr}
          colour={REAL}
          kind="fp"
          of="real"
          go={go}
          cy={cy}
          words={`of real ${unit}s called fake`}
        />
        <RateCell
          cell={row.fnr}
          whole={total.fnr}
          colour={FAKE}
          kind="fn"
          of="fake"
          go={go}
          cy={cy}
          words={`of fake ${unit}s called real`}
        />
        <td className="mf-num">{share(row.half[0]) + ", " + share(row.half[1])}</td>
        <td className="mf-num" title={row.why}>
          {oracle ? oracle.threshold.toFixed(3) : "n/a"}
        </td>
        <td className="mf-num" title={row.why}>
          {oracle ? percent(oracle.fpr) + ", " + percent(oracle.fnr) : "n/a"}
        </td>
        <td className="mf-num">
          {row.reals ? row.reals.map((q) => q.toFixed(2)).join(", ") : "n/a"}
        </td>
      </tr>
    );
  };
  return (
    <div>
      <Says words={data.words} />
      <div className="mf-scroll">
        <table>
          <PlainHead
            names={[
              ["dataset"],
              ["false alarms", chosen],
              ["missed fakes", chosen],
              ["both at 0.5", "False alarms and missed fakes at the threshold 0.5", true],
              ["own threshold", own, true],
              ["both at it", "False alarms and missed fakes at its own threshold", true],
              ["reals: median, 95 %", "p_fake of the reals", true],
            ]}
          />
          <tbody>{data.rows.map(line)}</tbody>
        </table>
      </div>
    </div>
  );
}
