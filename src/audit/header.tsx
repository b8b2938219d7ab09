/** Controls and headline numbers of the error audit. */
import { Select } from "../app/controls.tsx";
import { useEvents } from "../app/events.ts";
import { Fragment, h } from "../app/given.ts";
import { Intro } from "../app/intro.tsx";
import { useHelp, type KeyWords } from "../app/keys_help.tsx";
import { playIt, type Wanted as Playing } from "../app/playing.ts";
import { bounds, number, percent, plural } from "../app/words.ts";
import { FAKE } from "../app/colours.ts";
import type { Area, Cell, Control, Header, Kind } from "../sent/audit.ts";
import { lostOf } from "./rows.ts";
import { Slider } from "./slider.tsx";

type On = Record<"on_set" | "on_show" | "on_keep_view" | "on_refresh" | "on_clear" | "on_close_intro" | "on_play", string>;

const KEYS: readonly KeyWords[] = [
  ["Tab", "to the next control, number or mark"],
  ["Enter", "the faces behind a number, a bar or a mark"],
  ["← →", "move the threshold, on its slider"],
  ["?", "these keys"],
];

function Tile(props: { title: string; value: string; under: React.ReactNode; cy: string }) {
  return (
    <div className="mf-tile" data-cy={props.cy}>
      <span className="mf-dim mf-small">{props.title}</span>
      <b>{props.value}</b>
      <span className="mf-dim mf-small">{props.under}</span>
    </div>
  );
}

function areaWords(area: Area | null): React.ReactNode {
  if (!area) return "needs both classes";
  if (area.low == null || area.high == null) return area.how;
  return (
    <>
      {"95 %: " + area.low.toFixed(3) + " to " + area.high.toFixed(3)}
      <br />
      {area.how}
    </>
  );
}

export function AuditHeader({ data, schema }: { data?: Header; schema: { view: On } }) {
  const send = useEvents("audit", data?.rev);
  const help = useHelp(KEYS);
  const on = schema.view;
  if (!data?.choice) return null;
  const { choice, options, threshold, total, unit } = data;
  const set = (name: Control | "threshold") => (value: string | number) =>
    send(on.on_set, { name, value });
  const show = (kind: Kind) => () => send(on.on_show, { row: -1, kind });
  const control = (name: Control, label: string) => (
    <Select
      label={label}
      value={choice[name]}
      options={options[name]}
      onChange={set(name)}
      cy={"mf-" + name}
    />
  );
  const rate = (cell: Cell | null, kind: Kind, of: string) => {
    if (!cell) return "no scored " + of;
    return (
      <>
        <button className="mf-link" onClick={show(kind)} data-cy={"mf-total-" + kind}>
          {number(cell.hits) + " of " + number(cell.trials)}
        </button>
        {" " + of}
        <br />
        {bounds(cell)}
      </>
    );
  };
  const units = (count: number, what: string) =>
    plural(count, what + " " + unit).replace(/^\S+ /, "");
  const lost = (
    <button className="mf-link" onClick={show("lost")} data-cy="mf-total-lost">
      {number(lostOf(total)) + " not scored"}
    </button>
  );
  return (
    <div className="mf" data-cy="mf-audit" onKeyDown={help.pressed}>
      {data.intro && (
        <Intro sentences={data.intro} onClose={() => send(on.on_close_intro, {})} />
      )}
      <div className="mf-row">
        {control("key", "Detector")}
        {control("level", "Judged")}
        {control("scope", "Faces of")}
        {control("source", "Threshold from")}
        {data.shows_faces && (
          <button
            onClick={() => send(on.on_keep_view, {})}
            title="Audit only the faces that the grid shows now"
            data-cy="mf-keep"
          >
            Audit view
          </button>
        )}
        <button
          onClick={() => send(on.on_refresh, {})}
          title="Read the samples again"
          aria-label="Read the samples again"
          data-cy="mf-refresh"
        >
          {"\u21bb"}
        </button>
        {help.button}
      </div>
      {help.list}
      <Slider threshold={threshold} onMove={set("threshold")} />
      <div className="mf-small mf-dim" data-cy="mf-provenance" style={{ minHeight: 16 }}>
        {"fake from p_fake ≥ " + threshold.value.toFixed(3) + ": "}
        <span style={threshold.honest ? undefined : { color: FAKE, fontWeight: 600 }}>
          {(threshold.honest ? "" : "⚠ ") + threshold.provenance}
        </span>
        {"; " + data.rule}
      </div>
      <div className="mf-tiles">
        <Tile
          title="False alarms (FPR)"
          value={total.fpr ? percent(total.fpr.rate) : "n/a"}
          under={rate(total.fpr, "fp", units(total.scored_real, "real"))}
          cy="mf-fpr"
        />
        <Tile
          title="Missed fakes (FNR)"
          value={total.fnr ? percent(total.fnr.rate) : "n/a"}
          under={rate(total.fnr, "fn", units(total.scored_fake, "fake"))}
          cy="mf-fnr"
        />
        <Tile
          title="AUROC, any threshold"
          value={total.auroc ? total.auroc.value.toFixed(3) : "n/a"}
          under={areaWords(total.auroc)}
          cy="mf-auroc"
        />
        <Tile
          title="Coverage"
          value={percent(total.coverage)}
          under={total.lost.length ? lost : "all scored"}
          cy="mf-coverage"
        />
      </div>
      <div
        className={"mf-says" + (data.outliers.startsWith("Worse") ? " mf-warn" : "")}
        data-cy="mf-outliers"
      >
        {data.outliers}
        <div className="mf-dim mf-small">{data.coverage}</div>
      </div>
      <div className="mf-shown" role="status" data-cy="mf-shown">
        {data.shown ? (
          <>
            <span>{data.shown}</span>
            <button onClick={() => send(on.on_clear, {})} data-cy="mf-clear">
              Show all
            </button>
            <button
              onClick={() => send<Playing>(on.on_play, {}, (found) => found && playIt(found))}
              title="Play the first of them beside its real"
              data-cy="mf-play"
            >
              ▶ Play
            </button>
          </>
        ) : (
          <span className="mf-dim">
            Click a number, a bar or a point of the curve: the grid shows exactly those faces.
          </span>
        )}
      </div>
    </div>
  );
}
