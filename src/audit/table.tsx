/** The error audit's tabs, and its table of rows. */
import { Says, Select } from "../app/controls.tsx";
import { useEvents, type Send } from "../app/events.ts";
import { Fragment, h, useMemo, useState } from "../app/given.ts";
import { plural } from "../app/words.ts";
import type { Kind, Table } from "../sent/audit.ts";
import { Cells } from "./cells.tsx";
import { Compare } from "./compare.tsx";
import { AuditRow } from "./row.tsx";
import { sortRows, type Sort } from "./rows.ts";
import { Slices } from "./slices.tsx";
import { Transfer } from "./transfer.tsx";

type On = Record<"on_set" | "on_show" | "on_slice" | "on_cell" | "on_changed", string>;

interface PartProps {
  data: Table;
  on: On;
  send: Send;
}

/** The open tab; the table where the tab is the table or not read yet. */
function Tab({ data, on, send }: PartProps) {
  const { unit } = data;
  const set = (name: string) => (value: unknown) => send(on.on_set, { name, value });
  const slice = (conditions: [string, number][], kind: Kind) =>
    send(on.on_slice, { conditions, kind });
  if (data.tab === "cells" && data.cells) {
    return (
      <Cells
        data={data.cells}
        groups={data.groups}
        unit={unit}
        set={(name, value) => set(name)(value)}
        show={(cell, kind) => send(on.on_cell, { cell, kind })}
      />
    );
  }
  if (data.tab === "slices" && data.slices) {
    return <Slices data={data.slices} unit={unit} send={slice} setRegions={set("regions")} />;
  }
  if (data.tab === "transfer" && data.transfer) {
    return (
      <Transfer
        data={data.transfer}
        total={data.total}
        unit={unit}
        send={(row, kind) => slice([["source_dataset", row]], kind)}
      />
    );
  }
  if (data.tab === "pairs" && data.pairs) return <Says words={data.pairs.words} />;
  if (data.tab === "compare" && data.compare) {
    return (
      <Compare
        data={data.compare}
        columns={data.columns}
        unit={unit}
        choose={set("other")}
        send={(wanted) => send(on.on_changed, wanted)}
      />
    );
  }
  return <Rows data={data} on={on} send={send} />;
}

function Rows({ data, on, send }: PartProps) {
  const [sort, setSort] = useState<Sort>("worst");
  const { rows, columns, unit } = data;
  const sorted = useMemo(() => sortRows(rows, sort), [rows, sort]);
  const show = (row: number, kind: Kind) => send(on.on_show, { row, kind });
  const head = (id: Sort, text: string, title: string, numeric = false) => (
    <th
      key={id}
      className={numeric ? "mf-num" : undefined}
      aria-sort={sort === id ? "ascending" : "none"}
    >
      <button onClick={() => setSort(sort === id ? "worst" : id)} title={title}>
        {text + (sort === id ? " ▾" : "")}
      </button>
    </th>
  );
  const apart = "Fakes of the row against the reals of the row or of its dataset";
  return (
    <>
      <div className="mf-row" style={{ justifyContent: "space-between" }}>
        <Select
          label="One row per"
          value={data.group}
          options={data.groups}
          onChange={(value) => send(on.on_set, { name: "group", value })}
          cy="mf-group"
        />
        <span className="mf-dim mf-small" style={{ flex: "1 1 260px" }}>
          {plural(rows.length, "row") +
            (sort === "worst" ? ", worst first" : "") +
            ". Bars: 95 % interval, 0 to 100 %; dashed: all rows together; " +
            "▲ worse than the rest beyond chance"}
        </span>
      </div>
      <div className="mf-scroll">
        <table>
          <thead>
            <tr>
              {columns.map((name, i) => head(i, name, "Sort by name"))}
              {head(
                "fpr",
                "false alarms",
                `Share of the scored real ${unit}s that are called fake (FPR)`,
              )}
              {head(
                "fnr",
                "missed fakes",
                `Share of the scored fake ${unit}s that are called real (FNR)`,
              )}
              {head("auroc", "AUROC", apart, true)}
              {head("lost", "not scored", "Without a score; not counted in any rate", true)}
              <th aria-label="Show in the grid" />
            </tr>
          </thead>
          <tbody>
            {sorted.map((row) => (
              <AuditRow
                key={row.index}
                row={row}
                total={data.total}
                columns={columns}
                show={show}
                unit={unit}
              />
            ))}
            {rows.length > 1 && (
              <AuditRow row={data.total} total={null} columns={columns} show={show} unit={unit} />
            )}
          </tbody>
        </table>
      </div>
    </>
  );
}

export function AuditTable({ data, schema }: { data?: Table; schema: { view: On } }) {
  const send = useEvents("audit");
  const on = schema.view;
  if (!data?.rows) return null;
  return (
    <div className="mf" data-cy="mf-table">
      <div className="mf-tabs" role="tablist">
        {(data.tabs ?? []).map(([id, text]) => (
          <button
            key={id}
            role="tab"
            aria-selected={data.tab === id}
            className={data.tab === id ? "mf-on" : ""}
            onClick={() => send(on.on_set, { name: "tab", value: id })}
            data-cy={"mf-tab-" + id}
          >
            {text}
          </button>
        ))}
      </div>
      <Tab data={data} on={on} send={send} />
    </div>
  );
}
