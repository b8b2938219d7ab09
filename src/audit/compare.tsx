/** A second detector at the same false alarms: what it fixes and what it breaks. */
import { Count, PlainHead, Says, Select, type Head } from "../app/controls.tsx";
import { h } from "../app/given.ts";
import { number } from "../app/words.ts";
import type { Change, Changed, Compare as Data, Compared } from "../sent/audit.ts";

/** Which units to show: of a row and a class, or one. */
export interface Wanted {
  what: Change;
  row?: number;
  label?: number;
  unit?: number;
  [name: string]: unknown;
}

interface CompareProps {
  data: Data;
  columns: string[];
  unit: string;
  choose: (key: string) => void;
  send: (wanted: Wanted) => void;
}

export function Compare({ data, columns, unit, choose, send }: CompareProps) {
  const change = (row: Compared, what: Change, label: 0 | 1) => (
    <td key={what + label} className="mf-num">
      <Count
        n={row[what][label]}
        onClick={() => send({ what, row: row.index, label })}
        cy={`mf-${what}-${row.index}-${label}`}
        text={number(row[what][label])}
      />
    </td>
  );
  const one = (what: Change, changed: Changed) => (
    <tr key={changed.unit} data-cy={"mf-" + what}>
      <td className="mf-name">
        <button
          className="mf-link"
          style={{ whiteSpace: "normal", textAlign: "left" }}
          onClick={() => send({ what, unit: changed.unit })}
        >
          {changed.video || unit + " " + changed.unit}
        </button>
      </td>
      <td>{changed.label === 1 ? "▲ fake" : "● real"}</td>
      <td className="mf-num">
        {changed.p[0].toFixed(3) + " → " + changed.p[1].toFixed(3)}
      </td>
    </tr>
  );
  const list = (what: Change, title: string) => {
    const units = data.list?.[what];
    if (!units?.length) return null;
    return (
      <div style={{ flex: "1 1 260px", minWidth: 0 }}>
        <div className="mf-dim mf-small" style={{ marginTop: 8 }}>
          {title}
        </div>
        <div className="mf-scroll" style={{ maxHeight: 220, marginTop: 3 }}>
          <table>
            <tbody>{units.map((changed) => one(what, changed))}</tbody>
          </table>
        </div>
      </div>
    );
  };
  const heads: Head[] = [
    ...columns.map((name): Head => [name]),
    ["fixed reals", "False alarms of the first that the second does not raise", true],
    ["fixed fakes", "Fakes that only the second finds", true],
    ["broken reals", "New false alarms", true],
    ["broken fakes", "Fakes that only the first found", true],
    [unit + "s", "Scored by both", true],
  ];
  return (
    <div>
      {data.others.length > 0 && (
        <div className="mf-row">
          <Select
            label="Second detector"
            value={data.key}
            options={data.others}
            onChange={choose}
            cy="mf-other"
          />
        </div>
      )}
      <Says words={data.words} />
      {data.rows.length > 0 && (
        <div className="mf-scroll">
          <table>
            <PlainHead names={heads} />
            <tbody>
              {data.rows.map((row) => (
                <tr key={row.index} data-cy="mf-compare" data-name={row.name.join(" · ")}>
                  {row.name.map((name, i) => (
                    <td key={i} className="mf-name">
                      {name}
                    </td>
                  ))}
                  {change(row, "fixed", 0)}
                  {change(row, "fixed", 1)}
                  {change(row, "broken", 0)}
                  {change(row, "broken", 1)}
                  <td className="mf-num mf-dim">{number(row.units)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className="mf-row" style={{ alignItems: "flex-start" }}>
        {list("broken", "Newly broken, largest change first")}
        {list("fixed", "Fixed, largest change first")}
      </div>
    </div>
  );
}
