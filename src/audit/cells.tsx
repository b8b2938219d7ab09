/** Every cell of two fields as a dot with its interval, all on one scale. */
import { Says, Select } from "../app/controls.tsx";
import { h } from "../app/given.ts";
import { bounds, number, percent } from "../app/words.ts";
import { FAKE, REAL, shade, shaded } from "../app/colours.ts";
import type { Cells as Data, Kind, Option, Strip } from "../sent/audit.ts";

const FEW = 1;
const STANDS_OUT = 2;

interface CellsProps {
  data: Data;
  groups: Option[];
  unit: string;
  set: (name: "down" | "across", value: string) => void;
  show: (cell: number, kind: Kind) => void;
}

const heat = (cell: Strip | null): number =>
  !cell || cell[7] === FEW ? 0 : shade(cell[2], cell[5], cell[6]);

function stripWords(cell: Strip, name: string, fake: boolean, unit: string): string {
  const [hits, trials, rate, low, high, rest, , mark] = cell;
  const what = fake ? `fake ${unit}s called real` : `real ${unit}s called fake`;
  const range = bounds({ low, high });
  const others = rest == null ? "" : "; all other cells " + percent(rest);
  const judged =
    mark === FEW
      ? ". Too few independent units to be judged."
      : mark === STANDS_OUT
        ? ". Worse than the rest beyond chance."
        : "";
  const counts = `${number(hits)} of ${number(trials)}`;
  return `${name}: ${percent(rate)} of ${what} (${counts}; ${range}${others})${judged}`;
}

interface RateStripProps {
  cell: Strip | null;
  total: Strip | null;
  fake: boolean;
  scale: number;
  name: string;
  unit: string;
  go: (kind: Kind) => void;
}

function RateStrip({ cell, total, fake, scale, name, unit, go }: RateStripProps) {
  if (!cell) return null;
  const [hits, , rate, low, high, , , mark] = cell;
  const part = (x: number) => Math.min(1, x / scale);
  // a mark is 14 pixels wide
  const at = (x: number) => "calc(7px + (100% - 14px) * " + part(x).toFixed(4) + ")";
  const from = low ?? rate;
  const wide = (Number(part(high ?? rate).toFixed(4)) - Number(part(from).toFixed(4))).toFixed(4);
  const colour = fake ? FAKE : REAL;
  const words = stripWords(cell, name, fake, unit);
  const few = mark === FEW;
  return (
    <button
      className="mf-strip"
      title={words}
      aria-label={words}
      onClick={() => go(hits ? (fake ? "fn" : "fp") : fake ? "fake" : "real")}
      data-cy={"mf-strip-" + (fake ? "fn" : "fp")}
    >
      {total && <s style={{ left: at(total[2]) }} />}
      <i
        style={{ left: at(from), width: `calc((100% - 14px) * ${wide})`, background: colour }}
      />
      <b
        className={(few ? "mf-few" : "") + (fake ? "" : " mf-dot")}
        style={{ left: at(rate), color: colour }}
      >
        {fake && (few ? "△" : "▲")}
      </b>
    </button>
  );
}

export function Cells({ data, groups, unit, set, show }: CellsProps) {
  const fields = groups.filter(([id]) => id !== "dataset_method");
  const { scale } = data;
  const grid = new Map(data.cells.map((cell) => [cell[0] + " " + cell[1], cell]));
  const axis = (
    <div className="mf-axis">
      <span>0</span>
      <span>{percent(scale / 2)}</span>
      <span>{percent(scale)}</span>
    </div>
  );
  const one = (row: number, column: number, title: string) => {
    const cell = grid.get(row + " " + column);
    if (!cell) return <td key={column} />;
    const [, , number_, fpr, fnr, units, lost] = cell;
    const go = (kind: Kind) => show(number_, kind);
    const strip = { scale, name: title, unit, go };
    return (
      <td
        key={column}
        data-cy="mf-cell"
        data-name={title}
        style={shaded(Math.max(heat(fpr), heat(fnr)))}
      >
        <RateStrip cell={fpr} total={data.total[0]} fake={false} {...strip} />
        <RateStrip cell={fnr} total={data.total[1]} fake={true} {...strip} />
        {!fpr && !fnr && (
          <button
            className="mf-link mf-dim mf-small"
            title="None of them is counted in a rate"
            onClick={() => go(lost ? "lost" : "all")}
          >
            {lost ? number(lost) + " not scored" : number(units) + " without truth"}
          </button>
        )}
      </td>
    );
  };
  return (
    <div>
      <Says words={data.words} />
      <div className="mf-row" style={{ marginTop: 8 }}>
        <Select
          label="Down"
          value={data.fields[0]}
          options={fields}
          onChange={(value) => set("down", value)}
          cy="mf-down"
        />
        <Select
          label="Across"
          value={data.fields[1]}
          options={fields}
          onChange={(value) => set("across", value)}
          cy="mf-across"
        />
      </div>
      <div className="mf-dim mf-small" style={{ marginTop: 6 }}>
        {"● reals called fake, ▲ fakes called real, each with its 95 % interval on one scale " +
          `from 0 to ${percent(scale)}` +
          (scale < 1 ? " (higher values are drawn at the right edge)" : "") +
          "; dashed: all cells together; ○ △ on too few independent units to be judged; " +
          `shaded: above the rest; empty: no scored ${unit}. Worst first. ` +
          "Click to see the errors."}
      </div>
      <div className="mf-scroll">
        <table className="mf-cells">
          <thead>
            <tr>
              <th>{data.fields[0]}</th>
              {data.across.map((name, c) => (
                <th key={c} scope="col">
                  {name}
                  {axis}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.down.map((name, r) => (
              <tr key={r}>
                <td className="mf-name">{name}</td>
                {data.across.map((other, c) => one(r, c, name + " · " + other))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
