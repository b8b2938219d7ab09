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
  .mf button.mf-on, .mf button.mf-on:hover:not(:disabled) { background: var(--fo-palette-text-primary); color: var(--fo-palette-background-level1); }
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
  .mf-shown { display: flex; gap: 6px; align-items: center; margin-top: 6px; min-height: 38px; }
  .mf-shown > span { flex: 0 1 auto; }
  .mf-scroll { max-height: 460px; overflow: auto; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; margin-top: 8px; }
  .mf table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; }
  .mf th { position: sticky; top: 0; z-index: 1; text-align: left; font-weight: 500; font-size: 11px; color: var(--fo-palette-text-secondary); background: var(--fo-palette-background-level2); padding: 0; border-bottom: 1px solid var(--fo-palette-divider, #8886); white-space: nowrap; }
  .mf th button { border: none; height: 28px; padding: 0 6px; color: inherit; width: 100%; text-align: left; }
  .mf th.mf-num button { text-align: right; }
  .mf td { padding: 4px 6px; border-bottom: 1px solid var(--fo-palette-background-level3, #8883); vertical-align: middle; white-space: nowrap; }
  .mf td.mf-name { white-space: normal; min-width: 84px; overflow-wrap: break-word; hyphens: auto; }
  .mf td.mf-num { text-align: right; }
  .mf tr:last-child td { border-bottom: none; }
  .mf tr.mf-total td { font-weight: 600; background: var(--fo-palette-background-level2); }
  .mf-bar { position: relative; height: 5px; margin-top: 3px; width: 100%; min-width: 64px; background: var(--fo-palette-background-level3, #8883); border-radius: 3px; }
  .mf-bar i { position: absolute; top: 0; bottom: 0; border-radius: 3px; opacity: .55; min-width: 2px; }
  .mf-bar u { position: absolute; top: -2px; width: 3px; height: 9px; border-radius: 1px; margin-left: -1px; }
  .mf-bar s { position: absolute; top: -3px; width: 0; height: 11px; border-left: 1px dashed var(--fo-palette-text-secondary); }
  .mf table.mf-cells { width: max-content; min-width: 100%; }
  .mf table.mf-cells th { padding: 4px 6px; vertical-align: bottom; min-width: 92px; max-width: 132px; white-space: normal; overflow-wrap: anywhere; }
  .mf table.mf-cells th:first-child, .mf table.mf-cells td:first-child { position: sticky; left: 0; z-index: 1; background: var(--fo-palette-background-level2); max-width: 150px; }
  .mf table.mf-cells th:first-child { z-index: 2; }
  .mf table.mf-cells td { padding: 2px 6px; border-left: 1px solid var(--fo-palette-background-level3, #8883); }
  .mf button.mf-strip { display: block; position: relative; border: none; padding: 0; width: 100%; min-width: 80px; height: 15px; border-radius: 2px; }
  .mf-strip i { position: absolute; top: 6px; height: 3px; border-radius: 2px; opacity: .6; min-width: 2px; }
  .mf-strip s { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px dashed var(--fo-palette-text-tertiary, #888); }
  .mf-strip b { position: absolute; top: 0; width: 14px; margin-left: -7px; font-size: 12px; line-height: 15px; text-align: center; font-weight: 400; }
  .mf-strip b.mf-few { opacity: .75; }
  .mf-strip b.mf-dot { width: 9px; height: 9px; margin: 3px 0 0 -4.5px; border: 2px solid; border-radius: 50%; background: currentColor; }
  .mf-strip b.mf-dot.mf-few { background: var(--fo-palette-background-level1); }
  .mf-axis { display: flex; justify-content: space-between; font-size: 10px; font-weight: 400; }
  .mf-tabs { display: flex; flex-wrap: wrap; gap: 4px; margin-bottom: 8px; }
  .mf-acts { display: flex; gap: 3px; justify-content: flex-end; }
  .mf-acts button { height: 22px; padding: 0 5px; font-size: 11px; }
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
  const percent = (x) => (x === 0 || x >= 0.0995 ? Math.round(100 * x) : (100 * x).toFixed(1)) + "\u00a0%";
  const number = (n) => n.toLocaleString("en-US");
  const plural = (n, word) => number(n) + " " + word + (n === 1 ? "" : "s");

  /* The App runs the answer of an event some renders after the event's callback, and posts its own
   * copy of the panel's state with the next event. So events go one after the other: the next one
   * leaves when the answer (with the number that the event carried) has arrived in the data, or
   * when there is none for a while. Of several waiting changes of one control the newest counts.
   * A panel that is closed leaves nothing behind: what waited is dropped. */
  const lines = {};
  const PATIENCE = 700; // ms; only an event that was refused leaves without an answer
  const LOST = 30000; // ms; a call that never returns (server restarted) must not hold up the rest

  function pump(line) {
    const next = line.waiting.entries().next();
    if (line.busy || next.done) return;
    const [id, event] = next.value;
    line.waiting.delete(id);
    line.busy = true; line.answered = false;
    const sent = (line.sent = Math.max(line.sent + 1, Date.now()));
    line.timer = setTimeout(() => free(line), LOST);
    event.trigger.current(event.uri, { ...event.params, rev: sent }, undefined, (result) => {
      if (event.then) event.then(result && result.result);
      if (sent !== line.sent) return; // too late: others have gone since
      line.answered = true;
      clearTimeout(line.timer);
      line.timer = setTimeout(() => free(line), PATIENCE);
      if (line.seen >= sent) free(line);
    });
  }
  function free(line) {
    clearTimeout(line.timer); line.busy = false; pump(line);
  }

  /** send(uri, params, then) for the panel called name, whose data last answered event number rev. */
  function useEvents(name, rev) {
    const trigger = useRef(null);
    trigger.current = foo.useTriggerPanelEvent();
    const line = (lines[name] = lines[name] || { waiting: new Map(), users: 0, busy: false, answered: false, sent: 0, seen: 0, timer: 0 });
    useEffect(() => {
      line.seen = Math.max(line.seen, rev || 0);
      if (line.busy && line.answered && line.seen >= line.sent) free(line);
    }, [rev]);
    useEffect(() => {
      line.users++;
      return () => {
        line.users--;
        setTimeout(() => { // closed while an answer was due: it never comes
          if (!line.users) { clearTimeout(line.timer); line.waiting.clear(); line.busy = false; }
        }, 0);
      };
    }, []);
    return useCallback((uri, params, then) => {
      if (!uri) return;
      const id = uri + "|" + (params.name || "");
      line.waiting.delete(id); line.waiting.set(id, { uri, params, then, trigger });
      pump(line);
    }, []);
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
    const send = useEvents("audit", data && data.rev);
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

  const plainHead = (names) => h("thead", null, h("tr", null, names.map(([text, title, numeric], i) => h("th", { key: i, title, className: numeric ? "mf-num" : undefined, style: { padding: "6px" } }, text))));
  const says = (words) => h("div", { className: "mf-says", role: "status", "data-cy": "mf-tab-words" }, words);
  const share = (x) => (x == null ? "n/a" : percent(x));

  /** Every cell of two fields as a dot with its interval, all on one scale. */
  function Cells({ data, groups, unit, set, show }) {
    const fields = groups.filter(([id]) => id !== "dataset_method"), part = (x) => Math.min(1, x / data.scale).toFixed(4), at = (x) => "calc(7px + (100% - 14px) * " + part(x) + ")"; // a mark is 14 pixels wide
    const strip = (cell, total, fake, go, name) => {
      if (!cell) return null;
      const [hits, trials, rate, low, high, rest, , mark] = cell, colour = fake ? FAKE : REAL;
      const words = name + ": " + percent(rate) + (fake ? " of fake " : " of real ") + unit + "s called " + (fake ? "real" : "fake") + " (" + number(hits) + " of " + number(trials) + "; 95 %: " + percent(low) + " to " + percent(high) +
        (rest == null ? "" : "; all other cells " + percent(rest)) + ")" + (mark === 1 ? ". Too few independent units to be judged." : mark === 2 ? ". Worse than the rest beyond chance." : "");
      return h("button", { className: "mf-strip", title: words, "aria-label": words, onClick: () => go(hits ? (fake ? "fn" : "fp") : fake ? "fake" : "real"), "data-cy": "mf-strip-" + (fake ? "fn" : "fp") },
        total && h("s", { style: { left: at(total[2]) } }),
        h("i", { style: { left: at(low), width: "calc((100% - 14px) * " + (part(high) - part(low)).toFixed(4) + ")", background: colour } }),
        h("b", { className: (mark === 1 ? "mf-few" : "") + (fake ? "" : " mf-dot"), style: { left: at(rate), color: colour } }, fake && (mark === 1 ? "△" : "▲")));
    };
    const heat = (cell) => (cell && cell[7] !== 1 && cell[6] > 0 ? Math.min(0.5, 0.12 + 0.9 * (cell[2] - cell[5])) : 0);
    const grid = new Map(data.cells.map((c) => [c[0] + " " + c[1], c]));
    const axis = h("div", { className: "mf-axis" }, h("span", null, "0"), h("span", null, percent(data.scale / 2)), h("span", null, percent(data.scale)));
    return h("div", null, says(data.words),
      h("div", { className: "mf-row", style: { marginTop: 8 } },
        h(Select, { label: "Down", value: data.fields[0], options: fields, onChange: (v) => set("down", v), cy: "mf-down" }),
        h(Select, { label: "Across", value: data.fields[1], options: fields, onChange: (v) => set("across", v), cy: "mf-across" })),
      h("div", { className: "mf-dim mf-small", style: { marginTop: 6 } }, "● reals called fake, ▲ fakes called real, each with its 95 % interval on one scale from 0 to " + percent(data.scale) + (data.scale < 1 ? " (what is higher stands at the right edge)" : "") +
          "; dashed: all cells together; ○ △ on too few independent units to be judged; shaded: above the rest; empty: no scored " + unit + ". Worst first. Click to see the errors."),
      h("div", { className: "mf-scroll" }, h("table", { className: "mf-cells" },
        h("thead", null, h("tr", null, h("th", null, data.fields[0]), data.across.map((name, c) => h("th", { key: c, scope: "col" }, name, axis)))),
        h("tbody", null, data.down.map((name, r) => h("tr", { key: r }, h("td", { className: "mf-name" }, name), data.across.map((other, c) => {
          const cell = grid.get(r + " " + c);
          if (!cell) return h("td", { key: c });
          const go = (kind) => show(cell[2], kind), dark = Math.max(heat(cell[3]), heat(cell[4])), title = name + " · " + other;
          return h("td", { key: c, "data-cy": "mf-cell", "data-name": title, style: dark ? { background: `rgba(213,94,0,${dark.toFixed(3)})` } : null },
            strip(cell[3], data.total[0], false, go, title), strip(cell[4], data.total[1], true, go, title),
            !cell[3] && !cell[4] && h("button", { className: "mf-link mf-dim mf-small", title: "None of them is in a rate", onClick: () => go(cell[6] ? "lost" : "all") }, cell[6] ? number(cell[6]) + " not scored" : number(cell[5]) + " without truth"));
        })))))));
  }

  /** Values of one or two fields whose errors exceed the rest. */
  function Slices({ data, unit, send }) {
    return h("div", null, says(data.words), data.rows.length > 0 && h("div", { className: "mf-scroll" }, h("table", null,
      plainHead([["where"], ["errors", "95 % interval below"], ["× rest", "Rate divided by the rate of all other " + unit + "s of the class", true], ["the rest", "", true], [""]]),
      h("tbody", null, data.rows.map((s, i) => {
        const go = (kind) => send(s.conditions, kind), fp = s.kind === "fp";
        return h("tr", { key: i, "data-cy": "mf-slice", "data-name": s.name.join(" & ") },
          h("td", { className: "mf-name" }, s.name.map((n, k) => h("div", { key: k }, k ? "and " + n : n)), h("div", { className: "mf-dim mf-small" }, fp ? "● false alarms" : "▲ missed fakes")),
          h(RateCell, { cell: { ...s, stands_out: true, small: false }, whole: { rate: s.rest }, colour: fp ? REAL : FAKE, kind: s.kind, of: fp ? "real" : "fake", go, cy: (k) => "mf-slice-" + i + "-" + k, words: fp ? "of real " + unit + "s called fake" : "of fake " + unit + "s called real" }),
          h("td", { className: "mf-num" }, s.lift == null ? "–" : s.lift.toFixed(1)), h("td", { className: "mf-num" }, share(s.rest)),
          h("td", null, h("div", { className: "mf-acts" }, h("button", { onClick: () => go(s.kind), "data-cy": "mf-slice-show-" + i }, "Show errors"))));
      })))));
  }

  /** The chosen threshold on each dataset, beside the dataset's own. */
  function Transfer({ data, total, unit, send }) {
    return h("div", null, says(data.words), h("div", { className: "mf-scroll" }, h("table", null,
      plainHead([["dataset"], ["false alarms", "At the chosen threshold: " + data.provenance], ["missed fakes", "At the chosen threshold: " + data.provenance], ["both at 0.5", "False alarms and missed fakes at the threshold 0.5", true],
        ["own threshold", "The one with most fakes found among those with at most " + percent(data.target) + " false alarms, chosen on this dataset's own labels (oracle)", true], ["both at it", "False alarms and missed fakes at the own threshold", true], ["reals: median, 95 %", "p_fake of the reals", true]]),
      h("tbody", null, data.rows.map((r) => {
        const go = (kind) => send(r.index, kind), cy = (k) => "mf-transfer-" + r.index + "-" + k;
        return h("tr", { key: r.index, "data-cy": "mf-transfer", "data-name": r.name }, h("td", { className: "mf-name" }, r.name),
          h(RateCell, { cell: r.fpr, whole: total.fpr, colour: REAL, kind: "fp", of: "real", go, cy, words: "of real " + unit + "s called fake" }),
          h(RateCell, { cell: r.fnr, whole: total.fnr, colour: FAKE, kind: "fn", of: "fake", go, cy, words: "of fake " + unit + "s called real" }),
          h("td", { className: "mf-num" }, share(r.half[0]) + ", " + share(r.half[1])),
          h("td", { className: "mf-num", title: r.why }, r.oracle ? r.oracle.threshold.toFixed(3) : "n/a"),
          h("td", { className: "mf-num", title: r.why }, r.oracle ? percent(r.oracle.fpr) + ", " + percent(r.oracle.fnr) : "n/a"),
          h("td", { className: "mf-num" }, r.reals ? r.reals.map((q) => q.toFixed(2)).join(", ") : "n/a"));
      })))));
  }

  /** A second detector at the same false alarms: what it fixes and what it breaks. */
  function Compare({ data, columns, unit, choose, send }) {
    const link = (n, params, cy) => (n ? h("button", { className: "mf-link", onClick: () => send(params), "data-cy": cy }, number(n)) : h("span", { className: "mf-dim" }, "0"));
    const list = (what, title) => data.list && data.list[what] && data.list[what].length > 0 && h("div", { style: { flex: "1 1 260px", minWidth: 0 } }, h("div", { className: "mf-dim mf-small", style: { marginTop: 8 } }, title),
      h("div", { className: "mf-scroll", style: { maxHeight: 220, marginTop: 3 } }, h("table", null, h("tbody", null, data.list[what].map((u) => h("tr", { key: u.unit, "data-cy": "mf-" + what },
        h("td", { className: "mf-name" }, h("button", { className: "mf-link", style: { whiteSpace: "normal", textAlign: "left" }, onClick: () => send({ what, unit: u.unit }) }, u.video || unit + " " + u.unit)),
        h("td", null, u.label === 1 ? "▲ fake" : "● real"), h("td", { className: "mf-num" }, u.p[0].toFixed(3) + " → " + u.p[1].toFixed(3))))))));
    return h("div", null,
      data.others.length > 0 && h("div", { className: "mf-row" }, h(Select, { label: "Second detector", value: data.key, options: data.others, onChange: choose, cy: "mf-other" })),
      says(data.words), data.rows.length > 0 && h("div", { className: "mf-scroll" }, h("table", null,
        plainHead([...columns.map((c) => [c]), ["fixed reals", "False alarms of the first that the second does not raise", true], ["fixed fakes", "Fakes that only the second finds", true], ["broken reals", "New false alarms", true], ["broken fakes", "Fakes that only the first found", true], [unit + "s", "Scored by both", true]]),
        h("tbody", null, data.rows.map((r) => h("tr", { key: r.index, "data-cy": "mf-compare", "data-name": r.name.join(" · ") }, r.name.map((n, i) => h("td", { key: i, className: "mf-name" }, n)),
          ...["fixed", "broken"].flatMap((what) => [0, 1].map((c) => h("td", { key: what + c, className: "mf-num" }, link(r[what][c], { what, row: r.index, label: c }, "mf-" + what + "-" + r.index + "-" + c)))),
          h("td", { className: "mf-num mf-dim" }, number(r.units))))))),
      h("div", { className: "mf-row", style: { alignItems: "flex-start" } }, list("broken", "Newly broken, largest change first"), list("fixed", "Fixed, largest change first")));
  }

  function AuditTable({ data, schema }) {
    useEffect(injectStyle, []);
    const send = useEvents("audit");
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
    const tabs = h("div", { className: "mf-tabs", role: "tablist" }, (data.tabs || []).map(([id, text]) => h("button", { key: id, role: "tab", "aria-selected": data.tab === id,
      className: data.tab === id ? "mf-on" : "", onClick: () => send(on.on_set, { name: "tab", value: id }), "data-cy": "mf-tab-" + id }, text)));
    if (data.tab === "cells" && data.cells) return h("div", { className: "mf", "data-cy": "mf-table" }, tabs, h(Cells, { data: data.cells, groups: data.groups, unit: data.unit,
      set: (name, value) => send(on.on_set, { name, value }), show: (cell, kind) => send(on.on_cell, { cell, kind }) }));
    if (data.tab === "slices" && data.slices) return h("div", { className: "mf", "data-cy": "mf-table" }, tabs,
      data.slices.can_regions && h("label", { className: "mf-small mf-dim", style: { display: "flex", gap: 6, alignItems: "center" } }, h("input", { type: "checkbox", checked: data.slices.regions, onChange: (e) => send(on.on_set, { name: "regions", value: e.target.checked }), "data-cy": "mf-regions" }),
        "Also by regions of the sphere: faces whose embeddings lie together (reads all embeddings)"),
      h(Slices, { data: data.slices, unit: data.unit, send: (conditions, kind) => send(on.on_slice, { conditions, kind }) }));
    if (data.tab === "transfer" && data.transfer) return h("div", { className: "mf", "data-cy": "mf-table" }, tabs, h(Transfer, { data: data.transfer, total: data.total, unit: data.unit, send: (row, kind) => send(on.on_slice, { conditions: [["source_dataset", row]], kind }) }));
    if (data.tab === "pairs" && data.pairs) return h("div", { className: "mf", "data-cy": "mf-table" }, tabs, says(data.pairs.words));
    if (data.tab === "compare" && data.compare) return h("div", { className: "mf", "data-cy": "mf-table" }, tabs, h(Compare, { data: data.compare, columns: data.columns, unit: data.unit,
      choose: (value) => send(on.on_set, { name: "other", value }), send: (params) => send(on.on_changed, params) }));
    const head = (id, text, title, numeric) => h("th", { key: id, className: numeric ? "mf-num" : undefined, "aria-sort": sort === id ? "ascending" : "none" },
      h("button", { onClick: () => setSort(sort === id ? "worst" : id), title }, text + (sort === id ? " ▾" : "")));
    return h("div", { className: "mf", "data-cy": "mf-table" }, tabs,
      h("div", { className: "mf-row", style: { justifyContent: "space-between" } },
        h(Select, { label: "One row per", value: data.group, options: data.groups, onChange: (v) => send(on.on_set, { name: "group", value: v }), cy: "mf-group" }),
        h("span", { className: "mf-dim mf-small", style: { flex: "1 1 260px" } }, plural(rows.length, "row") + (sort === "worst" ? ", worst first" : "") + ". Bars: 95 % interval, 0 to 100 %; dashed: all rows together; ▲ worse than the rest beyond chance")),
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

  // ---------------------------------------------------------------- timeline: the player

  /** Moves the open video's player to data.frame whenever data.when changes. */
  function Player({ data }) {
    useEffect(injectStyle, []);
    const atom = window.recoil && window.__fos__ && window.__fos__.modalLooker; // undocumented: may be gone in another version
    const looker = atom ? window.recoil.useRecoilValue(atom) : null;
    const frame = data && data.frame, when = data && data.when, able = !!(looker && looker.updater);
    useEffect(() => {
      if (!frame || !able) return;
      looker.updater({ playing: false, frameNumber: frame });
    }, [when]);
    const seen = able && document.querySelector('[data-cy="modal-looker-container"]'); // a hidden tab is not mounted
    return h("div", { className: "mf mf-dim", role: "status", "data-cy": "mf-player" }, !atom ? "This version of the App gives no way to its player: go to the frame by hand." : !seen
      ? "Put this panel beside the player (split it, next to its tab): a click on a point then moves the player to its frame."
      : frame ? "The player stands at frame " + number(frame) + "." : "Click a point: the player goes to its frame.");
  }

  // ---------------------------------------------------------------- sphere: data

  const decode = (text, Type) => {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new Type(bytes.buffer);
  };
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const mix = (a, b, t) => a.map((v, i) => Math.round(v + (b[i] - v) * t));
  const pack = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r; // little-endian RGBA

  // Okabe & Ito's palette; past its end everything is "other" in grey
  const PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#AA4499"];
  const ORDERED = ["#4575b4", "#74add1", "#e6d98c", "#f46d43", "#b2182b"]; // low to high
  const OTHER = "#8c8c8c";
  const STEPS = 64; // of the score's colour scale

  /** What colours the points: codes per point, and per code a name, a colour and a count. field: from Python. */
  function colouring(data, by, field) {
    const count = (codes, size) => { const out = new Array(size).fill(0); for (let i = 0; i < codes.length; i++) out[codes[i]]++; return out; };
    const of = (codes, names, colours) => {
      const counts = count(codes, names.length);
      return { codes, groups: names.map((name, i) => ({ name, colour: colours[i], count: counts[i] })) };
    };
    if (by === "label") return of(data.label, ["real", "fake", "unknown"], [REAL, FAKE, OTHER]);
    if (by === "prediction") return of(data.error.map((e, i) => (e === 5 ? 2 : data.call[i])), ["called real", "called fake", "not scored"], [REAL, FAKE, OTHER]);
    // colour says what the detector said, shape what is true: errors are the loud ones
    if (by === "error") return of(data.error, ["real, right", "fake, right", "false positive", "false negative", "no ground truth", "not scored"], ["#8fa7b8", "#b8a08f", FAKE, REAL, OTHER, "#6b6b6b"]);
    if (by === "score" || !field) {
      const codes = data.score.map((v) => (v === 255 ? STEPS : Math.min(STEPS - 1, Math.floor((v / 254) * STEPS))));
      const scale = (t) => (t < 0.5 ? mix(rgb(REAL), rgb("#c9c9c9"), 2 * t) : mix(rgb("#c9c9c9"), rgb(FAKE), 2 * t - 1));
      const hex = (c) => "#" + c.map((v) => v.toString(16).padStart(2, "0")).join("");
      const groups = Array.from({ length: STEPS }, (_, i) => ({ name: (i / STEPS).toFixed(2), colour: hex(scale((i + 0.5) / STEPS)), count: 0 }));
      return { codes, scale: true, groups: [...groups, { name: "not scored", colour: OTHER, count: 0 }] };
    }
    const counts = count(field.codes, field.values.length), colours = new Array(field.values.length).fill(OTHER);
    let order = counts.map((c, i) => [c, i]).sort((a, b) => b[0] - a[0]).map((p) => p[1]);
    if (field.ordered) {
      const last = field.values.length - 1 - (field.values[field.values.length - 1] === "no value");
      order = counts.map((_, i) => i);
      for (let i = 0; i <= last; i++) colours[i] = ORDERED[last ? Math.round((i / last) * (ORDERED.length - 1)) : 0];
    } else order.slice(0, PALETTE.length).forEach((code, rank) => { colours[code] = PALETTE[rank]; });
    return { codes: field.codes, groups: field.values.map((name, i) => ({ name, colour: colours[i], count: counts[i] })), order };
  }

  /** By how much angles must be stretched around the threshold to fill the sphere; 1 if they do. */
  function stretchOf(xyz, n, boundary) {
    const centre = boundary != null ? Math.acos(boundary) : Math.PI / 2, off = [];
    for (let i = 0; i < n; i += Math.ceil(n / 50000)) off.push(Math.abs(Math.acos(Math.max(-1, Math.min(1, xyz[3 * i] / 32767))) - centre));
    off.sort((a, b) => a - b);
    const wide = (off[Math.floor(0.99 * (off.length - 1))] * 180) / Math.PI, factor = 62 / Math.max(wide, 0.05);
    return factor < 1.5 ? 1 : Math.min(200, factor < 10 ? Math.round(factor * 2) / 2 : Math.round(factor));
  }

  const joined = (a, b) => { const out = new a.constructor(a.length + b.length); out.set(a); out.set(b, a.length); return out; };

  /** Arrays out of the payload, and out of the points that came after it; nothing that was there moves. */
  function unpack(raw, rest) {
    let xyz = decode(raw.xyz, Int16Array), code = decode(raw.code, Uint8Array), score = decode(raw.score, Uint8Array);
    const stretch = stretchOf(xyz, raw.n, raw.boundary);
    if (rest) { xyz = joined(xyz, decode(rest.xyz, Int16Array)); code = joined(code, decode(rest.code, Uint8Array)); score = joined(score, decode(rest.score, Uint8Array)); }
    return { n: code.length, xyz, score, stretch, boundary: raw.boundary, label: code.map((c) => c & 3), error: code.map((c) => (c >> 2) & 7), call: code.map((c) => (c >> 5) & 1) };
  }

  // ---------------------------------------------------------------- sphere: drawing

  /** Pixels of a disc (shape 0) or triangle (1) of radius r in an image of this width: offsets of those
   * inside, and offsets and coverage (0 to 256) of those on the edge and, if asked, on a dark rim. */
  function sprite(shape, r, rim, width, plain) {
    const outer = r + (rim ? 1 : 0), size = Math.ceil(outer) + 1, solid = [], edge = [], dark = [];
    const inside = (x, y, rad) => (shape === 0 ? x * x + y * y <= rad * rad
      : y <= rad * 0.72 && y >= 2 * Math.abs(x) * 0.86 - rad * 1.18);
    for (let y = -size; y <= size; y++) for (let x = -size; x <= size; x++) {
      let fill = 0, around = 0;
      for (let j = 0; j < 16; j++) {
        const sx = x + ((j & 3) - 1.5) / 4, sy = y + ((j >> 2) - 1.5) / 4;
        if (inside(sx, sy, r)) fill++; else if (rim && inside(sx, sy, outer + 0.3)) around++;
      }
      if (around) dark.push(y * width + x, around * 16);
      if (fill === 16 || (plain && fill > 6)) solid.push(y * width + x); else if (fill && !plain) edge.push(y * width + x, fill * 16);
    }
    return { solid: Int32Array.from(solid), edge: Int32Array.from(edge), dark: Int32Array.from(dark) };
  }
  const blend = (below, colour, t) => { // packed colours, t of 256
    const u = 256 - t, rb = (((below & 0xff00ff) * u + (colour & 0xff00ff) * t) >>> 8) & 0xff00ff, g = (((below & 0xff00) * u + (colour & 0xff00) * t) >>> 8) & 0xff00;
    return 0xff000000 | rb | g;
  };

  const BUDGET = 9; // ms for the points of a frame while they move; the rest of 16 ms is for the lines and the browser
  const LEAST = 25000; // points of a moving picture, however slow the machine is at the moment
  const REST = 160; // ms without a move, after which all points are drawn

  /* Draws on a plain canvas, point by point into its pixels: without a graphics card that is several
   * times faster than WebGL (benchmarks/sphere_frames.py), and with one it keeps 60 frames a second too,
   * because a moving picture of very many points holds only as many as fit into the time of a frame. */
  class Painter {
    constructor(canvas) {
      this.canvas = canvas;
      this.g = canvas.getContext("2d", { willReadFrequently: true });
      this.still = document.createElement("canvas"); // the last full picture, for what only lies above it
      this.turn = [0.55, 0.32]; this.zoom = 1; this.pan = [0, 0];
      this.mode = "3d"; this.surface = true; this.stretch = true; this.data = null; this.hidden = new Set();
      this.marked = null; this.chosen = null; this.hover = -1; this.path = null; this.cursor = null;
      this.dirty = false; this.light = false; this.ms = 0; this.moving = false; this.step = 1;
      this.each = 5e-5; // ms for a point, as measured while it moves
    }
    setData(data) {
      this.data = data; const n = data.n;
      this.U = new Float32Array(n); this.V = new Float32Array(n); this.W = new Float32Array(n);
      this.look = new Uint16Array(n); this.order = new Uint32Array(n); this.looked = [];
      if (this.chosen && this.chosen.length < n) { const chosen = new Uint8Array(n); chosen.set(this.chosen); this.chosen = chosen; }
      this.place();
    }
    /** Positions in the unit ball (3-D), in degrees and residual (2-D), or on the UMAP. */
    place() {
      const { n, xyz } = this.data, P = (this.P = new Float32Array(3 * n)), map = this.mode === "umap" && this.map;
      let lo = 180, hi = 0, top = 1e-3;
      this.centre = this.data.boundary != null ? (Math.acos(this.data.boundary) * 180) / Math.PI : 90;
      this.factor = this.stretch ? this.data.stretch : 1;
      for (let i = 0; i < n; i++) {
        const c = Math.max(-1, Math.min(1, xyz[3 * i] / 32767)), a = xyz[3 * i + 1] / 32767, b = xyz[3 * i + 2] / 32767;
        if (this.mode === "umap") {
          const there = map && map[2 * i] > -32768;
          P[3 * i] = there ? -map[2 * i] / 32767 : 0; P[3 * i + 1] = there ? map[2 * i + 1] / 32767 : 0; P[3 * i + 2] = there ? -1 : 1;
        } else if (this.mode === "2d") {
          const angle = (Math.acos(c) * 180) / Math.PI;
          P[3 * i] = angle; P[3 * i + 1] = a; P[3 * i + 2] = -1;
          lo = Math.min(lo, angle); hi = Math.max(hi, angle); top = Math.max(top, Math.abs(a));
        } else if (this.surface) { // the angle to the axis is kept; the residual only gives the direction
          const t = this.latitude((Math.acos(c) * 180) / Math.PI), s = Math.sin(t), r = Math.hypot(a, b) || 1;
          P[3 * i] = Math.cos(t); P[3 * i + 1] = (s * a) / r; P[3 * i + 2] = (s * b) / r;
        } else { P[3 * i] = c; P[3 * i + 1] = a; P[3 * i + 2] = b; }
      }
      const edge = Math.max(2, 0.04 * (hi - lo));
      this.range = this.mode === "umap" ? { lo: -1.06, hi: 1.06, top: 1.06 } : { lo: Math.max(0, lo - edge), hi: Math.min(180, hi + edge), top: 1.08 * top };
      this.ask();
    }
    /** Where an angle to the fake axis (degrees) is drawn (radians): stretched around the threshold. */
    latitude(angle) {
      const drawn = this.mode === "3d" && this.surface ? this.centre + this.factor * (angle - this.centre) : angle;
      return (Math.max(0, Math.min(180, drawn)) * Math.PI) / 180;
    }
    /** Draw soon; lightly: only what lies above the points has changed. */
    ask(lightly) {
      if (!lightly || this.moving) this.light = false; else if (!this.dirty) this.light = true;
      if (!this.dirty) { this.dirty = true; requestAnimationFrame(() => { this.dirty = false; this.draw(); }); }
    }
    /** The view is changing: draw what a frame has time for, and all points when it rests. */
    move(following) {
      this.moving = true; clearTimeout(this.timer);
      this.timer = setTimeout(() => this.rest(), REST);
      this.ask();
      if (!following) for (const p of this.beside()) { p.turn = this.turn; p.zoom = this.zoom; p.pan = this.pan; p.move(true); }
    }
    rest() { clearTimeout(this.timer); if (this.moving) { this.moving = false; this.ask(); } }
    /** Spheres of other detectors that turn with this one. */
    beside() { return [...Painter.open].filter((p) => p !== this && p.mode === this.mode); }
    measure() {
      const ratio = Math.min(2, window.devicePixelRatio || 1), w = this.canvas.clientWidth, hgt = this.canvas.clientHeight;
      if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(hgt * ratio)) {
        this.canvas.width = this.still.width = Math.round(w * ratio); this.canvas.height = this.still.height = Math.round(hgt * ratio);
        this.light = false;
      }
      this.ratio = ratio; this.w = this.canvas.width; this.h = this.canvas.height;
    }
    /** Screen position (device px) and depth (< 0 is in front) of a point of the unit ball. */
    at(x, y, z) {
      const [yaw, pitch] = this.turn, cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
      const x1 = cy * x + sy * z, z1 = -sy * x + cy * z, y1 = cp * y - sp * z1, z2 = sp * y + cp * z1;
      const s = Math.min(this.w, this.h) * 0.42 * this.zoom;
      return [this.w / 2 + this.pan[0] * this.ratio + s * x1, this.h / 2 + this.pan[1] * this.ratio - s * y1, z2];
    }
    frame2d() {
      const left = 58 * this.ratio, right = 14 * this.ratio, top = 14 * this.ratio, bottom = 42 * this.ratio;
      const W = this.w - left - right, H = this.h - top - bottom, { lo, hi, top: t } = this.range, z = this.zoom;
      const px = this.pan[0] * this.ratio, py = this.pan[1] * this.ratio, mx = left + W / 2, my = top + H / 2;
      return { left, right, top, bottom, W, H,
        x: (angle) => mx + px + z * W * ((hi - angle) / (hi - lo) - 0.5), y: (v) => my + py - (z * H * v) / (2 * t),
        angle: (x) => hi - (hi - lo) * ((x - mx - px) / (z * W) + 0.5), value: (y) => ((my + py - y) * 2 * t) / (z * H) };
    }
    /** Screen positions of every step-th point. */
    project(step) {
      const { n } = this.data, { P, U, V, W } = this;
      if (this.mode !== "3d") {
        const f = this.frame2d(), ax = f.x(0), bx = f.x(1) - ax, ay = f.y(0), by = f.y(1) - ay;
        for (let i = 0; i < n; i += step) { U[i] = ax + bx * P[3 * i]; V[i] = ay + by * P[3 * i + 1]; W[i] = P[3 * i + 2]; }
        return;
      }
      const [yaw, pitch] = this.turn, cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
      const s = Math.min(this.w, this.h) * 0.42 * this.zoom, ox = this.w / 2 + this.pan[0] * this.ratio, oy = this.h / 2 + this.pan[1] * this.ratio;
      for (let i = 0; i < n; i += step) {
        const x = P[3 * i], y = P[3 * i + 1], z = P[3 * i + 2], z1 = -sy * x + cy * z;
        U[i] = ox + s * (cy * x + sy * z); V[i] = oy - s * (cp * y - sp * z1); W[i] = sp * y + cp * z1;
      }
    }
    /** All positions are those of the view as it is now. */
    settle() { if (this.step > 1) { this.project(1); this.step = 1; this.ask(); } }
    visible(i) { return !this.hidden.has(this.colours.codes[i]); }
    draw() {
      if (!this.data || !this.colours || !this.canvas.clientWidth) return;
      const start = performance.now(), g = this.g;
      this.measure();
      g.setTransform(1, 0, 0, 1, 0, 0);
      if (this.light) { this.light = false; g.drawImage(this.still, 0, 0); this.overlay(); return; }
      const css = getComputedStyle(this.canvas);
      this.theme = { back: this.colour(css.getPropertyValue("--fo-palette-background-mediaSpace") || "#1a1a1a"), font: css.fontFamily,
        text: css.getPropertyValue("--fo-palette-text-primary") || "#fff", dim: css.getPropertyValue("--fo-palette-text-secondary") || "#999" };
      const [r0, g0, b0] = this.theme.back, n = this.data.n;
      g.fillStyle = `rgb(${r0},${g0},${b0})`; g.fillRect(0, 0, this.w, this.h);
      // powers of two, so that the points that are left while it moves are always the same
      const most = Math.max(LEAST, BUDGET / this.each / (1 + this.beside().length));
      this.step = this.moving && n > most ? 2 ** Math.min(Math.ceil(Math.log2(n / most)), Math.floor(Math.log2(n / LEAST))) : 1;
      if (this.mode === "3d") this.globe(false); else if (this.mode === "2d") this.grid2d(); else this.frameUmap();
      const before = performance.now();
      this.project(this.step); this.points(this.step);
      const took = performance.now() - before;
      if (this.moving) this.each = 0.8 * this.each + (0.2 * took * this.step) / n;
      if (this.mode === "3d") this.globe(true);
      if (!this.moving) this.still.getContext("2d").drawImage(this.canvas, 0, 0);
      this.overlay();
      this.ms = performance.now() - start;
    }
    colour(text) {
      if (this.known === text) return this.knownRgb;
      const probe = document.createElement("canvas").getContext("2d");
      probe.fillStyle = text.trim(); probe.fillRect(0, 0, 1, 1);
      this.known = text; this.knownRgb = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
      return this.knownRgb;
    }
    /** How each point looks: 0 hidden, else 1 + its group, + the number of groups where others are lit. */
    looks() {
      const now = [this.colours, this.hidden, this.chosen, this.marked], { look, data, chosen, marked } = this;
      if (now.every((part, i) => part === this.looked[i])) return;
      const { codes, groups } = this.colours, faded = !!(chosen || (marked && marked.size)), hide = groups.map((_, i) => this.hidden.has(i));
      for (let i = 0; i < data.n; i++) look[i] = hide[codes[i]] ? 0 : 1 + codes[i] + (faded && !(chosen && chosen[i]) && !(marked && marked.has(i)) ? groups.length : 0);
      this.looked = now; this.faded = faded;
    }
    points(step) {
      this.looks();
      const { n, label } = this.data, { U, V, W, w, h: hgt, look, order } = this, back = this.theme.back, many = this.colours.groups.length;
      const base = n <= 2000 ? 4 : n <= 8000 ? 3.2 : n <= 40000 ? 2.4 : n <= 150000 ? 1.7 : 1.1;
      const radius = base * this.ratio * Math.min(1.6, Math.max(1, Math.sqrt(this.zoom))), plain = n > 40000;
      const shapes = [sprite(0, radius, n <= 8000, w, plain), sprite(1, radius * 1.12, n <= 8000, w, plain)];
      const colours = this.colours.groups.map((c) => rgb(c.colour)), table = (a, b) => Uint32Array.from([0, ...colours.map((c) => pack(mix(c, back, a))), ...colours.map((c) => pack(mix(c, back, b)))]);
      const near = table(0, 0.72), far = table(0.68, 0.86);
      const image = this.g.getImageData(0, 0, w, hgt), px = new Uint32Array(image.data.buffer);
      const rim = pack(mix(back, back[0] > 128 ? [255, 255, 255] : [0, 0, 0], 0.6));
      const stamp = (i, colour, front) => {
        const u = Math.round(U[i]), v = Math.round(V[i]);
        if (u < 8 || v < 8 || u >= w - 8 || v >= hgt - 8) return;
        const { solid, edge, dark } = shapes[label[i] === 1 ? 1 : 0], q = v * w + u;
        if (front) for (let k = 0; k < dark.length; k += 2) px[q + dark[k]] = blend(px[q + dark[k]], rim, dark[k + 1]);
        for (let k = 0; k < solid.length; k++) px[q + solid[k]] = colour;
        for (let k = 0; k < edge.length; k += 2) px[q + edge[k]] = blend(px[q + edge[k]], colour, edge[k + 1]);
      };
      // far points first, then those in front; where some are lit, these above all others
      let fronts = 0, lit = n;
      for (let i = 0; i < n; i += step) {
        const l = look[i];
        if (!l) continue;
        if (this.faded && l <= many) order[--lit] = i;
        else if (W[i] <= 0) order[fronts++] = i;
        else if (this.mode === "3d") stamp(i, far[l], false);
      }
      for (let k = 0; k < fronts; k++) stamp(order[k], near[look[order[k]]], true);
      if (this.mode === "3d") for (let k = n - 1; k >= lit; k--) if (W[order[k]] > 0) stamp(order[k], far[look[order[k]]], false);
      for (let k = n - 1; k >= lit; k--) if (W[order[k]] <= 0) stamp(order[k], near[look[order[k]]], true);
      this.g.putImageData(image, 0, 0);
    }
    line(points, style, width, dash) {
      const g = this.g; g.beginPath(); g.strokeStyle = style; g.lineWidth = width * this.ratio; g.setLineDash((dash || []).map((d) => d * this.ratio));
      points.forEach((p, i) => (i ? g.lineTo(p[0], p[1]) : g.moveTo(p[0], p[1]))); g.stroke(); g.setLineDash([]);
    }
    ring(c, isFront, style, width, dash) { // circle of latitude around the fake axis, one half
      const s = Math.sqrt(Math.max(0, 1 - c * c)); let run = [];
      for (let k = 0; k <= 96; k++) {
        const t = (k / 96) * 2 * Math.PI, p = this.at(c, s * Math.cos(t), s * Math.sin(t));
        if ((p[2] <= 0) === isFront) run.push(p); else { if (run.length > 1) this.line(run, style, width, dash); run = []; }
      }
      if (run.length > 1) this.line(run, style, width, dash);
    }
    globe(isFront) {
      const g = this.g, ratio = this.ratio, faint = isFront ? 0.28 : 0.16;
      g.globalAlpha = faint;
      const span = 150 / (this.surface ? this.factor : 1), step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].find((d) => span / d <= 6) || 30, rings = [];
      for (let d = Math.ceil((this.centre - span / 2) / step) * step; d <= this.centre + span / 2; d += step) if (d > 0 && d < 180) rings.push(d);
      for (const d of rings) this.ring(Math.cos(this.latitude(d)), isFront, this.theme.dim, 1);
      for (let k = 0; k < 6; k++) { // meridians
        const t = (k / 6) * Math.PI; let run = [];
        for (let j = 0; j <= 96; j++) {
          const a = (j / 96) * 2 * Math.PI, p = this.at(Math.cos(a), Math.sin(a) * Math.cos(t), Math.sin(a) * Math.sin(t));
          if ((p[2] <= 0) === isFront) run.push(p); else { if (run.length > 1) this.line(run, this.theme.dim, 1); run = []; }
        }
        if (run.length > 1) this.line(run, this.theme.dim, 1);
      }
      g.globalAlpha = 1;
      const b = this.data.boundary;
      if (b != null && Math.abs(b) < 1) { g.globalAlpha = isFront ? 0.95 : 0.4; this.ring(Math.cos(this.latitude(this.centre)), isFront, this.theme.text, 1.4, [6, 5]); g.globalAlpha = 1; }
      const s = Math.min(this.w, this.h) * 0.42 * this.zoom;
      if (!isFront) {
        g.beginPath(); g.strokeStyle = this.theme.dim; g.globalAlpha = 0.55; g.lineWidth = ratio;
        g.arc(this.w / 2 + this.pan[0] * ratio, this.h / 2 + this.pan[1] * ratio, s, 0, 7); g.stroke();
        g.globalAlpha = 0.6; this.line([this.at(-1.1, 0, 0), this.at(1.1, 0, 0)], this.theme.dim, 1.2); g.globalAlpha = 1;
        return;
      }
      for (const d of rings) { // written where the ring meets the outline at the bottom
        const t = this.latitude(d); let low = null;
        for (let k = 0; k < 48; k++) { const a = (k / 48) * 2 * Math.PI, p = this.at(Math.cos(t), Math.sin(t) * Math.cos(a), Math.sin(t) * Math.sin(a)); if (p[2] <= 0.05 && (!low || p[1] > low[1])) low = p; }
        if (low) this.text(Math.round(d * 10) / 10 + "°", [low[0], low[1] + 9 * ratio], this.theme.dim, "center", true, 10);
      }
      this.text("● real", this.at(-1.14, 0, 0), REAL, "center", true); this.text("▲ fake", this.at(1.14, 0, 0), FAKE, "center", true);
    }
    text(words, at, colour, align, halo, size) {
      const g = this.g; g.font = `${size ? 400 : 600} ${(size || 12) * this.ratio}px ${this.theme.font}`; g.textAlign = align || "left"; g.textBaseline = "middle";
      if (halo) { g.strokeStyle = `rgb(${this.theme.back.join(",")})`; g.lineWidth = 4 * this.ratio; g.strokeText(words, at[0], at[1]); }
      g.fillStyle = colour; g.fillText(words, at[0], at[1]);
    }
    grid2d() {
      const g = this.g, f = this.frame2d(), ratio = this.ratio, x1 = this.w - f.right, y1 = this.h - f.bottom;
      const nice = (span) => { const p = 10 ** Math.floor(Math.log10(span / 5)); return [1, 2, 5, 10].map((m) => m * p).find((s) => span / s <= 7); };
      const a0 = f.angle(f.left), a1 = f.angle(x1), da = nice(Math.abs(a0 - a1)), v0 = f.value(y1), v1 = f.value(f.top), dv = nice(v1 - v0);
      const font = (px, weight) => { g.font = `${weight || 400} ${px * ratio}px ${this.theme.font}`; };
      g.fillStyle = this.theme.dim; font(11); g.textBaseline = "top"; g.textAlign = "center";
      for (let a = Math.ceil(Math.min(a0, a1) / da) * da; a <= Math.max(a0, a1); a += da) {
        const x = f.x(a); g.globalAlpha = 0.22; this.line([[x, f.top], [x, y1]], this.theme.dim, 1); g.globalAlpha = 1;
        g.fillText(Math.round(a * 10) / 10 + "°", x, y1 + 5 * ratio);
      }
      g.textAlign = "right"; g.textBaseline = "middle";
      for (let v = Math.ceil(v0 / dv) * dv; v <= v1; v += dv) {
        const y = f.y(v); g.globalAlpha = 0.22; this.line([[f.left, y], [x1, y]], this.theme.dim, 1); g.globalAlpha = 1;
        g.fillText((Math.abs(v) < 1e-9 ? 0 : v).toFixed(dv < 0.1 ? 2 : 1), f.left - 6 * ratio, y);
      }
      font(12); g.textAlign = "center"; g.textBaseline = "bottom";
      g.fillText("← real      angle to the fake axis      fake →", (f.left + x1) / 2, this.h - 4 * ratio);
      g.save(); g.translate(14 * ratio, (f.top + y1) / 2); g.rotate(-Math.PI / 2); g.textBaseline = "middle"; g.fillText("leading residual direction", 0, 0); g.restore();
      const b = this.data.boundary;
      if (b != null && Math.abs(b) < 1) this.line([[f.x((Math.acos(b) * 180) / Math.PI), f.top], [f.x((Math.acos(b) * 180) / Math.PI), y1]], this.theme.text, 1.4, [6, 5]);
    }
    frameUmap() { // no numbers on its axes: they have no unit
      const f = this.frame2d(), x1 = this.w - f.right, y1 = this.h - f.bottom;
      this.g.globalAlpha = 0.4; this.line([[f.left, f.top], [f.left, y1], [x1, y1]], this.theme.dim, 1); this.g.globalAlpha = 1;
      this.text("UMAP 1, no unit: not an angle", [(f.left + x1) / 2, this.h - 22 * this.ratio], this.theme.dim, "center", false, 12);
      this.g.save(); this.g.translate(34 * this.ratio, (f.top + y1) / 2); this.g.rotate(-Math.PI / 2); this.text("UMAP 2, no unit", [0, 0], this.theme.dim, "center", false, 12); this.g.restore();
    }
    overlay() {
      const g = this.g, mark = (i, r, style, width) => { g.beginPath(); g.strokeStyle = style; g.lineWidth = width * this.ratio; g.arc(this.U[i], this.V[i], r * this.ratio, 0, 7); g.stroke(); };
      if (this.marked && this.marked.size <= 400) this.marked.forEach((i) => { if (i < this.data.n && this.visible(i) && (this.mode === "3d" || this.W[i] <= 0)) mark(i, 8, this.theme.text, 2); });
      if (this.chosen && this.few) this.few.forEach((i) => { if (i < this.data.n && this.W[i] <= 0 && this.visible(i)) mark(i, 7, this.theme.text, 1.2); });
      if (this.hover >= 0) mark(this.hover, 9, this.theme.text, 1.5);
      if (this.cursor) {
        const [x, y] = this.cursor.map((v) => v * this.ratio), r = 11 * this.ratio;
        this.line([[x - r, y], [x + r, y]], this.theme.text, 1.5); this.line([[x, y - r], [x, y + r]], this.theme.text, 1.5);
      }
      if (this.path && this.path.length > 1) {
        g.globalAlpha = 0.15; g.fillStyle = this.theme.text; g.beginPath();
        this.path.forEach((p, i) => (i ? g.lineTo(p[0] * this.ratio, p[1] * this.ratio) : g.moveTo(p[0] * this.ratio, p[1] * this.ratio))); g.closePath(); g.fill(); g.globalAlpha = 1;
        this.line([...this.path, this.path[0]].map((p) => [p[0] * this.ratio, p[1] * this.ratio]), this.theme.text, 1.5, [4, 3]);
      }
    }
    /** Nearest visible point in front within reach (css px), or -1. */
    nearest(x, y, reach) {
      this.settle();
      const { U, V, W } = this, n = this.data.n, mx = x * this.ratio, my = y * this.ratio; let best = -1, least = (reach * this.ratio) ** 2;
      for (let i = 0; i < n; i++) {
        if (W[i] > 0) continue;
        const d = (U[i] - mx) ** 2 + (V[i] - my) ** 2;
        if (d < least && this.visible(i)) { least = d; best = i; }
      }
      return best;
    }
    /** Visible points in front inside a polygon of css px. */
    inside(path) {
      this.settle();
      const { U, V, W } = this, n = this.data.n, pts = path.map((p) => [p[0] * this.ratio, p[1] * this.ratio]), out = [];
      const xs = pts.map((p) => p[0]), ys = pts.map((p) => p[1]), x0 = Math.min(...xs), x1 = Math.max(...xs), y0 = Math.min(...ys), y1 = Math.max(...ys);
      for (let i = 0; i < n; i++) {
        const x = U[i], y = V[i];
        if (W[i] > 0 || x < x0 || x > x1 || y < y0 || y > y1 || !this.visible(i)) continue;
        let odd = false;
        for (let a = 0, b = pts.length - 1; a < pts.length; b = a++) {
          if (pts[a][1] > y !== pts[b][1] > y && x < ((pts[b][0] - pts[a][0]) * (y - pts[a][1])) / (pts[b][1] - pts[a][1]) + pts[a][0]) odd = !odd;
        }
        if (odd) out.push(i);
      }
      return out;
    }
    reset() { this.turn = [0.55, 0.32]; this.zoom = 1; this.pan = [0, 0]; this.ask(); }
    /** Corners of a box between two places (css px). */
    static box([x0, y0], [x1, y1]) { return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]; }
  }

  Painter.open = new Set();

  // ---------------------------------------------------------------- sphere: component

  /** Many indices as a bit set: 100,000 points are 17 kB of text. */
  function chosenAs(list, n) {
    if (list.length <= 1000) return { idx: list };
    const bits = new Uint8Array(Math.ceil(n / 8)); list.forEach((i) => { bits[i >> 3] |= 1 << (i & 7); });
    let text = ""; for (let i = 0; i < bits.length; i += 8192) text += String.fromCharCode.apply(null, bits.subarray(i, i + 8192));
    return { bits: btoa(text) };
  }

  const source = (path) => (window.__fos__ && window.__fos__.getSampleSrc ? window.__fos__.getSampleSrc(path) : "/media?filepath=" + encodeURIComponent(path));

  function Card({ card, at, size }) {
    if (!card || !at) return null;
    const left = Math.max(2, at[0] + 250 > size[0] ? at[0] - 246 : at[0] + 14), top = Math.max(4, Math.min(at[1] - 40, size[1] - 128));
    return h("div", { className: "mf-card", style: { left, top }, "data-cy": "mf-card" },
      h("img", { src: source(card.filepath), alt: "aligned face crop" }),
      h("div", null, h("b", { style: { color: card.label === "fake" ? FAKE : card.label === "real" ? REAL : undefined } }, (card.label === "fake" ? "▲ " : "● ") + (card.label || "unknown")),
        h("div", null, "p_fake " + card.p_fake), h("div", { className: "mf-dim" }, card.words.map((w, i) => h("div", { key: i }, w)))));
  }

  function Legend({ colours, hidden, toggle, by }) {
    if (colours.scale) {
      return h("div", { className: "mf-legend mf-dim mf-small" }, "p_fake 0", h("span", { style: { width: 160, height: 10, borderRadius: 5,
        background: "linear-gradient(90deg," + colours.groups.filter((_, i) => i % 9 === 0).map((c) => c.colour).join(",") + ")" } }), "1",
      h("span", { style: { marginLeft: 10 } }, "● real  ▲ fake"));
    }
    const order = (colours.order || colours.groups.map((_, i) => i)).filter((i) => colours.groups[i].count);
    const shape = (i) => (by === "label" ? (i === 1 ? "▲" : "●") : by === "error" ? ["●", "▲", "●", "▲", "●", "■"][i] : "■");
    return h("div", { className: "mf-legend" }, order.slice(0, 24).map((i) => {
      const group = colours.groups[i];
      return h("button", { key: i, "aria-pressed": !hidden.has(i), onClick: () => toggle(i), title: "Show or hide", "data-cy": "mf-legend-" + group.name },
        h("span", { style: { color: group.colour, fontSize: 13 } }, shape(i)), group.name, h("span", { className: "mf-dim" }, number(group.count)));
    }), order.length > 24 && h("span", { className: "mf-dim mf-small" }, "and " + (order.length - 24) + " more"),
    !["label", "error"].includes(by) && h("span", { className: "mf-dim mf-small", style: { marginLeft: 6 } }, "● real  ▲ fake"));
  }

  /** Keys of the picture of a payload: what comes later is only taken if it is of the same. */
  const sameOf = (a, b) => a && b && a.xyz === b.xyz && a.code === b.code && a.score === b.score;

  /** What two spheres beside each other have in common: view, drawing, colour. */
  const common = { mode: "3d", shape: "stretched", by: "label", hidden: new Set() }, watchers = new Set();
  function useCommon(name) {
    const [, redraw] = useState(0);
    useEffect(() => { const again = () => redraw((k) => k + 1); watchers.add(again); return () => { watchers.delete(again); }; }, []);
    return [common[name], (value) => { common[name] = value; watchers.forEach((again) => again()); }];
  }

  function Sphere({ data, schema }) {
    useEffect(injectStyle, []);
    const post = useEvents("sphere", data && data.rev), trigger = foo.useTriggerPanelEvent(), on = schema.view, side = on.side || 1;
    const raw = data && data.sphere, extra = data || {};
    const send = (uri, params, then) => post(uri, { ...params, side }, then);
    const peek = (uri, params, then) => trigger(uri, { ...params, side, n: count }, undefined, (answer) => then(answer && answer.result)); // changes nothing: need not wait in line
    const canvas = useRef(null), painter = useRef(null), drag = useRef(null), cards = useRef(new Map()), waiting = useRef(0), latest = useRef(extra);
    latest.current = extra;
    const [view, setMode] = useCommon("mode"), [shape, setShape] = useCommon("shape"), [by, setBy] = useCommon("by"), [hidden, setHidden] = useCommon("hidden");
    const mode = view === "umap" && !extra.umap ? "2d" : view, two = side === 2 || !!extra.other;
    const [tool, setTool] = useState(""), [nothing, setNothing] = useState(false), [card, setCard] = useState(null), [at, setAt] = useState(null), [last, setLast] = useState(-1);
    const [more, setMore] = useState(null), [field, setField] = useState(null), [map, setMap] = useState(null);
    const rest = more && sameOf(more.of, raw) && more.key === extra.key ? more : null;
    const points = useMemo(() => (raw && raw.xyz ? unpack(raw, rest && rest.sphere) : null), [raw && raw.xyz, raw && raw.code, raw && raw.score, rest]);
    const count = points ? points.n : 0;
    const given = !["label", "prediction", "error", "score"].includes(by), ours = field && field.of === points && field.name === by ? field : null;
    const colours = useMemo(() => (points ? colouring(points, given && !ours ? "label" : by, ours) : null), [points, by, ours]);
    const umap = map && map.of === points ? map : null;

    useEffect(() => { // faces that the first plot left out
      if (!raw || !raw.partial || rest) return;
      const of = raw, key = extra.key;
      peek(on.on_rest, { key }, (found) => {
        if (found && found.key === key) setMore({ ...found, of, before: latest.current.selected }); else setMore({ of, key, failed: true });
      });
    }, [raw && raw.xyz, raw && raw.code, extra.key, !rest]);
    useEffect(() => {
      if (points && given && !ours) peek(on.on_colour, { name: by }, (found) => { if (found) setField({ ...found, of: points, codes: decode(found.codes, found.wide ? Uint16Array : Uint8Array) }); else setBy("label"); });
    }, [points, by]);
    useEffect(() => {
      if (points && mode === "umap" && !umap) peek(on.on_umap, {}, (found) => { if (found) setMap({ of: points, xy: decode(found.xy, Int16Array), words: found.words }); else setMode("2d"); });
    }, [points, mode]);
    const setUp = (p) => { p.mode = mode; p.surface = shape !== "ball"; p.stretch = shape === "stretched"; p.map = umap && umap.xy; };
    useEffect(() => {
      if (!canvas.current || !points) return undefined;
      const p = (painter.current = painter.current && painter.current.canvas === canvas.current ? painter.current : new Painter(canvas.current));
      p.colours = colours; setUp(p); p.setData(points); Painter.open.add(p);
      canvas.current.mfPainter = p; // for the browser tests
      const watch = new ResizeObserver(() => p.ask()); watch.observe(canvas.current);
      const theme = new MutationObserver(() => p.ask()); theme.observe(document.documentElement, { attributes: true });
      return () => { watch.disconnect(); theme.disconnect(); Painter.open.delete(p); };
    }, [points]);
    useEffect(() => { cards.current.clear(); }, [raw]);
    useEffect(() => { const p = painter.current; if (p && colours) { p.colours = colours; p.hidden = hidden; p.ask(); } }, [colours, hidden]);
    useEffect(() => { const p = painter.current; if (p && p.data) { setUp(p); p.pan = [0, 0]; p.zoom = 1; p.place(); } }, [mode, shape]);
    useEffect(() => { const p = painter.current; if (p && p.data && umap) { p.map = umap.xy; p.place(); } }, [umap]);
    const selected = rest && rest.before === extra.selected ? rest.selected : extra.selected;
    useEffect(() => { const p = painter.current; if (p && p.data) { p.marked = new Set(selected || []); p.ask(); } }, [selected, points]);
    useEffect(() => { const p = painter.current; if (p && !extra.shown) { p.chosen = null; p.ask(); setLast(-1); } }, [extra.shown]);
    useEffect(() => { // a passive React listener could not stop the panel from scrolling
      const el = canvas.current; if (!el) return undefined;
      const wheel = (e) => { const p = painter.current; if (!p || !p.data) return; e.preventDefault(); zoomAt(p, Math.exp(-e.deltaY * 0.0012), e.offsetX, e.offsetY); };
      el.addEventListener("wheel", wheel, { passive: false }); return () => el.removeEventListener("wheel", wheel);
    }, [!!points]);

    if (!raw || !points) return null;
    const zoomAt = (p, factor, x, y) => {
      const next = Math.min(40, Math.max(0.5, p.zoom * factor)), k = next / p.zoom, cx = p.canvas.clientWidth / 2, cy = p.canvas.clientHeight / 2;
      const dx = (x == null ? cx : x) - cx, dy = (y == null ? cy : y) - cy;
      p.pan = [dx - (dx - p.pan[0]) * k, dy - (dy - p.pan[1]) * k]; p.zoom = next; p.move();
    };
    const turnBy = (p, x, y) => { p.turn = [p.turn[0] + x, Math.max(-1.57, Math.min(1.57, p.turn[1] + y))]; p.move(); };
    const panBy = (p, x, y) => { p.pan = [p.pan[0] + x, p.pan[1] + y]; p.move(); };
    const place = (e) => { const b = canvas.current.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
    const light = (list) => {
      const p = painter.current; p.chosen = new Uint8Array(points.n); list.forEach((i) => { p.chosen[i] = 1; });
      p.few = list.length <= 60 ? list : null; p.ask();
    };
    const toMore = (what) => send(on.on_more, { idx: last, what, n: count }, (found) => { if (found && found.idx) light(found.idx); });
    const pick = (list, how) => {
      setNothing(!list.length);
      if (!list.length) return;
      light(list); setLast(list.length === 1 ? list[0] : -1);
      send(on.on_pick, { ...chosenAs(list, points.n), n: count, tool: how });
    };
    const choose = (next) => { const p = painter.current; p.path = p.cursor = null; p.corners = []; p.ask(true); setNothing(false); setTool(next === tool ? "" : next); };
    const finish = (path, how) => { const list = painter.current.inside(path); choose(tool); setTool(""); pick(list, how); };
    const clear = () => { const p = painter.current; p.chosen = null; p.path = null; setLast(-1); p.ask(); send(on.on_clear, {}); };
    const showCard = (i) => {
      const p = painter.current, px = [p.U[i] / p.ratio, p.V[i] / p.ratio];
      if (cards.current.has(i)) { setCard(cards.current.get(i)); setAt(px); return; }
      peek(on.on_hover, { idx: i }, (found) => { if (!found) return; cards.current.set(i, found); if (painter.current.hover === i) { setCard(found); setAt(px); } });
    };
    const hover = (x, y) => {
      const p = painter.current; if (p.moving) return;
      const i = p.nearest(x, y, 9);
      if (i === p.hover) return;
      p.hover = i; p.ask(true); clearTimeout(waiting.current);
      if (i < 0 || !cards.current.has(i)) setCard(null);
      if (i >= 0) waiting.current = setTimeout(() => showCard(i), cards.current.has(i) ? 0 : 120);
    };
    const down = (e) => {
      const [x, y] = place(e), p = painter.current; canvas.current.setPointerCapture(e.pointerId);
      drag.current = { x, y, from: [x, y], far: 0, tool: e.shiftKey ? "lasso" : tool }; p.cursor = null; p.corners = []; setCard(null);
      if (drag.current.tool) p.path = [[x, y]];
    };
    const move = (e) => {
      const [x, y] = place(e), d = drag.current, p = painter.current;
      if (!d) return hover(x, y);
      const dx = x - d.x, dy = y - d.y; d.far += Math.abs(dx) + Math.abs(dy);
      if (d.tool === "lasso" && Math.abs(dx) + Math.abs(dy) < 3) return undefined; // fewer corners: a test of each point against all of them follows
      d.x = x; d.y = y;
      if (d.tool) { if (d.tool === "box") p.path = Painter.box(d.from, [x, y]); else p.path.push([x, y]); p.ask(true); }
      else if (p.mode === "3d") turnBy(p, dx * 0.008, dy * 0.008); else panBy(p, dx, dy);
      return undefined;
    };
    const up = () => {
      const d = drag.current, p = painter.current; drag.current = null; if (!d) return;
      [p, ...p.beside()].forEach((q) => q.rest());
      if (d.tool && d.far > 8) { finish(p.path, d.tool); return; }
      p.path = null; p.ask(true);
      if (d.far <= 4) { const i = p.nearest(d.x, d.y, 10); if (i >= 0) pick([i]); }
    };
    const corner = (p, enter) => { // by keyboard: a corner where the cross is, or the end
      p.cursor = p.cursor || [p.canvas.clientWidth / 2, p.canvas.clientHeight / 2];
      if (tool === "box" && p.corners.length) return finish(Painter.box(p.corners[0], p.cursor), tool);
      if (tool === "lasso" && enter && p.corners.length > 2) return finish(p.corners, tool);
      p.corners.push(p.cursor); return p.ask(true);
    };
    const keys = (e) => {
      const p = painter.current, step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === "l" || e.key === "b") { const next = e.key === "l" ? "lasso" : "box"; choose(next); if (next !== tool) { p.cursor = [p.canvas.clientWidth / 2, p.canvas.clientHeight / 2]; p.ask(true); } }
      else if (tool && step) {
        const far = e.shiftKey ? 40 : 8, [x, y] = p.cursor || [p.canvas.clientWidth / 2, p.canvas.clientHeight / 2];
        p.cursor = [Math.max(0, Math.min(p.canvas.clientWidth, x + far * step[0])), Math.max(0, Math.min(p.canvas.clientHeight, y + far * step[1]))];
        if (p.corners.length) p.path = tool === "box" ? Painter.box(p.corners[0], p.cursor) : [...p.corners, p.cursor];
        p.ask(true);
      }
      else if (tool && (e.key === "Enter" || e.key === " ")) corner(p, e.key === "Enter");
      else if (tool && e.key === "Escape") choose(tool);
      else if (step) { if (p.mode === "3d") turnBy(p, step[0] * 0.12, step[1] * 0.12); else panBy(p, -step[0] * 24, -step[1] * 24); }
      else if (e.key === "+" || e.key === "=") zoomAt(p, 1.2); else if (e.key === "-") zoomAt(p, 1 / 1.2);
      else if (e.key === "Escape") clear(); else if (e.key === "0") p.reset();
      else if (e.key === "Enter") { const i = p.nearest(p.canvas.clientWidth / 2, p.canvas.clientHeight / 2, 1e5); if (i >= 0) { pick([i]); p.hover = i; showCard(i); } }
      else return;
      e.preventDefault(); e.stopPropagation();
    };
    const choices = [["label", "truth"], ["prediction", "prediction"], ["error", "right and wrong"], ["score", "score (p_fake)"], ...(extra.fields || []).map((name) => [name, name])];
    const tab = (value, text, title) => h("button", { className: value === mode ? "mf-on" : "", "aria-pressed": value === mode, onClick: () => setMode(value), title, "data-cy": "mf-mode-" + value }, text);
    const toolButton = (value, text, title) => h("button", { className: value === tool ? "mf-on" : "", "aria-pressed": value === tool, onClick: () => { choose(value); canvas.current.focus(); }, title, "data-cy": "mf-" + value }, text);
    const told = tool ? (tool === "box" ? "Box: drag, or move the cross with the arrows (Shift: faster) and set two corners with Enter." : "Lasso: drag, or move the cross with the arrows (Shift: faster), set corners with Space and close with Enter.") + " Escape leaves."
      : `Drag or arrows ${mode === "3d" ? "turn" : "move"}, wheel or + and − zoom, shift-drag or L is a lasso, B a box; click a face, or Enter for the one in the middle, to see it in the grid.`;
    const meant = mode === "umap" ? (umap ? umap.words : "The UMAP is being read.")
      : mode === "2d" ? "Angles to the fake axis are true; dashed is the threshold."
      : shape === "ball" ? "Orthogonal projection into the ball."
      : (shape === "stretched" && points.stretch > 1 ? `Angles to the fake axis are drawn × ${points.stretch} around the threshold (dashed); the degrees on the rings are true.` : "Angles to the fake axis are true; dashed is the threshold.") + " The way around the axis is the direction of the residual.";
    return h("div", { className: "mf", style: { display: "flex", flexDirection: "column" }, "data-cy": "mf-sphere" },
      two && h("b", { style: { order: -3 }, "data-cy": "mf-which" }, extra.key),
      h("div", { className: "mf-row", style: two ? { marginTop: 8 } : { order: -2 } }, // below two pictures, so that these stand side by side
        h(Select, { label: side === 2 ? "Beside it" : "Detector", value: extra.key, options: extra.keys, onChange: (v) => send(on.on_set, { name: side === 2 ? "other" : "key", value: v }), cy: "mf-sphere-key" + (side === 2 ? "-2" : "") }),
        side === 1 && (extra.keys || []).length > 1 && h(Select, { label: "Compare with", value: extra.other || "", options: [["", "nothing"], ...extra.keys.filter((k) => k[0] !== extra.key)], onChange: (v) => send(on.on_set, { name: "other", value: v }), cy: "mf-sphere-other" }),
        side === 1 && h(Select, { label: "Colour by", value: by, options: choices, onChange: (v) => { setBy(v); setHidden(new Set()); }, cy: "mf-colour" }),
        side === 1 && h("div", { className: "mf-row", style: { gap: 0 }, role: "group", "aria-label": "View" }, tab("3d", "3-D", "The sphere"), tab("2d", "2-D", "Angle to the fake axis against the leading residual"),
          extra.umap && tab("umap", "UMAP", "Who lies near whom by cosine; not true to angles")),
        side === 1 && mode === "3d" && h(Select, { label: "Drawn", value: shape, onChange: setShape, cy: "mf-shape", options: [
          ...(points.stretch > 1 ? [["stretched", `angles × ${points.stretch}`]] : []), [points.stretch > 1 ? "true" : "stretched", "true angles"], ["ball", "inside ball"]] }),
        h("div", { className: "mf-row", style: { gap: 0 }, role: "group", "aria-label": "Select faces" }, toolButton("lasso", "Lasso", "Draw around faces (L, or hold shift and drag)"), toolButton("box", "Box", "Draw a box around faces (B)")),
        h("button", { onClick: () => painter.current.reset(), title: "Back to the first view (0)", "data-cy": "mf-reset" }, "Reset"),
        h("button", { onClick: () => { setMore(null); send(on.on_refresh, {}); }, title: "Read the samples again", "aria-label": "Read the samples again" }, "↻")),
      h("div", { className: "mf-sphere", style: { order: -1, height: two ? 380 : 470, flex: "none", marginTop: 8 } },
        h("canvas", { ref: canvas, tabIndex: 0, role: "application", "aria-label": `${number(points.n)} faces on the sphere of embeddings. ` + told,
          style: { cursor: tool ? "crosshair" : "grab" }, onPointerDown: down, onPointerMove: move, onPointerUp: up, onPointerCancel: up,
          onPointerLeave: () => { if (!drag.current) { clearTimeout(waiting.current); painter.current.hover = -1; setCard(null); painter.current.ask(true); } },
          onKeyDown: keys, onDoubleClick: () => painter.current.reset(), "data-cy": "mf-canvas" }),
        h(Card, { card, at, size: canvas.current ? [canvas.current.clientWidth, canvas.current.clientHeight] : [600, 470] })),
      h("div", { className: "mf-small mf-dim", style: { marginTop: 4, minHeight: 16 }, "data-cy": "mf-drawn" }, (rest && rest.drawn) || extra.drawn, rest && rest.failed && " They could not be read; ↻ tries again.",
        points.n > 200000 && " While the picture moves, fewer are drawn."),
      h(Legend, { colours, hidden, by: given && !ours ? "label" : by, toggle: (i) => { const next = new Set(hidden); if (next.has(i)) next.delete(i); else next.add(i); setHidden(next); } }),
      h("div", { className: "mf-shown", role: "status", "data-cy": "mf-sphere-shown" },
        nothing ? h("span", null, "No face is inside. Faces on the far side are not taken: turn the sphere.") : extra.shown && !tool ? h(React.Fragment, null, h("span", null, extra.shown), h("button", { onClick: clear, "data-cy": "mf-sphere-clear" }, "Show all"),
          last >= 0 && h("button", { onClick: () => toMore("video"), "data-cy": "mf-more-video" }, "Its video"),
          last >= 0 && h("button", { onClick: () => toMore("near"), "data-cy": "mf-more-near" }, "24 nearest of other groups"))
          : h("span", { className: "mf-dim" }, told)),
      h("div", { className: "mf-words mf-small", "data-cy": "mf-words" }, (extra.words || []).map(([name, value, meaning], i) => h(React.Fragment, { key: i }, h("span", { className: "mf-dim" }, name), h("b", { title: meaning }, value), h("span", { className: "mf-dim" }, two ? "" : meaning)))),
      h("div", { className: "mf-row mf-small mf-dim", style: { marginTop: 8, justifyContent: "space-between" } }, h("span", { style: { flex: 1 }, "data-cy": "mf-meant" }, h("b", null, meant + " "), mode !== "umap" && ((rest && rest.note) || extra.note)),
        h("button", { onClick: () => send(on.on_register, {}), title: "Add the 2-D projection to FiftyOne's Embeddings panel", "data-cy": "mf-register" }, "To Embeddings panel")));
  }
  Sphere.parts = { Painter, unpack, colouring }; // for the benchmark and the browser tests

  const register = (name, component) => fop.registerComponent({ name, label: name, component, type: fop.PluginComponentType.Component, activator: () => true });
  register("MediaForensicsAuditHeader", AuditHeader);
  register("MediaForensicsAuditTable", AuditTable);
  register("MediaForensicsPlayer", Player);
  register("MediaForensicsSphere", Sphere);
})();
