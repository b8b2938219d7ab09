/* Components of @mediaforensics/deepfake: controls and table of the error audit, and the sphere.
 *
 * Hand-written for the browser as it is: no build step, no library. It uses what FiftyOne gives to
 * plugins (React, __fop__, __foo__, __mui__) and talks to Python through panel events alone.
 */
(function () {
  "use strict";
  const React = window.React, fop = window.__fop__, foo = window.__foo__;
  const h = React.createElement;
  const { useCallback, useEffect, useMemo, useRef, useState } = React;

  // ---------------------------------------------------------------- colours, style, small things

  const CSS = `
  .mf { font-family: var(--fo-fontFamily-body); color: var(--fo-palette-text-primary); font-size: 13px; line-height: 1.4; width: 100%; }
  .mf *, .mf *::before { box-sizing: border-box; }
  .mf-row { display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: flex-end; }
  .mf label.mf-field { flex: 1 1 92px; max-width: 210px; min-width: 84px; display: flex; flex-direction: column; gap: 3px; color: var(--fo-palette-text-secondary); font-size: 11px; }
  .mf select, .mf input[type=number] { font: inherit; font-size: 13px; color: var(--fo-palette-text-primary); background: var(--fo-palette-background-level2); border: 1px solid var(--fo-palette-divider, #8886); border-radius: 4px; padding: 4px 6px; height: 28px; max-width: 100%; }
  .mf select { width: 100%; text-overflow: ellipsis; padding-right: 2px; }
  .mf select option { color: var(--fo-palette-text-primary); background: var(--fo-palette-background-level2); }
  .mf button { font: inherit; cursor: pointer; color: var(--fo-palette-text-primary); background: none; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 4px; padding: 3px 9px; height: 28px; white-space: nowrap; }
  .mf button:hover:not(:disabled) { background: var(--fo-palette-background-level3, #8883); }
  .mf button:disabled { opacity: .45; cursor: default; }
  .mf button.mf-on { background: var(--fo-palette-text-secondary); color: var(--fo-palette-background-level1); }
  .mf :focus-visible { outline: 2px solid #56B4E9; outline-offset: 1px; }
  .mf button.mf-link { border: none; padding: 0 3px; margin: 0 -3px; height: auto; text-decoration: underline dotted; text-underline-offset: 3px; border-radius: 2px; font-variant-numeric: tabular-nums; }
  .mf button.mf-link:hover { text-decoration: underline; }
  .mf-dim { color: var(--fo-palette-text-secondary); }
  .mf-small { font-size: 11px; }
  .mf-slider { display: flex; gap: 12px; align-items: center; margin-top: 8px; }
  .mf-slider input[type=range] { flex: 1; min-width: 120px; accent-color: #D55E00; }
  .mf-slider input[type=number] { width: 86px; }
  .mf-tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 8px; margin-top: 8px; }
  .mf-tile { border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; padding: 7px 10px; background: var(--fo-palette-background-level2); min-height: 80px; }
  .mf-tile b { display: block; font-size: 21px; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
  .mf-says { margin-top: 8px; padding: 6px 10px; border-left: 3px solid var(--fo-palette-text-tertiary, #888); background: var(--fo-palette-background-level2); border-radius: 0 4px 4px 0; }
  .mf-says.mf-warn { border-left-color: #D55E00; }
  .mf-shown { display: flex; gap: 10px; align-items: center; margin-top: 6px; min-height: 30px; }
  .mf-scroll { max-height: 460px; overflow: auto; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; margin-top: 8px; }
  .mf table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; }
  .mf th { position: sticky; top: 0; z-index: 1; text-align: left; font-weight: 500; font-size: 11px; color: var(--fo-palette-text-secondary); background: var(--fo-palette-background-level2); padding: 0; border-bottom: 1px solid var(--fo-palette-divider, #8886); white-space: nowrap; }
  .mf th button { border: none; height: 28px; padding: 0 8px; color: inherit; width: 100%; text-align: left; }
  .mf th.mf-num button { text-align: right; }
  .mf td { padding: 4px 8px; border-bottom: 1px solid var(--fo-palette-background-level3, #8883); vertical-align: middle; white-space: nowrap; }
  .mf td.mf-name { white-space: normal; min-width: 96px; overflow-wrap: anywhere; }
  .mf td.mf-num { text-align: right; }
  .mf tr:last-child td { border-bottom: none; }
  .mf tr.mf-total td { font-weight: 600; background: var(--fo-palette-background-level2); }
  .mf-bar { position: relative; height: 5px; margin-top: 3px; width: 100%; min-width: 84px; background: var(--fo-palette-background-level3, #8883); border-radius: 3px; }
  .mf-bar i { position: absolute; top: 0; bottom: 0; border-radius: 3px; opacity: .55; min-width: 2px; }
  .mf-bar u { position: absolute; top: -2px; width: 3px; height: 9px; border-radius: 1px; margin-left: -1px; }
  .mf-bar s { position: absolute; top: -3px; width: 0; height: 11px; border-left: 1px dashed var(--fo-palette-text-secondary); }
  .mf-acts { display: flex; gap: 4px; justify-content: flex-end; }
  .mf-acts button { height: 24px; padding: 0 7px; font-size: 12px; }
  .mf-sphere { position: relative; width: 100%; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; overflow: hidden; background: var(--fo-palette-background-mediaSpace, var(--fo-palette-background-level1)); }
  .mf-sphere canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; touch-action: none; }
  .mf-card { position: absolute; pointer-events: none; z-index: 3; width: 232px; padding: 8px; border-radius: 6px; background: var(--fo-palette-background-level2); border: 1px solid var(--fo-palette-divider, #8886); box-shadow: 0 3px 12px #0006; font-size: 12px; display: flex; gap: 8px; overflow-wrap: anywhere; }
  .mf-card img { width: 92px; height: 92px; object-fit: cover; border-radius: 4px; background: #8883; flex: none; }
  .mf-legend { display: flex; flex-wrap: wrap; gap: 2px 6px; align-items: center; margin-top: 6px; min-height: 24px; }
  .mf-legend button { display: inline-flex; align-items: center; gap: 5px; border: none; height: 24px; padding: 0 6px; font-size: 12px; }
  .mf-legend button[aria-pressed=false] { opacity: .4; text-decoration: line-through; }
  .mf-words { display: grid; grid-template-columns: max-content max-content 1fr; gap: 3px 12px; margin-top: 8px; }
  .mf-words b { font-variant-numeric: tabular-nums; font-weight: 600; }
  `;
  function injectStyle() {
    if (document.getElementById("media-forensics-style")) return;
    const style = document.createElement("style");
    style.id = "media-forensics-style";
    style.textContent = CSS;
    document.head.appendChild(style);
  }

  const REAL = "#0072B2", FAKE = "#D55E00";
  const percent = (x) => (x === 0 || x >= 0.0995 ? Math.round(100 * x) : (100 * x).toFixed(1)) + " %";
  const number = (n) => n.toLocaleString("en-US");
  const plural = (n, word) => number(n) + " " + word + (n === 1 ? "" : "s");

  /** Sends a panel event; while one of its kind is under way only the newest next one waits. */
  function useEvents() {
    const trigger = foo.useTriggerPanelEvent();
    const state = useRef({});
    return useCallback((uri, params, then) => {
      if (!uri) return;
      const slot = (state.current[uri] = state.current[uri] || { busy: false, next: null });
      const send = (what, done) => {
        slot.busy = true;
        trigger(uri, what, undefined, (result) => {
          slot.busy = false;
          if (done) done(result && result.result);
          if (slot.next) { const [w, d] = slot.next; slot.next = null; send(w, d); }
        });
      };
      if (slot.busy) slot.next = [params, then]; else send(params, then);
    }, [trigger]);
  }

  function Select({ label, value, options, onChange, cy }) {
    return h("label", { className: "mf-field" }, label,
      h("select", { value: value == null ? "" : value, onChange: (e) => onChange(e.target.value), "data-cy": cy },
        (options || []).map(([id, text]) => h("option", { key: id, value: id }, text))));
  }

  // ---------------------------------------------------------------- error audit: controls, numbers

  function Slider({ threshold, onMove }) {
    const [value, setValue] = useState(threshold.value);
    const moved = useRef(0);
    useEffect(() => { if (Date.now() - moved.current > 600) setValue(threshold.value); }, [threshold.value]);
    const move = (text) => {
      const next = Math.min(1, Math.max(0, parseFloat(text)));
      if (Number.isNaN(next)) return;
      moved.current = Date.now();
      setValue(next); onMove(next);
    };
    return h("div", { className: "mf-slider" },
      h("span", null, "Threshold"),
      h("input", { type: "range", min: 0, max: 1, step: 0.005, value, onChange: (e) => move(e.target.value),
        "aria-label": "Threshold on p_fake", "aria-valuetext": "p_fake " + value.toFixed(3), "data-cy": "mf-threshold" }),
      h("input", { type: "number", min: 0, max: 1, step: 0.005, value: Math.round(value * 1e4) / 1e4,
        onChange: (e) => move(e.target.value), "aria-label": "Threshold", "data-cy": "mf-threshold-number" }));
  }

  function Tile({ title, value, under, cy }) {
    return h("div", { className: "mf-tile", "data-cy": cy }, h("span", { className: "mf-dim mf-small" }, title), h("b", null, value),
      h("span", { className: "mf-dim mf-small" }, under));
  }

  const bounds = (c) => (c.low == null ? c.how || "no interval" : "95 %: " + percent(c.low) + " to " + percent(c.high));

  function AuditHeader({ data, schema }) {
    useEffect(injectStyle, []);
    const send = useEvents();
    const on = schema.view;
    if (!data || !data.choice) return null;
    const { choice, options, threshold, total, unit } = data;
    const set = (name) => (value) => send(on.on_set, { name, value });
    const show = (kind) => () => send(on.on_show, { row: -1, kind });
    const rate = (cell, kind, of) => (cell
      ? h(React.Fragment, null, h("button", { className: "mf-link", onClick: show(kind), "data-cy": "mf-total-" + kind },
        number(cell.hits) + " of " + number(cell.trials)), " " + of, h("br"), bounds(cell))
      : "no scored " + of);
    const area = total.auroc;
    return h("div", { className: "mf", "data-cy": "mf-audit" },
      h("div", { className: "mf-row" },
        h(Select, { label: "Detector", value: choice.key, options: options.key, onChange: set("key"), cy: "mf-key" }),
        h(Select, { label: "Judged", value: choice.level, options: options.level, onChange: set("level"), cy: "mf-level" }),
        h(Select, { label: "Faces of", value: choice.scope, options: options.scope, onChange: set("scope"), cy: "mf-scope" }),
        h(Select, { label: "Threshold from", value: choice.source, options: options.source, onChange: set("source"), cy: "mf-source" }),
        data.shows_faces && h("button", { onClick: () => send(on.on_keep_view, {}), title: "Audit only the faces that the grid shows now", "data-cy": "mf-keep" }, "Audit view"),
        h("button", { onClick: () => send(on.on_refresh, {}), title: "Read the samples again", "aria-label": "Read the samples again", "data-cy": "mf-refresh" }, "\u21bb")),
      h(Slider, { threshold, onMove: set("threshold") }),
      h("div", { className: "mf-small mf-dim", "data-cy": "mf-provenance", style: { minHeight: 16 } },
        "fake from p_fake ≥ " + threshold.value.toFixed(3) + ": ",
        h("span", { style: threshold.honest ? null : { color: FAKE, fontWeight: 600 } }, (threshold.honest ? "" : "⚠ ") + threshold.provenance),
        "; " + data.rule),
      h("div", { className: "mf-tiles" },
        h(Tile, { title: "False alarms (FPR)", value: total.fpr ? percent(total.fpr.rate) : "n/a", under: rate(total.fpr, "fp", plural(total.scored_real, "real " + unit).replace(/^\S+ /, "")), cy: "mf-fpr" }),
        h(Tile, { title: "Missed fakes (FNR)", value: total.fnr ? percent(total.fnr.rate) : "n/a", under: rate(total.fnr, "fn", plural(total.scored_fake, "fake " + unit).replace(/^\S+ /, "")), cy: "mf-fnr" }),
        h(Tile, { title: "AUROC, any threshold", value: area ? area.value.toFixed(3) : "n/a",
          under: area ? (area.low == null ? area.how : h(React.Fragment, null, "95 %: " + area.low.toFixed(3) + " to " + area.high.toFixed(3), h("br"), area.how)) : "needs both classes", cy: "mf-auroc" }),
        h(Tile, { title: "Coverage", value: percent(total.coverage),
          under: total.lost.length ? h("button", { className: "mf-link", onClick: show("lost"), "data-cy": "mf-total-lost" }, number(total.lost.reduce((s, l) => s + l[1], 0)) + " not scored") : "all scored", cy: "mf-coverage" })),
      h("div", { className: "mf-says" + (data.outliers.startsWith("Worse") ? " mf-warn" : ""), "data-cy": "mf-outliers" }, data.outliers,
        h("div", { className: "mf-dim mf-small" }, data.coverage)),
      h("div", { className: "mf-shown", role: "status", "data-cy": "mf-shown" },
        data.shown ? h(React.Fragment, null, h("span", null, data.shown),
          h("button", { onClick: () => send(on.on_clear, {}), "data-cy": "mf-clear" }, "Show all"))
          : h("span", { className: "mf-dim" }, "Click a number, a bar or a point of the curve: the grid shows exactly those faces.")));
  }

  // ---------------------------------------------------------------- error audit: table

  const SORTS = {
    worst: null,
    name: (r) => r.name.join(" "),
    fpr: (r) => (r.fpr ? -r.fpr.rate : 2),
    fnr: (r) => (r.fnr ? -r.fnr.rate : 2),
    auroc: (r) => (r.auroc ? r.auroc.value : 2),
    lost: (r) => -r.lost.reduce((s, l) => s + l[1], 0),
  };

  function RateCell({ cell, whole, colour, kind, of, go, cy, words }) {
    if (!cell) return h("td", { className: "mf-dim" }, "–");
    const heat = !cell.small && cell.excess > 0 ? Math.min(0.5, 0.12 + 0.9 * (cell.rate - cell.rest)) : 0;
    const at = (x) => (100 * x).toFixed(1) + "%";
    const link = (n, click, id) => h("button", { className: "mf-link mf-dim mf-small", onClick: click, "data-cy": id }, number(n));
    const title = percent(cell.rate) + " " + words + ", 95 %: " + percent(cell.low) + " to " + percent(cell.high) +
      (cell.rest == null ? "" : "; all other rows " + percent(cell.rest)) +
      (cell.small ? ". Too few independent units to be judged." : "") + (cell.stands_out ? ". Worse than the rest beyond chance." : "");
    return h("td", { title, style: heat ? { background: `rgba(213,94,0,${heat.toFixed(3)})` } : null },
      h("div", null, cell.stands_out && h("span", { "aria-label": "stands out" }, "▲ "),
        h("b", { style: { fontWeight: cell.stands_out ? 700 : 500, opacity: cell.small ? 0.65 : 1 } }, percent(cell.rate)), " ",
        link(cell.hits, () => go(kind), cy(kind)), h("span", { className: "mf-dim mf-small" }, " / "), link(cell.trials, () => go(of), cy(of)),
        cell.small && h("span", { className: "mf-dim mf-small" }, " few")),
      h("div", { className: "mf-bar" },
        h("i", { style: { left: at(cell.low), width: at(cell.high - cell.low), background: colour } }),
        whole && h("s", { style: { left: at(whole.rate) } }),
        h("u", { style: { left: at(cell.rate), background: colour } })));
  }

  function AuditRow({ row, total, columns, show, unit }) {
    const lost = row.lost.reduce((s, l) => s + l[1], 0);
    const whole = row.index < 0 ? null : total;
    const go = (kind) => show(row.index, kind);
    const cy = (kind) => "mf-cell-" + (row.index < 0 ? "all" : row.index) + "-" + kind;
    const many = (n, kind) => (n ? h("button", { className: "mf-link", onClick: () => go(kind), "data-cy": cy(kind) }, number(n)) : h("span", { className: "mf-dim" }, "0"));
    const act = (kind, text, title, on) => h("button", { onClick: () => go(kind), title, disabled: !on, "data-cy": cy("act-" + kind) }, text);
    const names = row.index < 0 ? ["all", ...columns.slice(1).map(() => "")] : row.name;
    return h("tr", { className: row.index < 0 ? "mf-total" : undefined, "data-cy": "mf-row", "data-row": row.index, "data-name": row.name.join(" · ") },
      names.map((n, i) => h("td", { key: i, className: "mf-name" }, n)),
      h(RateCell, { cell: row.fpr, whole: whole && whole.fpr, colour: REAL, kind: "fp", of: "real", go, cy, words: "of real " + unit + "s called fake" }),
      h(RateCell, { cell: row.fnr, whole: whole && whole.fnr, colour: FAKE, kind: "fn", of: "fake", go, cy, words: "of fake " + unit + "s called real" }),
      h("td", { className: "mf-num", title: row.auroc ? row.auroc.how : "needs both classes" }, row.auroc ? row.auroc.value.toFixed(3) : "–",
        row.auroc && row.auroc.low != null && h("div", { className: "mf-dim mf-small" }, row.auroc.low.toFixed(2) + "–" + row.auroc.high.toFixed(2))),
      h("td", { className: "mf-num", title: row.lost.map((l) => l[0] + " " + l[1]).join(", ") || "all scored" }, many(lost, "lost")),
      h("td", null, h("div", { className: "mf-acts" },
        act("fp", "FP", "Show the false positives", row.fpr && row.fpr.hits), act("fn", "FN", "Show the false negatives", row.fnr && row.fnr.hits), act("all", "All", "Show all", true))));
  }

  function AuditTable({ data, schema }) {
    useEffect(injectStyle, []);
    const send = useEvents();
    const [sort, setSort] = useState("worst");
    const on = schema.view;
    const rows = data && data.rows;
    const sorted = useMemo(() => {
      const key = SORTS[sort];
      if (!rows || !key) return rows || [];
      return rows.map((r) => [key(r), r]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)).map((p) => p[1]);
    }, [rows, sort]);
    if (!rows) return null;
    const show = (row, kind) => send(on.on_show, { row, kind });
    const head = (id, text, title, numeric) => h("th", { key: id, className: numeric ? "mf-num" : undefined, "aria-sort": sort === id ? "ascending" : "none" },
      h("button", { onClick: () => setSort(sort === id ? "worst" : id), title }, text + (sort === id ? " ▾" : "")));
    return h("div", { className: "mf", "data-cy": "mf-table" },
      h("div", { className: "mf-row", style: { justifyContent: "space-between" } },
        h(Select, { label: "One row per", value: data.group, options: data.groups, onChange: (v) => send(on.on_set, { name: "group", value: v }), cy: "mf-group" }),
        h("span", { className: "mf-dim mf-small" }, plural(rows.length, "row") + (sort === "worst" ? ", worst first" : "") + ". Bars: 95 % interval, 0 to 100 %; dashed: all rows together; ▲ worse than the rest beyond chance")),
      h("div", { className: "mf-scroll" }, h("table", null,
        h("thead", null, h("tr", null,
          data.columns.map((c, i) => head(i ? "name" + i : "name", c, "Sort by name")),
          head("fpr", "false alarms", "Share of the scored real " + data.unit + "s that are called fake (FPR)"),
          head("fnr", "missed fakes", "Share of the scored fake " + data.unit + "s that are called real (FNR)"),
          head("auroc", "AUROC", "Fakes of the row against the reals of the row or of its dataset", true), head("lost", "not scored", "Without a score, in no rate", true),
          h("th", null))),
        h("tbody", null, sorted.map((row) => h(AuditRow, { key: row.index, row, total: data.total, columns: data.columns, show, unit: data.unit })),
          rows.length > 1 && h(AuditRow, { row: data.total, total: null, columns: data.columns, show, unit: data.unit })))));
  }

  const register = (name, component) => fop.registerComponent({ name, label: name, component, type: fop.PluginComponentType.Component, activator: () => true });
  register("MediaForensicsAuditHeader", AuditHeader);
  register("MediaForensicsAuditTable", AuditTable);
})();
