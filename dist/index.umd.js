(function() {
	// src/app/given.ts
	var react = window.React;
	var h = react.createElement;
	var Fragment = react.Fragment;
	var { useCallback, useEffect, useMemo, useRef, useState } = react;
	var useTrigger = () => window.__foo__.useTriggerPanelEvent();
	/** Makes `component` known to the App under `name`. */
	function register(name, component) {
		const { registerComponent, PluginComponentType } = window.__fop__;
		const type = PluginComponentType.Component;
		registerComponent({
			name,
			label: name,
			component,
			type,
			activator: () => true
		});
	}
	/** Address of a sample's file. */
	function sampleSource(path) {
		const { getSampleSrc } = window.__fos__ ?? {};
		return getSampleSrc ? getSampleSrc(path) : "/media?filepath=" + encodeURIComponent(path);
	}
	/** The player of the open video, null without one; undefined where the App gives no way to it. */
	function usePlayer() {
		const atom = window.recoil && window.__fos__?.modalLooker;
		return atom ? window.recoil.useRecoilValue(atom) : void 0;
	}
	// src/app/keyboard.ts
	/** Whether the key belongs to a field that is typed into. */
	function typed(target) {
		const { tagName = "", isContentEditable = false } = target ?? {};
		return isContentEditable || [
			"INPUT",
			"TEXTAREA",
			"SELECT"
		].includes(tagName);
	}
	/** The key as it is compared: a letter in lower case. */
	var plainKey = ({ key }) => key.length === 1 ? key.toLowerCase() : key;
	/** The digit or letter of the key's place where the layout has another one there: the digits of a
	* French keyboard, the letters of a Cyrillic one. */
	function placed({ key, code = "" }, most = 9) {
		if (/^Digit[1-9]$/.test(code) && Number(code.slice(5)) <= most) return code.slice(5);
		return /^Key[A-Z]$/.test(code) && /^[^\x00-\x7f]$/.test(key) ? code.slice(3).toLowerCase() : "";
	}
	/** Where what has the focus is ours: in a component, or in a panel that the App draws for us. */
	var OURS = [".mf", ...[
		"error_audit",
		"hypersphere",
		"player",
		"review",
		"timeline",
		"training_runs"
	].map((name) => `[data-cy="panel-content-${name}"]`)].join();
	/** Enter clicks the button or link of ours that has the focus. The App stops every Enter of the page before the
	* browser makes a click of it, so this listens first. */
	function enterClicks(e) {
		if (e.key !== "Enter" || !(e.target instanceof Element)) return;
		const ours = e.target.closest("button, a, summary");
		if (!ours?.closest(OURS)) return;
		e.preventDefault();
		e.stopImmediatePropagation();
		if (!e.repeat) ours.click();
	}
	// src/app/style.css?inline
	var style_default = ".mf { font-family: var(--fo-fontFamily-body); color: var(--fo-palette-text-primary); font-size: 13px; line-height: 1.4; width: 100%; }\n.mf *, .mf *::before { box-sizing: border-box; }\n.mf-row { display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: flex-end; }\n.mf label.mf-field { flex: 1 1 92px; max-width: 210px; min-width: 84px; display: flex; flex-direction: column; gap: 3px; color: var(--fo-palette-text-secondary); font-size: 11px; }\n.mf select, .mf input[type=number] { font: inherit; font-size: 13px; color: var(--fo-palette-text-primary); background: var(--fo-palette-background-level2); border: 1px solid var(--fo-palette-divider, #8886); border-radius: 4px; padding: 4px 6px; height: 28px; max-width: 100%; }\n.mf select { width: 100%; text-overflow: ellipsis; padding-right: 2px; }\n.mf select option { color: var(--fo-palette-text-primary); background: var(--fo-palette-background-level2); }\n.mf button { font: inherit; cursor: pointer; color: var(--fo-palette-text-primary); background: none; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 4px; padding: 3px 9px; height: 28px; white-space: nowrap; }\n.mf button:hover:not(:disabled, [aria-disabled=true]) { background: var(--fo-palette-background-level3, #8883); }\n.mf button:disabled, .mf button[aria-disabled=true] { opacity: .45; cursor: default; }\n.mf button.mf-on, .mf button.mf-on:hover:not(:disabled) { background: var(--fo-palette-text-primary); color: var(--fo-palette-background-level1); }\n.mf:focus-visible, :is(.mf, [data-cy=panel-content-error_audit], [data-cy=panel-content-timeline], [data-cy=panel-content-training_runs]) :focus-visible { outline: 2px solid #56B4E9 !important; outline-offset: 1px; }\n.mf:focus-visible { outline-offset: 4px; }\n.mf button.mf-link { border: none; padding: 0 3px; margin: 0 -3px; height: auto; text-decoration: underline dotted; text-underline-offset: 3px; border-radius: 2px; font-variant-numeric: tabular-nums; }\n.mf button.mf-link:hover { text-decoration: underline; }\n.mf-dim { color: var(--fo-palette-text-secondary); }\n.mf-small { font-size: 11px; }\n.mf-slider { display: flex; gap: 12px; align-items: center; margin-top: 8px; }\n.mf-slider input[type=range] { flex: 1; min-width: 120px; accent-color: #D55E00; }\n.mf-slider input[type=number] { width: 86px; }\n.mf-tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 8px; margin-top: 8px; }\n.mf-tile { border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; padding: 7px 10px; background: var(--fo-palette-background-level2); min-height: 80px; }\n.mf-tile b { display: block; font-size: 21px; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }\n.mf-says { margin-top: 8px; padding: 6px 10px; border-left: 3px solid var(--fo-palette-text-tertiary, #888); background: var(--fo-palette-background-level2); border-radius: 0 4px 4px 0; }\n.mf-says.mf-warn { border-left-color: #D55E00; }\n.mf-intro { display: flex; gap: 10px; align-items: flex-end; justify-content: space-between; margin-bottom: 8px; padding: 8px 10px; border: 1px solid #56B4E9; border-radius: 6px; background: var(--fo-palette-background-level2); }\n.mf-intro ol { margin: 0; padding-left: 18px; list-style: decimal; }\n.mf-shown { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; margin-top: 6px; min-height: 38px; }\n.mf-shown > span { flex: 0 1 auto; }\n.mf-scroll { max-height: 460px; overflow: auto; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; margin-top: 8px; }\n.mf table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; }\n.mf th { position: sticky; top: 0; z-index: 1; text-align: left; font-weight: 500; font-size: 11px; color: var(--fo-palette-text-secondary); background: var(--fo-palette-background-level2); padding: 0; border-bottom: 1px solid var(--fo-palette-divider, #8886); white-space: nowrap; }\n.mf th button { border: none; height: 28px; padding: 0 6px; color: inherit; width: 100%; text-align: left; }\n.mf th.mf-num button { text-align: right; }\n.mf td { padding: 4px 6px; border-bottom: 1px solid var(--fo-palette-background-level3, #8883); vertical-align: middle; white-space: nowrap; }\n.mf td.mf-name { white-space: normal; min-width: 84px; overflow-wrap: break-word; hyphens: auto; }\n.mf td.mf-num { text-align: right; }\n.mf tr:last-child td { border-bottom: none; }\n.mf tr.mf-total td { font-weight: 600; background: var(--fo-palette-background-level2); }\n.mf-bar { position: relative; height: 5px; margin-top: 3px; width: 100%; min-width: 64px; background: var(--fo-palette-background-level3, #8883); border-radius: 3px; }\n.mf-bar i { position: absolute; top: 0; bottom: 0; border-radius: 3px; opacity: .55; min-width: 2px; }\n.mf-bar u { position: absolute; top: -2px; width: 3px; height: 9px; border-radius: 1px; margin-left: -1px; }\n.mf-bar s { position: absolute; top: -3px; width: 0; height: 11px; border-left: 1px dashed var(--fo-palette-text-secondary); }\n.mf table.mf-cells { width: max-content; min-width: 100%; }\n.mf table.mf-cells th { padding: 4px 6px; vertical-align: bottom; min-width: 92px; max-width: 132px; white-space: normal; overflow-wrap: anywhere; }\n.mf table.mf-cells th:first-child, .mf table.mf-cells td:first-child { position: sticky; left: 0; z-index: 1; background: var(--fo-palette-background-level2); max-width: 150px; }\n.mf table.mf-cells th:first-child { z-index: 2; }\n.mf table.mf-cells td { padding: 2px 6px; border-left: 1px solid var(--fo-palette-background-level3, #8883); }\n.mf button.mf-strip { display: block; position: relative; border: none; padding: 0; width: 100%; min-width: 80px; height: 15px; border-radius: 2px; }\n.mf-strip i { position: absolute; top: 6px; height: 3px; border-radius: 2px; opacity: .6; min-width: 2px; }\n.mf-strip s { position: absolute; top: 0; bottom: 0; width: 0; border-left: 1px dashed var(--fo-palette-text-tertiary, #888); }\n.mf-strip b { position: absolute; top: 0; width: 14px; margin-left: -7px; font-size: 12px; line-height: 15px; text-align: center; font-weight: 400; }\n.mf-strip b.mf-few { opacity: .75; }\n.mf-strip b.mf-dot { width: 9px; height: 9px; margin: 3px 0 0 -4.5px; border: 2px solid; border-radius: 50%; background: currentColor; }\n.mf-strip b.mf-dot.mf-few { background: var(--fo-palette-background-level1); }\n.mf-axis { display: flex; justify-content: space-between; font-size: 10px; font-weight: 400; }\n.mf-tabs { display: flex; flex-wrap: wrap; gap: 4px; margin-bottom: 8px; }\n.mf-acts { display: flex; gap: 3px; justify-content: flex-end; }\n.mf-acts button { height: 22px; padding: 0 5px; font-size: 11px; }\n.mf-sphere { position: relative; width: 100%; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 6px; overflow: hidden; background: var(--fo-palette-background-mediaSpace, var(--fo-palette-background-level1)); }\n.mf-sphere canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; touch-action: none; }\n.mf-card { position: absolute; pointer-events: none; z-index: 3; width: 232px; padding: 8px; border-radius: 6px; background: var(--fo-palette-background-level2); border: 1px solid var(--fo-palette-divider, #8886); box-shadow: 0 3px 12px #0006; font-size: 12px; display: flex; gap: 8px; overflow-wrap: anywhere; }\n.mf-card img { width: 92px; height: 92px; object-fit: cover; border-radius: 4px; background: #8883; flex: none; }\n.mf-legend { display: flex; flex-wrap: wrap; gap: 2px 6px; align-items: center; margin-top: 6px; min-height: 24px; }\n.mf-legend button { display: inline-flex; align-items: center; gap: 5px; border: none; height: 24px; padding: 0 6px; font-size: 12px; }\n.mf-legend button[aria-pressed=false] { opacity: .4; text-decoration: line-through; }\n.mf-words { display: grid; grid-template-columns: max-content max-content 1fr; gap: 3px 12px; margin-top: 8px; }\n.mf-words b { font-variant-numeric: tabular-nums; font-weight: 600; }\n.mf-review { --mf-fake: color-mix(in srgb, #D55E00 78%, var(--fo-palette-text-primary)); --mf-real: color-mix(in srgb, #0072B2 68%, var(--fo-palette-text-primary)); display: flex; flex-direction: column; gap: 8px; }\n.mf input[type=text] { font: inherit; font-size: 13px; color: var(--fo-palette-text-primary); background: var(--fo-palette-background-level2); border: 1px solid var(--fo-palette-divider, #8886); border-radius: 4px; padding: 4px 6px; height: 28px; width: 100%; }\n.mf kbd { font: 600 11px/16px var(--fo-fontFamily-body); display: inline-block; min-width: 18px; padding: 0 4px; margin-right: 6px; text-align: center; border: 1px solid currentColor; border-radius: 3px; opacity: .75; }\n.mf-fake { color: var(--mf-fake); }\n.mf-real { color: var(--mf-real); }\n.mf-wrong { color: var(--mf-fake); font-weight: 600; }\n.mf-progress { display: flex; flex-direction: column; gap: 3px; margin-top: 8px; }\n.mf-progress progress { width: 100%; height: 6px; appearance: none; border: none; border-radius: 3px; overflow: hidden; background: var(--fo-palette-background-level3, #8883); }\n.mf-progress progress::-webkit-progress-bar { background: var(--fo-palette-background-level3, #8883); }\n.mf-progress progress::-webkit-progress-value { background: #56B4E9; }\n.mf-progress progress::-moz-progress-bar { background: #56B4E9; }\n.mf-progress .mf-row { justify-content: space-between; }\n.mf-verdict { display: flex; flex-wrap: wrap; gap: 2px 20px; font-size: 16px; font-variant-numeric: tabular-nums; }\n.mf-pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 190px), 1fr)); gap: 8px; }\n.mf-figure { margin: 0; display: flex; flex-direction: column; gap: 3px; min-width: 0; }\n.mf-picture { position: relative; width: 100%; aspect-ratio: 1; max-height: clamp(190px, 38vh, 440px); display: flex; align-items: center; justify-content: center; text-align: center; overflow: hidden; border-radius: 6px; border: 1px solid var(--fo-palette-divider, #8886); background: var(--fo-palette-background-mediaSpace, var(--fo-palette-background-level1)); }\n.mf-picture > img { width: 100%; height: 100%; object-fit: contain; }\n.mf-picture > img.mf-broken { width: auto; height: auto; max-width: 100%; padding: 12px; }\n.mf-picture > canvas { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }\n.mf-boxed { position: relative; max-width: 100%; max-height: 100%; display: flex; }\n.mf-boxed img { max-width: 100%; max-height: clamp(190px, 38vh, 440px); object-fit: contain; display: block; }\n.mf-boxed i { position: absolute; border: 2px solid #F0E442; border-radius: 3px; box-shadow: 0 0 0 1px #000a, inset 0 0 0 1px #000a; }\n.mf-bar-of-keys { position: sticky; bottom: 0; z-index: 2; display: flex; flex-direction: column; gap: 6px; padding: 8px 0; background: var(--fo-palette-background-level1, var(--fo-palette-background-body)); border-top: 1px solid var(--fo-palette-divider, #8886); border-bottom: 1px solid var(--fo-palette-divider, #8886); }\n.mf-bar-of-keys button { border-color: color-mix(in srgb, currentColor 28%, transparent); }\n.mf-keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 6px; }\n.mf-keys button { height: 36px; text-align: left; font-weight: 600; overflow: hidden; text-overflow: ellipsis; }\n.mf-keys.mf-minor { display: flex; flex-wrap: wrap; gap: 4px; }\n.mf-keys.mf-minor button { height: 26px; font-weight: 400; font-size: 12px; padding: 0 6px; }\n.mf-facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 240px), 1fr)); gap: 8px 20px; overflow-wrap: anywhere; }\n.mf-known { display: grid; grid-template-columns: max-content 1fr; gap: 1px 10px; margin-top: 6px; font-size: 12px; }\n.mf-person svg { width: 100%; max-width: 420px; height: auto; display: block; }\n.mf-person polyline { fill: none; stroke: var(--fo-palette-text-secondary); stroke-width: 1.5; }\n.mf-person .mf-limit { stroke: #D55E00; stroke-dasharray: 4 3; }\n.mf-person circle { fill: #56B4E9; stroke: #000a; }\n.mf-end { min-height: 190px; display: flex; flex-direction: column; gap: 12px; align-items: center; justify-content: center; text-align: center; font-size: 15px; }\n.mf-help { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 6px; }\n.mf-row + .mf-help { margin-top: 8px; }\n.mf-help p { grid-column: 1 / -1; margin: 0; }\n.mf-heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }\n.mf-review:focus-within .mf-unheard { visibility: hidden; }\n.mf-files { margin-top: 8px; }\n.mf-review section .mf-row { align-items: center; margin-top: 6px; }\n.mf-file input { max-width: 230px; color: inherit; font: inherit; }\n.mf-file input::file-selector-button { font: inherit; cursor: pointer; color: inherit; background: none; border: 1px solid var(--fo-palette-divider, #8886); border-radius: 4px; padding: 3px 9px; height: 28px; margin-right: 6px; }\n.mf-player { display: flex; flex-direction: column; gap: 8px; --mf-fake: color-mix(in srgb, #D55E00 78%, var(--fo-palette-text-primary)); }\n.mf-title { overflow-wrap: anywhere; }\n.mf-screens { grid-template-columns: repeat(auto-fit, minmax(max(140px, min(240px, 40%)), 1fr)); }\n.mf-screen { position: relative; width: 100%; max-height: clamp(180px, 46vh, 560px); display: flex; align-items: center; justify-content: center; text-align: center; padding: 0; overflow: hidden; border-radius: 6px; border: 1px solid var(--fo-palette-divider, #8886); background: var(--fo-palette-background-mediaSpace, #222); }\n.mf-screen video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }\n.mf-screen canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; background: var(--fo-palette-background-mediaSpace, #222); }\n.mf-screen > span { padding: 12px; overflow-wrap: anywhere; }\n.mf-figure figcaption { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }\n.mf-player-bar { display: flex; flex-direction: column; gap: 6px; }\n.mf-player-bar .mf-row { gap: 4px 6px; align-items: center; }\n.mf-player-bar label.mf-field { flex: 1 1 220px; flex-direction: row; align-items: center; max-width: 320px; white-space: nowrap; }\n.mf-frame-number { min-width: 92px; text-align: center; font-variant-numeric: tabular-nums; }\n.mf-scores { width: 100%; cursor: crosshair; touch-action: none; overflow: hidden; }\n.mf-scores svg { display: block; }\n.mf-scores polyline { fill: none; }\n.mf-scores .mf-limit { stroke: var(--fo-palette-text-secondary); stroke-dasharray: 5 4; }\n.mf-scores .mf-cursor { stroke: var(--fo-palette-text-primary); stroke-width: 1.5; }\n.mf-scores .mf-loop { fill: #56B4E9; opacity: .22; }\n.mf-scores .mf-gap { stroke: var(--fo-palette-text-secondary); fill: none; }\n.mf-scores .mf-axis-end { fill: var(--fo-palette-text-secondary); font-size: 11px; }\n.mf-player kbd { font: 600 11px/16px var(--fo-fontFamily-body); display: inline-block; min-width: 18px; padding: 0 4px; margin-right: 6px; text-align: center; border: 1px solid currentColor; border-radius: 3px; opacity: .75; }\n.mf-player .mf-help { grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); }\n";
	// src/app/style.ts
	/** Puts the components' style into the page, once. */
	var ID = "media-forensics-style";
	function putStyle() {
		if (document.getElementById(ID)) return;
		const style = document.createElement("style");
		style.id = ID;
		style.textContent = style_default;
		document.head.appendChild(style);
	}
	// src/app/controls.tsx
	function Select({ label, value, options, onChange, cy }) {
		const chosen = options?.find(([id]) => id === value)?.[1];
		return /* @__PURE__ */ h("label", { className: "mf-field" }, label, /* @__PURE__ */ h("select", {
			value: value ?? "",
			title: chosen,
			onChange: (e) => onChange(e.target.value),
			"data-cy": cy
		}, (options ?? []).map(([id, text]) => /* @__PURE__ */ h("option", {
			key: id,
			value: id
		}, text))));
	}
	/** A number that can be clicked, or a dim 0. */
	function Count(props) {
		if (!props.n) return /* @__PURE__ */ h("span", { className: "mf-dim" }, "0");
		return /* @__PURE__ */ h("button", {
			className: "mf-link",
			onClick: props.onClick,
			"data-cy": props.cy
		}, props.text);
	}
	function PlainHead({ names }) {
		return /* @__PURE__ */ h("thead", null, /* @__PURE__ */ h("tr", null, names.map(([text, title, numeric], i) => /* @__PURE__ */ h("th", {
			key: i,
			title,
			className: numeric ? "mf-num" : void 0,
			style: { padding: "6px" }
		}, text))));
	}
	/** What a tab says in words. */
	function Says({ words }) {
		return /* @__PURE__ */ h("div", {
			className: "mf-says",
			role: "status",
			"data-cy": "mf-tab-words"
		}, words);
	}
	/** ms; a call that never returns (server restarted) must not hold up the rest */
	var LOST$1 = 3e4;
	var Queue = class {
		waiting = /* @__PURE__ */ new Map();
		listeners = /* @__PURE__ */ new Set();
		current;
		users = 0;
		busy = false;
		answered = false;
		sent = 0;
		seen = 0;
		timer;
		add(uri, params, then, trigger) {
			const id = uri + "|" + String(params.name ?? "");
			this.waiting.delete(id);
			this.waiting.set(id, {
				uri,
				params,
				then,
				trigger
			});
			this.pump();
		}
		/** The panel's data answers event number `rev`. */
		saw(rev) {
			this.seen = Math.max(this.seen, rev);
			if (this.busy && this.answered && this.seen >= this.sent) this.free();
		}
		/** A change of `control` waits, or Python has not answered it yet. */
		holds(control) {
			return [...this.waiting.values(), ...this.busy && this.current ? [this.current] : []].some((event) => event.params.name === control);
		}
		/** Calls `tell` after each event that was answered or given up; returns what ends that. */
		listen(tell) {
			this.listeners.add(tell);
			return () => void this.listeners.delete(tell);
		}
		/** A component uses the queue; returns what to call when it is closed. */
		open() {
			this.users++;
			return () => {
				this.users--;
				setTimeout(() => {
					if (this.users) return;
					clearTimeout(this.timer);
					this.waiting.clear();
					this.busy = false;
				}, 0);
			};
		}
		pump() {
			const next = this.waiting.entries().next();
			if (this.busy || next.done) return;
			const [id, event] = next.value;
			this.waiting.delete(id);
			this.busy = true;
			this.current = event;
			this.answered = false;
			const sent = this.sent = Math.max(this.sent + 1, Date.now());
			this.timer = setTimeout(() => this.free(), LOST$1);
			event.trigger.current(event.uri, {
				...event.params,
				rev: sent
			}, void 0, (answer) => {
				event.then?.(answer?.result);
				if (sent !== this.sent) return;
				this.answered = true;
				clearTimeout(this.timer);
				this.timer = setTimeout(() => this.free(), 700);
				if (this.seen >= sent) this.free();
			});
		}
		free() {
			clearTimeout(this.timer);
			this.busy = false;
			this.pump();
			for (const tell of this.listeners) tell();
		}
	};
	// src/app/events.ts
	/** Sends a panel's events to Python. */
	var queues = /* @__PURE__ */ new Map();
	function queueOf(name) {
		const there = queues.get(name) ?? new Queue();
		queues.set(name, there);
		return there;
	}
	/** Sends for the panel called `name`, whose data last answered event number `rev`. */
	function useEvents(name, rev) {
		const now = useTrigger();
		const trigger = useRef(now);
		trigger.current = now;
		const queue = queueOf(name);
		useEffect(() => queue.saw(rev ?? 0), [rev]);
		useEffect(() => queue.open(), []);
		return useCallback((uri, params, then) => {
			if (uri) queue.add(uri, params, then, trigger);
		}, []);
	}
	/** The value of a control of the panel called `name`, and how to set it here.
	*
	* It is what Python says (`said`), but for the time in which Python has not yet answered the newest
	* change: an answer to an earlier event does not put it back. */
	function useControl(name, control, said) {
		const queue = queueOf(name);
		const [value, setValue] = useState(said);
		const newest = useRef(said);
		newest.current = said;
		const settle = () => {
			if (!queue.holds(control)) setValue(newest.current);
		};
		useEffect(settle, [said]);
		useEffect(() => queue.listen(settle), []);
		return [value, setValue];
	}
	// src/app/intro.tsx
	/** The card of the first run: what is seen and what to click, until it is closed for good. */
	function Intro({ sentences, onClose }) {
		return /* @__PURE__ */ h("div", {
			className: "mf-intro",
			role: "note",
			"data-cy": "mf-intro"
		}, /* @__PURE__ */ h("ol", null, sentences.map((sentence) => /* @__PURE__ */ h("li", { key: sentence }, sentence))), /* @__PURE__ */ h("button", {
			onClick: onClose,
			"data-cy": "mf-intro-close"
		}, "Got it"));
	}
	// src/app/keys_help.tsx
	/** The keys of a panel, behind a button with a question mark. */
	function KeyList({ keys }) {
		return /* @__PURE__ */ h("section", {
			"aria-label": "Keys",
			className: "mf-help",
			"data-cy": "mf-keys"
		}, keys.map(([key, words]) => /* @__PURE__ */ h("span", { key }, /* @__PURE__ */ h("kbd", null, key), " ", words)));
	}
	/** The button, the list that it opens, and what the key "?" calls. */
	function useHelp(keys) {
		const [open, setOpen] = useState(false);
		const toggle = () => setOpen(!open);
		const button = /* @__PURE__ */ h("button", {
			onClick: toggle,
			className: open ? "mf-on" : void 0,
			title: "Keys (?)",
			"aria-label": "Keys",
			"aria-expanded": open,
			"aria-keyshortcuts": "?",
			"data-cy": "mf-help"
		}, "?");
		/** Whether the key was the question mark, and nobody types it into a field. */
		const pressed = (e) => {
			const { tagName = "", type = "" } = e.target;
			const typed = tagName === "TEXTAREA" || tagName === "INPUT" && type !== "range";
			if (e.key !== "?" || typed || tagName === "SELECT") return false;
			toggle();
			e.preventDefault();
			e.stopPropagation();
			return true;
		};
		return {
			button,
			list: open ? /* @__PURE__ */ h(KeyList, { keys }) : null,
			pressed
		};
	}
	// src/app/playing.ts
	/** Which face or video the player is to open; any panel may ask for one. */
	var wanted = null;
	var listeners = /* @__PURE__ */ new Set();
	/** Asks the player to open `what`; one that is opened later takes it too. */
	function playIt(what) {
		wanted = what;
		for (const tell of [...listeners]) tell();
	}
	/** What was asked for last and is not taken yet; taken by this call. */
	function take() {
		const now = wanted;
		wanted = null;
		return now;
	}
	/** Renders again whenever something is asked for. */
	function useWanted() {
		const [n, count] = useState(0);
		useEffect(() => {
			const tell = () => count((old) => old + 1);
			listeners.add(tell);
			return () => void listeners.delete(tell);
		}, []);
		return n;
	}
	// src/app/words.ts
	/** Numbers as the components write them. */
	/** A share as a percentage: whole from 10 % on, one decimal below. */
	var percent = (x) => (x === 0 || x >= .0995 ? Math.round(100 * x) : (100 * x).toFixed(1)) + "\xA0%";
	/** The same, or "n/a". */
	var share = (x) => x == null ? "n/a" : percent(x);
	var number = (n) => n.toLocaleString("en-US");
	var plural = (n, word) => number(n) + " " + word + (n === 1 ? "" : "s");
	/** "95 %: low to high", or why there is no interval. */
	var bounds = (cell) => cell.low == null || cell.high == null ? cell.why || "no interval" : "95 %: " + percent(cell.low) + " to " + percent(cell.high);
	// src/app/colours.ts
	var REAL = "#0072B2";
	var FAKE = "#D55E00";
	var rgb = (hex) => {
		const part = (at) => parseInt(hex.slice(at, at + 2), 16);
		return [
			part(1),
			part(3),
			part(5)
		];
	};
	var hexOf = (colour) => "#" + colour.map((v) => v.toString(16).padStart(2, "0")).join("");
	/** From `a` (t = 0) to `b` (t = 1). */
	var mix = (a, b, t) => {
		const part = (i) => Math.round(a[i] + (b[i] - a[i]) * t);
		return [
			part(0),
			part(1),
			part(2)
		];
	};
	/** As a little-endian RGBA pixel. */
	var pack = ([r, g, b]) => 255 << 24 | b << 16 | g << 8 | r;
	/** `colour` over `below`, both packed, with the opacity `t` of 256. */
	function blend(below, colour, t) {
		const u = 256 - t;
		const redBlue = (below & 16711935) * u + (colour & 16711935) * t >>> 8 & 16711935;
		const green = (below & 65280) * u + (colour & 65280) * t >>> 8 & 65280;
		return 4278190080 | redBlue | green;
	}
	/** How dark an error rate that exceeds the rest is shaded, 0 to 0.5. */
	var shade = (rate, rest, excess) => excess != null && excess > 0 ? Math.min(.5, .12 + .9 * (rate - (rest ?? 0))) : 0;
	var shaded = (dark) => dark ? { background: `rgba(213,94,0,${dark.toFixed(3)})` } : void 0;
	// src/audit/rows.ts
	/** Units of a row without a score. */
	var lostOf = (row) => row.lost.reduce((sum, [, count]) => sum + count, 0);
	/** What a row is sorted by, smallest first. */
	var KEYS$4 = {
		fpr: (row) => row.fpr ? -row.fpr.rate : 2,
		fnr: (row) => row.fnr ? -row.fnr.rate : 2,
		auroc: (row) => row.auroc ? row.auroc.value : 2,
		lost: (row) => -lostOf(row)
	};
	/** "worst" is the order of Python. */
	function sortRows(rows, sort) {
		if (sort === "worst") return rows;
		const key = typeof sort === "number" ? (row) => row.name.slice(sort).join(" ") : KEYS$4[sort];
		return rows.map((row) => ({
			row,
			by: key(row)
		})).sort((a, b) => a.by < b.by ? -1 : a.by > b.by ? 1 : 0).map(({ row }) => row);
	}
	// src/audit/slider.tsx
	/** The threshold: a slider and a number that say the same. */
	/** A threshold out of what was typed; NaN where it is no number. */
	var thresholdOf = (text) => Math.min(1, Math.max(0, parseFloat(text)));
	function Slider({ threshold, onMove }) {
		const [value, setValue] = useControl("audit", "threshold", threshold.value);
		const move = (text) => {
			const next = thresholdOf(text);
			if (Number.isNaN(next)) return;
			setValue(next);
			onMove(next);
		};
		return /* @__PURE__ */ h("div", { className: "mf-slider" }, /* @__PURE__ */ h("span", null, "Threshold"), /* @__PURE__ */ h("input", {
			type: "range",
			min: 0,
			max: 1,
			step: .005,
			value,
			onChange: (e) => move(e.target.value),
			"aria-label": "Threshold on p_fake",
			"aria-valuetext": "p_fake " + value.toFixed(3),
			"data-cy": "mf-threshold"
		}), /* @__PURE__ */ h("input", {
			type: "number",
			min: 0,
			max: 1,
			step: .005,
			value: Math.round(value * 1e4) / 1e4,
			onChange: (e) => move(e.target.value),
			"aria-label": "Threshold",
			"data-cy": "mf-threshold-number"
		}));
	}
	// src/audit/header.tsx
	/** Controls and headline numbers of the error audit. */
	var KEYS$3 = [
		["Tab", "to the next control, number or mark"],
		["Enter", "the faces behind a number, a bar or a mark"],
		["← →", "move the threshold, on its slider"],
		["?", "these keys"]
	];
	function Tile(props) {
		return /* @__PURE__ */ h("div", {
			className: "mf-tile",
			"data-cy": props.cy
		}, /* @__PURE__ */ h("span", { className: "mf-dim mf-small" }, props.title), /* @__PURE__ */ h("b", null, props.value), /* @__PURE__ */ h("span", { className: "mf-dim mf-small" }, props.under));
	}
	function areaWords(area) {
		if (!area) return "needs both classes";
		if (area.low == null || area.high == null) return area.how;
		return /* @__PURE__ */ h(Fragment, null, "95 %: " + area.low.toFixed(3) + " to " + area.high.toFixed(3), /* @__PURE__ */ h("br", null), area.how);
	}
	function AuditHeader({ data, schema }) {
		const send = useEvents("audit", data?.rev);
		const help = useHelp(KEYS$3);
		const on = schema.view;
		if (!data?.choice) return null;
		const { choice, options, threshold, total, unit } = data;
		const set = (name) => (value) => send(on.on_set, {
			name,
			value
		});
		const show = (kind) => () => send(on.on_show, {
			row: -1,
			kind
		});
		const control = (name, label) => /* @__PURE__ */ h(Select, {
			label,
			value: choice[name],
			options: options[name],
			onChange: set(name),
			cy: "mf-" + name
		});
		const rate = (cell, kind, of) => {
			if (!cell) return "no scored " + of;
			return /* @__PURE__ */ h(Fragment, null, /* @__PURE__ */ h("button", {
				className: "mf-link",
				onClick: show(kind),
				"data-cy": "mf-total-" + kind
			}, number(cell.hits) + " of " + number(cell.trials)), " " + of, /* @__PURE__ */ h("br", null), bounds(cell));
		};
		const units = (count, what) => plural(count, what + " " + unit).replace(/^\S+ /, "");
		const lost = /* @__PURE__ */ h("button", {
			className: "mf-link",
			onClick: show("lost"),
			"data-cy": "mf-total-lost"
		}, number(lostOf(total)) + " not scored");
		return /* @__PURE__ */ h("div", {
			className: "mf",
			"data-cy": "mf-audit",
			onKeyDown: help.pressed
		}, data.intro && /* @__PURE__ */ h(Intro, {
			sentences: data.intro,
			onClose: () => send(on.on_close_intro, {})
		}), /* @__PURE__ */ h("div", { className: "mf-row" }, control("key", "Detector"), control("level", "Judged"), control("scope", "Faces of"), control("source", "Threshold from"), data.shows_faces && /* @__PURE__ */ h("button", {
			onClick: () => send(on.on_keep_view, {}),
			title: "Audit only the faces that the grid shows now",
			"data-cy": "mf-keep"
		}, "Audit view"), /* @__PURE__ */ h("button", {
			onClick: () => send(on.on_refresh, {}),
			title: "Read the samples again",
			"aria-label": "Read the samples again",
			"data-cy": "mf-refresh"
		}, "↻"), help.button), help.list, /* @__PURE__ */ h(Slider, {
			threshold,
			onMove: set("threshold")
		}), /* @__PURE__ */ h("div", {
			className: "mf-small mf-dim",
			"data-cy": "mf-provenance",
			style: { minHeight: 16 }
		}, "fake from p_fake ≥ " + threshold.value.toFixed(3) + ": ", /* @__PURE__ */ h("span", { style: threshold.honest ? void 0 : {
			color: FAKE,
			fontWeight: 600
		} }, (threshold.honest ? "" : "⚠ ") + threshold.provenance), "; " + data.rule), /* @__PURE__ */ h("div", { className: "mf-tiles" }, /* @__PURE__ */ h(Tile, {
			title: "False alarms (FPR)",
			value: total.fpr ? percent(total.fpr.rate) : "n/a",
			under: rate(total.fpr, "fp", units(total.scored_real, "real")),
			cy: "mf-fpr"
		}), /* @__PURE__ */ h(Tile, {
			title: "Missed fakes (FNR)",
			value: total.fnr ? percent(total.fnr.rate) : "n/a",
			under: rate(total.fnr, "fn", units(total.scored_fake, "fake")),
			cy: "mf-fnr"
		}), /* @__PURE__ */ h(Tile, {
			title: "AUROC, any threshold",
			value: total.auroc ? total.auroc.value.toFixed(3) : "n/a",
			under: areaWords(total.auroc),
			cy: "mf-auroc"
		}), /* @__PURE__ */ h(Tile, {
			title: "Coverage",
			value: percent(total.coverage),
			under: total.lost.length ? lost : "all scored",
			cy: "mf-coverage"
		})), /* @__PURE__ */ h("div", {
			className: "mf-says" + (data.outliers.startsWith("Worse") ? " mf-warn" : ""),
			"data-cy": "mf-outliers"
		}, data.outliers, /* @__PURE__ */ h("div", { className: "mf-dim mf-small" }, data.coverage)), /* @__PURE__ */ h("div", {
			className: "mf-shown",
			role: "status",
			"data-cy": "mf-shown"
		}, data.shown ? /* @__PURE__ */ h(Fragment, null, /* @__PURE__ */ h("span", null, data.shown), /* @__PURE__ */ h("button", {
			onClick: () => send(on.on_clear, {}),
			"data-cy": "mf-clear"
		}, "Show all"), /* @__PURE__ */ h("button", {
			onClick: () => send(on.on_play, {}, (found) => found && playIt(found)),
			title: "Play the first of them beside its real",
			"data-cy": "mf-play"
		}, "▶ Play")) : /* @__PURE__ */ h("span", { className: "mf-dim" }, "Click a number, a bar or a point of the curve: the grid shows exactly those faces.")));
	}
	// src/audit/cells.tsx
	/** Every cell of two fields as a dot with its interval, all on one scale. */
	var FEW$1 = 1;
	var STANDS_OUT = 2;
	var heat = (cell) => !cell || cell[7] === FEW$1 ? 0 : shade(cell[2], cell[5], cell[6]);
	function stripWords(cell, name, fake, unit) {
		const [hits, trials, rate, low, high, rest, , mark] = cell;
		const what = fake ? `fake ${unit}s called real` : `real ${unit}s called fake`;
		const range = bounds({
			low,
			high
		});
		const others = rest == null ? "" : "; all other cells " + percent(rest);
		const judged = mark === FEW$1 ? ". Too few independent units to be judged." : mark === STANDS_OUT ? ". Worse than the rest beyond chance." : "";
		const counts = `${number(hits)} of ${number(trials)}`;
		return `${name}: ${percent(rate)} of ${what} (${counts}; ${range}${others})${judged}`;
	}
	function RateStrip({ cell, total, fake, scale, name, unit, go }) {
		if (!cell) return null;
		const [hits, , rate, low, high, , , mark] = cell;
		const part = (x) => Math.min(1, x / scale);
		const at = (x) => "calc(7px + (100% - 14px) * " + part(x).toFixed(4) + ")";
		const from = low ?? rate;
		const wide = (Number(part(high ?? rate).toFixed(4)) - Number(part(from).toFixed(4))).toFixed(4);
		const colour = fake ? FAKE : REAL;
		const words = stripWords(cell, name, fake, unit);
		const few = mark === FEW$1;
		return /* @__PURE__ */ h("button", {
			className: "mf-strip",
			title: words,
			"aria-label": words,
			onClick: () => go(hits ? fake ? "fn" : "fp" : fake ? "fake" : "real"),
			"data-cy": "mf-strip-" + (fake ? "fn" : "fp")
		}, total && /* @__PURE__ */ h("s", { style: { left: at(total[2]) } }), /* @__PURE__ */ h("i", { style: {
			left: at(from),
			width: `calc((100% - 14px) * ${wide})`,
			background: colour
		} }), /* @__PURE__ */ h("b", {
			className: (few ? "mf-few" : "") + (fake ? "" : " mf-dot"),
			style: {
				left: at(rate),
				color: colour
			}
		}, fake && (few ? "△" : "▲")));
	}
	function Cells({ data, groups, unit, set, show }) {
		const fields = groups.filter(([id]) => id !== "dataset_method");
		const { scale } = data;
		const grid = new Map(data.cells.map((cell) => [cell[0] + " " + cell[1], cell]));
		const axis = /* @__PURE__ */ h("div", { className: "mf-axis" }, /* @__PURE__ */ h("span", null, "0"), /* @__PURE__ */ h("span", null, percent(scale / 2)), /* @__PURE__ */ h("span", null, percent(scale)));
		const one = (row, column, title) => {
			const cell = grid.get(row + " " + column);
			if (!cell) return /* @__PURE__ */ h("td", { key: column });
			const [, , number_, fpr, fnr, units, lost] = cell;
			const go = (kind) => show(number_, kind);
			const strip = {
				scale,
				name: title,
				unit,
				go
			};
			return /* @__PURE__ */ h("td", {
				key: column,
				"data-cy": "mf-cell",
				"data-name": title,
				style: shaded(Math.max(heat(fpr), heat(fnr)))
			}, /* @__PURE__ */ h(RateStrip, {
				cell: fpr,
				total: data.total[0],
				fake: false,
				...strip
			}), /* @__PURE__ */ h(RateStrip, {
				cell: fnr,
				total: data.total[1],
				fake: true,
				...strip
			}), !fpr && !fnr && /* @__PURE__ */ h("button", {
				className: "mf-link mf-dim mf-small",
				title: "None of them is counted in a rate",
				onClick: () => go(lost ? "lost" : "all")
			}, lost ? number(lost) + " not scored" : number(units) + " without truth"));
		};
		return /* @__PURE__ */ h("div", null, /* @__PURE__ */ h(Says, { words: data.words }), /* @__PURE__ */ h("div", {
			className: "mf-row",
			style: { marginTop: 8 }
		}, /* @__PURE__ */ h(Select, {
			label: "Down",
			value: data.fields[0],
			options: fields,
			onChange: (value) => set("down", value),
			cy: "mf-down"
		}), /* @__PURE__ */ h(Select, {
			label: "Across",
			value: data.fields[1],
			options: fields,
			onChange: (value) => set("across", value),
			cy: "mf-across"
		})), /* @__PURE__ */ h("div", {
			className: "mf-dim mf-small",
			style: { marginTop: 6 }
		}, `● reals called fake, ▲ fakes called real, each with its 95 % interval on one scale from 0 to ${percent(scale)}` + (scale < 1 ? " (higher values are drawn at the right edge)" : "") + `; dashed: all cells together; ○ △ on too few independent units to be judged; shaded: above the rest; empty: no scored ${unit}. Worst first. Click to see the errors.`), /* @__PURE__ */ h("div", { className: "mf-scroll" }, /* @__PURE__ */ h("table", { className: "mf-cells" }, /* @__PURE__ */ h("thead", null, /* @__PURE__ */ h("tr", null, /* @__PURE__ */ h("th", null, data.fields[0]), data.across.map((name, c) => /* @__PURE__ */ h("th", {
			key: c,
			scope: "col"
		}, name, axis)))), /* @__PURE__ */ h("tbody", null, data.down.map((name, r) => /* @__PURE__ */ h("tr", { key: r }, /* @__PURE__ */ h("td", { className: "mf-name" }, name), data.across.map((other, c) => one(r, c, name + " · " + other))))))));
	}
	// src/audit/compare.tsx
	/** A second detector at the same false alarms: what it fixes and what it breaks. */
	function Compare({ data, columns, unit, choose, send }) {
		const change = (row, what, label) => /* @__PURE__ */ h("td", {
			key: what + label,
			className: "mf-num"
		}, /* @__PURE__ */ h(Count, {
			n: row[what][label],
			onClick: () => send({
				what,
				row: row.index,
				label
			}),
			cy: `mf-${what}-${row.index}-${label}`,
			text: number(row[what][label])
		}));
		const one = (what, changed) => /* @__PURE__ */ h("tr", {
			key: changed.unit,
			"data-cy": "mf-" + what
		}, /* @__PURE__ */ h("td", { className: "mf-name" }, /* @__PURE__ */ h("button", {
			className: "mf-link",
			style: {
				whiteSpace: "normal",
				textAlign: "left"
			},
			onClick: () => send({
				what,
				unit: changed.unit
			})
		}, changed.video || unit + " " + changed.unit)), /* @__PURE__ */ h("td", null, changed.label === 1 ? "▲ fake" : "● real"), /* @__PURE__ */ h("td", { className: "mf-num" }, changed.p[0].toFixed(3) + " → " + changed.p[1].toFixed(3)));
		const list = (what, title) => {
			const units = data.list?.[what];
			if (!units?.length) return null;
			return /* @__PURE__ */ h("div", { style: {
				flex: "1 1 260px",
				minWidth: 0
			} }, /* @__PURE__ */ h("div", {
				className: "mf-dim mf-small",
				style: { marginTop: 8 }
			}, title), /* @__PURE__ */ h("div", {
				className: "mf-scroll",
				style: {
					maxHeight: 220,
					marginTop: 3
				}
			}, /* @__PURE__ */ h("table", null, /* @__PURE__ */ h("tbody", null, units.map((changed) => one(what, changed))))));
		};
		const heads = [
			...columns.map((name) => [name]),
			[
				"fixed reals",
				"False alarms of the first that the second does not raise",
				true
			],
			[
				"fixed fakes",
				"Fakes that only the second finds",
				true
			],
			[
				"broken reals",
				"New false alarms",
				true
			],
			[
				"broken fakes",
				"Fakes that only the first found",
				true
			],
			[
				unit + "s",
				"Scored by both",
				true
			]
		];
		return /* @__PURE__ */ h("div", null, data.others.length > 0 && /* @__PURE__ */ h("div", { className: "mf-row" }, /* @__PURE__ */ h(Select, {
			label: "Second detector",
			value: data.key,
			options: data.others,
			onChange: choose,
			cy: "mf-other"
		})), /* @__PURE__ */ h(Says, { words: data.words }), data.rows.length > 0 && /* @__PURE__ */ h("div", { className: "mf-scroll" }, /* @__PURE__ */ h("table", null, /* @__PURE__ */ h(PlainHead, { names: heads }), /* @__PURE__ */ h("tbody", null, data.rows.map((row) => /* @__PURE__ */ h("tr", {
			key: row.index,
			"data-cy": "mf-compare",
			"data-name": row.name.join(" · ")
		}, row.name.map((name, i) => /* @__PURE__ */ h("td", {
			key: i,
			className: "mf-name"
		}, name)), change(row, "fixed", 0), change(row, "fixed", 1), change(row, "broken", 0), change(row, "broken", 1), /* @__PURE__ */ h("td", { className: "mf-num mf-dim" }, number(row.units))))))), /* @__PURE__ */ h("div", {
			className: "mf-row",
			style: { alignItems: "flex-start" }
		}, list("broken", "Newly broken, largest change first"), list("fixed", "Fixed, largest change first")));
	}
	// src/audit/rate.tsx
	/** One error rate in a table: the number, its counts to click, its interval as a bar. */
	var at = (x) => (100 * x).toFixed(1) + "%";
	function rateTitle(cell, words) {
		return `${percent(cell.rate)} ${words}, ${bounds(cell)}` + (cell.rest == null ? "" : "; all other rows " + percent(cell.rest)) + (cell.small ? ". Too few independent units to be judged." : "") + (cell.stands_out ? ". Worse than the rest beyond chance." : "");
	}
	function RateCell({ cell, whole, colour, kind, of, go, cy, words }) {
		if (!cell) return /* @__PURE__ */ h("td", { className: "mf-dim" }, "–");
		const dark = cell.small ? 0 : shade(cell.rate, cell.rest, cell.excess);
		const link = (n, which) => /* @__PURE__ */ h("button", {
			className: "mf-link mf-dim mf-small",
			onClick: () => go(which),
			"data-cy": cy(which)
		}, number(n));
		const weight = {
			fontWeight: cell.stands_out ? 700 : 500,
			opacity: cell.small ? .65 : 1
		};
		return /* @__PURE__ */ h("td", {
			title: rateTitle(cell, words),
			style: shaded(dark)
		}, /* @__PURE__ */ h("div", null, cell.stands_out && /* @__PURE__ */ h("span", { "aria-label": "stands out" }, "▲ "), /* @__PURE__ */ h("b", { style: weight }, percent(cell.rate)), " ", link(cell.hits, kind), /* @__PURE__ */ h("span", { className: "mf-dim mf-small" }, " / "), link(cell.trials, of), cell.small && /* @__PURE__ */ h("span", { className: "mf-dim mf-small" }, " few")), /* @__PURE__ */ h("div", { className: "mf-bar" }, cell.low != null && cell.high != null && /* @__PURE__ */ h("i", { style: {
			left: at(cell.low),
			width: at(cell.high - cell.low),
			background: colour
		} }), whole && /* @__PURE__ */ h("s", { style: { left: at(whole.rate) } }), /* @__PURE__ */ h("u", { style: {
			left: at(cell.rate),
			background: colour
		} })));
	}
	// src/audit/row.tsx
	/** One row of the audit's table, or its total. */
	function AuditRow({ row, total, columns, show, unit }) {
		const isTotal = row.index < 0;
		const whole = isTotal ? null : total;
		const go = (kind) => show(row.index, kind);
		const cy = (kind) => "mf-cell-" + (isTotal ? "all" : row.index) + "-" + kind;
		const act = (kind, text, title, able) => /* @__PURE__ */ h("button", {
			onClick: () => go(kind),
			title,
			disabled: !able,
			"data-cy": cy("act-" + kind)
		}, text);
		const names = isTotal ? ["all", ...columns.slice(1).map(() => "")] : row.name;
		const lost = lostOf(row);
		const { auroc } = row;
		return /* @__PURE__ */ h("tr", {
			className: isTotal ? "mf-total" : void 0,
			"data-cy": "mf-row",
			"data-row": row.index,
			"data-name": row.name.join(" · ")
		}, names.map((name, i) => /* @__PURE__ */ h("td", {
			key: i,
			className: "mf-name"
		}, name, i === 0 && row.seen > 0 && /* @__PURE__ */ h("div", {
			className: "mf-dim mf-small",
			title: "Trained, validated or calibrated on: rates on them are optimistic",
			"data-cy": cy("seen")
		}, number(row.seen) + " seen by the detector"))), /* @__PURE__ */ h(RateCell, {
			cell: row.fpr,
			whole: whole?.fpr,
			colour: REAL,
			kind: "fp",
			of: "real",
			go,
			cy,
			words: `of real ${unit}s called fake`
		}), /* @__PURE__ */ h(RateCell, {
			cell: row.fnr,
			whole: whole?.fnr,
			colour: FAKE,
			kind: "fn",
			of: "fake",
			go,
			cy,
			words: `of fake ${unit}s called real`
		}), /* @__PURE__ */ h("td", {
			className: "mf-num",
			title: auroc ? auroc.how : "needs both classes"
		}, auroc ? auroc.value.toFixed(3) : "–", auroc?.low != null && auroc.high != null && /* @__PURE__ */ h("div", { className: "mf-dim mf-small" }, auroc.low.toFixed(2) + "–" + auroc.high.toFixed(2))), /* @__PURE__ */ h("td", {
			className: "mf-num",
			title: row.lost.map(([reason, n]) => reason + " " + n).join(", ") || "all scored"
		}, /* @__PURE__ */ h(Count, {
			n: lost,
			onClick: () => go("lost"),
			cy: cy("lost"),
			text: number(lost)
		})), /* @__PURE__ */ h("td", null, /* @__PURE__ */ h("div", { className: "mf-acts" }, act("fp", "FP", "Show the false positives", !!row.fpr?.hits), act("fn", "FN", "Show the false negatives", !!row.fnr?.hits), act("all", "All", "Show all", true))));
	}
	// src/audit/slices.tsx
	/** Values of one or two fields whose errors exceed the rest. */
	function Slices({ data, unit, send, setRegions }) {
		const line = (slice, i) => {
			const go = (kind) => send(slice.conditions, kind);
			const fp = slice.kind === "fp";
			return /* @__PURE__ */ h("tr", {
				key: i,
				"data-cy": "mf-slice",
				"data-name": slice.name.join(" & ")
			}, /* @__PURE__ */ h("td", { className: "mf-name" }, slice.name.map((name, k) => /* @__PURE__ */ h("div", { key: k }, k ? "and " + name : name)), /* @__PURE__ */ h("div", { className: "mf-dim mf-small" }, fp ? "● false alarms" : "▲ missed fakes")), /* @__PURE__ */ h(RateCell, {
				cell: {
					...slice,
					why: "",
					stands_out: true,
					small: false
				},
				whole: { rate: slice.rest },
				colour: fp ? REAL : FAKE,
				kind: slice.kind,
				of: fp ? "real" : "fake",
				go,
				cy: (kind) => `mf-slice-${i}-${kind}`,
				words: fp ? `of real ${unit}s called fake` : `of fake ${unit}s called real`
			}), /* @__PURE__ */ h("td", { className: "mf-num" }, slice.lift == null ? "–" : slice.lift.toFixed(1)), /* @__PURE__ */ h("td", { className: "mf-num" }, share(slice.rest)), /* @__PURE__ */ h("td", null, /* @__PURE__ */ h("div", { className: "mf-acts" }, /* @__PURE__ */ h("button", {
				onClick: () => go(slice.kind),
				"data-cy": "mf-slice-show-" + i
			}, "Show errors"))));
		};
		const lift = `Rate divided by the rate of all other ${unit}s of the class`;
		return /* @__PURE__ */ h(Fragment, null, data.can_regions && /* @__PURE__ */ h("label", {
			className: "mf-small mf-dim",
			style: {
				display: "flex",
				gap: 6,
				alignItems: "center"
			}
		}, /* @__PURE__ */ h("input", {
			type: "checkbox",
			checked: data.regions,
			onChange: (e) => setRegions(e.target.checked),
			"data-cy": "mf-regions"
		}), "Also by regions of the sphere: faces whose embeddings lie together (reads all embeddings)"), /* @__PURE__ */ h("div", null, /* @__PURE__ */ h(Says, { words: data.words }), data.rows.length > 0 && /* @__PURE__ */ h("div", { className: "mf-scroll" }, /* @__PURE__ */ h("table", null, /* @__PURE__ */ h(PlainHead, { names: [
			["where"],
			["errors", "95 % interval below"],
			[
				"× rest",
				lift,
				true
			],
			[
				"the rest",
				"",
				true
			],
			[""]
		] }), /* @__PURE__ */ h("tbody", null, data.rows.map(line))))));
	}
	// src/audit/transfer.tsx
	/** The chosen threshold on each dataset, beside the dataset's own. */
	function Transfer({ data, total, unit, send }) {
		const chosen = "At the chosen threshold: " + data.provenance;
		const own = `The one with most fakes found among those with at most ${percent(data.target)} false alarms, chosen on this dataset's own labels (oracle)`;
		const line = (row) => {
			const go = (kind) => send(row.index, kind);
			const cy = (kind) => `mf-transfer-${row.index}-${kind}`;
			const { oracle } = row;
			return /* @__PURE__ */ h("tr", {
				key: row.index,
				"data-cy": "mf-transfer",
				"data-name": row.name
			}, /* @__PURE__ */ h("td", { className: "mf-name" }, row.name), /* @__PURE__ */ h(RateCell, {
				cell: row.fpr,
				whole: total.fpr,
				colour: REAL,
				kind: "fp",
				of: "real",
				go,
				cy,
				words: `of real ${unit}s called fake`
			}), /* @__PURE__ */ h(RateCell, {
				cell: row.fnr,
				whole: total.fnr,
				colour: FAKE,
				kind: "fn",
				of: "fake",
				go,
				cy,
				words: `of fake ${unit}s called real`
			}), /* @__PURE__ */ h("td", { className: "mf-num" }, share(row.half[0]) + ", " + share(row.half[1])), /* @__PURE__ */ h("td", {
				className: "mf-num",
				title: row.why
			}, oracle ? oracle.threshold.toFixed(3) : "n/a"), /* @__PURE__ */ h("td", {
				className: "mf-num",
				title: row.why
			}, oracle ? percent(oracle.fpr) + ", " + percent(oracle.fnr) : "n/a"), /* @__PURE__ */ h("td", { className: "mf-num" }, row.reals ? row.reals.map((q) => q.toFixed(2)).join(", ") : "n/a"));
		};
		return /* @__PURE__ */ h("div", null, /* @__PURE__ */ h(Says, { words: data.words }), /* @__PURE__ */ h("div", { className: "mf-scroll" }, /* @__PURE__ */ h("table", null, /* @__PURE__ */ h(PlainHead, { names: [
			["dataset"],
			["false alarms", chosen],
			["missed fakes", chosen],
			[
				"both at 0.5",
				"False alarms and missed fakes at the threshold 0.5",
				true
			],
			[
				"own threshold",
				own,
				true
			],
			[
				"both at it",
				"False alarms and missed fakes at its own threshold",
				true
			],
			[
				"reals: median, 95 %",
				"p_fake of the reals",
				true
			]
		] }), /* @__PURE__ */ h("tbody", null, data.rows.map(line)))));
	}
	// src/audit/table.tsx
	/** The error audit's tabs, and its table of rows. */
	/** The open tab; the table where the tab is the table or not read yet. */
	function Tab({ data, on, send }) {
		const { unit } = data;
		const set = (name) => (value) => send(on.on_set, {
			name,
			value
		});
		const slice = (conditions, kind) => send(on.on_slice, {
			conditions,
			kind
		});
		if (data.tab === "cells" && data.cells) return /* @__PURE__ */ h(Cells, {
			data: data.cells,
			groups: data.groups,
			unit,
			set: (name, value) => set(name)(value),
			show: (cell, kind) => send(on.on_cell, {
				cell,
				kind
			})
		});
		if (data.tab === "slices" && data.slices) return /* @__PURE__ */ h(Slices, {
			data: data.slices,
			unit,
			send: slice,
			setRegions: set("regions")
		});
		if (data.tab === "transfer" && data.transfer) return /* @__PURE__ */ h(Transfer, {
			data: data.transfer,
			total: data.total,
			unit,
			send: (row, kind) => slice([["source_dataset", row]], kind)
		});
		if (data.tab === "pairs" && data.pairs) return /* @__PURE__ */ h(Says, { words: data.pairs.words });
		if (data.tab === "compare" && data.compare) return /* @__PURE__ */ h(Compare, {
			data: data.compare,
			columns: data.columns,
			unit,
			choose: set("other"),
			send: (wanted) => send(on.on_changed, wanted)
		});
		return /* @__PURE__ */ h(Rows, {
			data,
			on,
			send
		});
	}
	function Rows({ data, on, send }) {
		const [sort, setSort] = useState("worst");
		const { rows, columns, unit } = data;
		const sorted = useMemo(() => sortRows(rows, sort), [rows, sort]);
		const show = (row, kind) => send(on.on_show, {
			row,
			kind
		});
		const head = (id, text, title, numeric = false) => /* @__PURE__ */ h("th", {
			key: id,
			className: numeric ? "mf-num" : void 0,
			"aria-sort": sort === id ? "ascending" : "none"
		}, /* @__PURE__ */ h("button", {
			onClick: () => setSort(sort === id ? "worst" : id),
			title
		}, text + (sort === id ? " ▾" : "")));
		return /* @__PURE__ */ h(Fragment, null, /* @__PURE__ */ h("div", {
			className: "mf-row",
			style: { justifyContent: "space-between" }
		}, /* @__PURE__ */ h(Select, {
			label: "One row per",
			value: data.group,
			options: data.groups,
			onChange: (value) => send(on.on_set, {
				name: "group",
				value
			}),
			cy: "mf-group"
		}), /* @__PURE__ */ h("span", {
			className: "mf-dim mf-small",
			style: { flex: "1 1 260px" }
		}, plural(rows.length, "row") + (sort === "worst" ? ", worst first" : "") + ". Bars: 95 % interval, 0 to 100 %; dashed: all rows together; ▲ worse than the rest beyond chance")), /* @__PURE__ */ h("div", { className: "mf-scroll" }, /* @__PURE__ */ h("table", null, /* @__PURE__ */ h("thead", null, /* @__PURE__ */ h("tr", null, columns.map((name, i) => head(i, name, "Sort by name")), head("fpr", "false alarms", `Share of the scored real ${unit}s that are called fake (FPR)`), head("fnr", "missed fakes", `Share of the scored fake ${unit}s that are called real (FNR)`), head("auroc", "AUROC", "Fakes of the row against the reals of the row or of its dataset", true), head("lost", "not scored", "Without a score; not counted in any rate", true), /* @__PURE__ */ h("th", { "aria-label": "Show in the grid" }))), /* @__PURE__ */ h("tbody", null, sorted.map((row) => /* @__PURE__ */ h(AuditRow, {
			key: row.index,
			row,
			total: data.total,
			columns,
			show,
			unit
		})), rows.length > 1 && /* @__PURE__ */ h(AuditRow, {
			row: data.total,
			total: null,
			columns,
			show,
			unit
		})))));
	}
	function AuditTable({ data, schema }) {
		const send = useEvents("audit");
		const on = schema.view;
		if (!data?.rows) return null;
		return /* @__PURE__ */ h("div", {
			className: "mf",
			"data-cy": "mf-table"
		}, /* @__PURE__ */ h("div", {
			className: "mf-tabs",
			role: "tablist"
		}, (data.tabs ?? []).map(([id, text]) => /* @__PURE__ */ h("button", {
			key: id,
			role: "tab",
			"aria-selected": data.tab === id,
			className: data.tab === id ? "mf-on" : "",
			onClick: () => send(on.on_set, {
				name: "tab",
				value: id
			}),
			"data-cy": "mf-tab-" + id
		}, text))), /* @__PURE__ */ h(Tab, {
			data,
			on,
			send
		}));
	}
	// src/review/files.ts
	/** Files of decisions: what the browser saves, and what an import did. */
	function download({ name, text }) {
		const address = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
		Object.assign(document.createElement("a"), {
			href: address,
			download: name
		}).click();
		setTimeout(() => URL.revokeObjectURL(address), 6e4);
	}
	function importWords({ added, there, left_out }) {
		const left = Object.entries(left_out).map(([why, n]) => number(n) + " left out: " + why);
		const known = there ? [number(there) + " were there"] : [];
		return [
			plural(added, "decision") + " added",
			...known,
			...left
		].join("; ") + ".";
	}
	var NO_UTF8 = "This file is not UTF-8. Save it as 'CSV UTF-8' and import it again.";
	/** The text of a file, or null if it is no UTF-8: its names and notes would come in broken. */
	function textOf(bytes) {
		try {
			return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
		} catch {
			return null;
		}
	}
	// src/review/agreement.tsx
	/** How far the reviewers agree, and the way to where they differ. */
	var interval = (row) => row.low === null || row.high === null ? row.why : "95 %: " + row.low.toFixed(2) + " to " + row.high.toFixed(2);
	function AgreementTable(props) {
		const { rows, conflicts, settled } = props.found;
		return /* @__PURE__ */ h("section", {
			"aria-label": "Agreement",
			"data-cy": "mf-review-agreement-table"
		}, rows.length ? /* @__PURE__ */ h("div", { className: "mf-scroll" }, /* @__PURE__ */ h("table", null, /* @__PURE__ */ h(PlainHead, { names: [
			["Reviewers"],
			[
				"Faces",
				"decided by both, or by two of all",
				true
			],
			[
				"Equal",
				"share of equal decisions",
				true
			],
			[
				"Kappa",
				"1: full agreement, 0: that of chance",
				true
			],
			["Interval"]
		] }), /* @__PURE__ */ h("tbody", null, rows.map((row) => /* @__PURE__ */ h("tr", {
			key: row.who,
			"data-cy": "mf-review-pairing"
		}, /* @__PURE__ */ h("td", { className: "mf-name" }, row.who), /* @__PURE__ */ h("td", { className: "mf-num" }, number(row.faces)), /* @__PURE__ */ h("td", { className: "mf-num" }, share(row.equal)), /* @__PURE__ */ h("td", { className: "mf-num" }, row.kappa === null ? "n/a" : row.kappa.toFixed(2)), /* @__PURE__ */ h("td", { className: "mf-name" }, interval(row))))))) : /* @__PURE__ */ h("p", { className: "mf-says" }, "One reviewer so far. Let a second person enter their name above and decide the same faces: the first one's decisions stay hidden until then."), /* @__PURE__ */ h("div", { className: "mf-row" }, /* @__PURE__ */ h("span", null, plural(conflicts, "open difference"), /* @__PURE__ */ h("span", { className: "mf-dim" }, ", " + number(settled) + " resolved")), conflicts > 0 && /* @__PURE__ */ h("button", {
			onClick: props.onConflicts,
			"data-cy": "mf-review-conflicts"
		}, "Resolve them")), /* @__PURE__ */ h("div", { className: "mf-row mf-files" }, /* @__PURE__ */ h("span", { className: "mf-dim" }, "Decisions as a file:"), /* @__PURE__ */ h("button", {
			onClick: () => props.onExport("csv"),
			"data-cy": "mf-review-csv"
		}, "Export CSV"), /* @__PURE__ */ h("button", {
			onClick: () => props.onExport("json"),
			"data-cy": "mf-review-json"
		}, "Export JSON"), /* @__PURE__ */ h("label", { className: "mf-file" }, "Import", " ", /* @__PURE__ */ h("input", {
			type: "file",
			accept: ".csv,.json",
			"data-cy": "mf-review-import",
			onChange: (e) => {
				(e.currentTarget.files?.[0])?.arrayBuffer().then((bytes) => props.onImport(textOf(bytes)));
				e.currentTarget.value = "";
			}
		})), /* @__PURE__ */ h("span", {
			role: "status",
			"data-cy": "mf-review-told"
		}, props.told)));
	}
	// src/review/keys.ts
	/** The keys of the review. */
	var DECISIONS = [
		"confirm_label",
		"wrong_label",
		"wrong_face",
		"unusable"
	];
	/** Command, its key as it is shown, and what it does; decisions go on to the next face. */
	var KEYS$2 = [
		[
			"confirm_label",
			"1",
			"Confirm label"
		],
		[
			"wrong_label",
			"2",
			"Wrong label"
		],
		[
			"wrong_face",
			"3",
			"Wrong face"
		],
		[
			"unusable",
			"4",
			"Unusable"
		],
		[
			"keep",
			"K",
			"Keep for training"
		],
		[
			"drop",
			"D",
			"Do not train"
		],
		[
			"note",
			"N",
			"Note"
		],
		[
			"clear",
			"C",
			"Clear"
		],
		[
			"next",
			"→",
			"Skip"
		],
		[
			"back",
			"←",
			"Back"
		],
		[
			"undo",
			"U",
			"Undo"
		],
		[
			"redo",
			"R",
			"Redo"
		],
		[
			"heat",
			"H",
			"Heatmap"
		],
		[
			"play",
			"P",
			"Play its video"
		],
		[
			"agreement",
			"A",
			"Agreement, files"
		],
		[
			"help",
			"?",
			"Keys"
		]
	];
	/** What a decision is called. */
	var wordsOf = (action) => KEYS$2.find(([command]) => command === action)?.[2] ?? action.replace(/_/g, " ");
	var OTHERS$1 = {
		ArrowRight: "next",
		s: "next",
		ArrowLeft: "back",
		b: "back"
	};
	/** The command of a key, or null if it means nothing here. */
	function commandOf$1(press) {
		if (typed(press.target) || press.altKey) return null;
		const key = plainKey(press);
		if (press.ctrlKey || press.metaKey) {
			if (key === "z") return press.shiftKey ? "redo" : "undo";
			return key === "y" ? "redo" : null;
		}
		return meaning$2(key) ?? (press.shiftKey ? null : meaning$2(placed(press, 4)));
	}
	function meaning$2(key) {
		return OTHERS$1[key] ?? KEYS$2.find(([, shown]) => shown.toLowerCase() === key)?.[0] ?? null;
	}
	// src/review/bar.tsx
	/** The buttons of the review, each with its key, and the note. */
	/** A button that is off keeps the focus, so that the keys go on. */
	function Button$1({ command, onDo, on, off }) {
		const [, key, words] = KEYS$2.find(([name]) => name === command);
		return /* @__PURE__ */ h("button", {
			className: on ? "mf-on" : void 0,
			"aria-pressed": on,
			"aria-keyshortcuts": key,
			"aria-disabled": off,
			onClick: () => !off && onDo(command),
			"data-cy": "mf-review-" + command
		}, /* @__PURE__ */ h("kbd", { "aria-hidden": "true" }, key), words);
	}
	function Bar$1(props) {
		const { card, mine, onDo } = props;
		const keep = props.beside?.keep;
		const note = props.beside?.note ?? "";
		const writing = card && props.writing?.face === card.id ? props.writing : null;
		return /* @__PURE__ */ h("div", {
			className: "mf-bar-of-keys",
			role: "group",
			"aria-label": "Decisions"
		}, /* @__PURE__ */ h("div", { className: "mf-keys" }, DECISIONS.map((action) => /* @__PURE__ */ h(Button$1, {
			key: action,
			command: action,
			onDo,
			on: mine === action,
			off: !card
		}))), /* @__PURE__ */ h("div", { className: "mf-keys mf-minor" }, /* @__PURE__ */ h(Button$1, {
			command: "keep",
			onDo,
			on: keep === true,
			off: !card
		}), /* @__PURE__ */ h(Button$1, {
			command: "drop",
			onDo,
			on: keep === false,
			off: !card
		}), /* @__PURE__ */ h(Button$1, {
			command: "note",
			onDo,
			off: !card
		}), /* @__PURE__ */ h(Button$1, {
			command: "clear",
			onDo,
			off: !card
		}), /* @__PURE__ */ h(Button$1, {
			command: "back",
			onDo,
			off: props.atStart
		}), /* @__PURE__ */ h(Button$1, {
			command: "next",
			onDo
		}), /* @__PURE__ */ h(Button$1, {
			command: "undo",
			onDo
		}), /* @__PURE__ */ h(Button$1, {
			command: "redo",
			onDo
		}), /* @__PURE__ */ h(Button$1, {
			command: "heat",
			onDo,
			off: !card?.heat
		}), /* @__PURE__ */ h(Button$1, {
			command: "play",
			onDo,
			off: !card
		})), card && writing && /* @__PURE__ */ h(Note, {
			key: card.id,
			text: note,
			asked: writing.time,
			onWords: (text) => props.onNote(card.id, text),
			onEnd: props.onWritten
		}), !writing && note && /* @__PURE__ */ h("div", {
			className: "mf-dim",
			"data-cy": "mf-review-noted"
		}, "Note: " + note), !!props.others.length && /* @__PURE__ */ h("div", {
			className: "mf-says",
			"data-cy": "mf-review-others"
		}, props.others.map(([who, what]) => (who || "no name") + ": " + wordsOf(what)).join(" · ")));
	}
	/** Enter stores the note, and so does whatever else ends it; Escape leaves it as it was. */
	function Note({ text, asked, onWords, onEnd }) {
		const field = useRef(null);
		const typed = useRef(text);
		const stored = useRef(text);
		const send = useRef(onWords);
		send.current = onWords;
		const store = () => {
			if (typed.current === stored.current) return;
			stored.current = typed.current;
			send.current(typed.current.trim());
		};
		useEffect(() => field.current?.focus(), [asked]);
		useEffect(() => store, []);
		return /* @__PURE__ */ h("input", {
			ref: field,
			type: "text",
			className: "mf-note",
			defaultValue: text,
			maxLength: 2e3,
			"aria-label": "Note on this face. Enter stores it, Escape leaves it as it was",
			placeholder: "Note: Enter stores it, Escape leaves it as it was",
			"data-cy": "mf-review-note-field",
			onChange: (e) => typed.current = e.currentTarget.value,
			onBlur: store,
			onKeyDown: (e) => {
				e.stopPropagation();
				if (e.nativeEvent.isComposing) return;
				if (e.key === "Escape") typed.current = stored.current;
				if (e.key !== "Enter" && e.key !== "Escape") return;
				store();
				onEnd();
			}
		});
	}
	// src/review/outbox.ts
	/** ms without an answer after which decisions leave again */
	var LOST = 2e4;
	/** ms before the next try; doubles up to the longest */
	var PAUSE = 1e3;
	var LONGEST$1 = 16e3;
	/** Each decision has a name of its own, so that two tabs never remove each other's. */
	var NAME$1 = "media-forensics-review:";
	var same = (a, b) => a.dataset === b.dataset && a.reviewer === b.reviewer && a.key === b.key;
	var Outbox = class {
		waiting;
		busy = false;
		tries = 0;
		round = 0;
		timer;
		/** decisions on datasets that this database does not hold: another one may be behind the address */
		kept = [];
		deliver;
		stored;
		changed;
		store;
		/** `deliver` sends, `stored` gets the answer, `changed` is called when the number changes. */
		constructor(deliver, stored, changed, store) {
			this.deliver = deliver;
			this.stored = stored;
			this.changed = changed;
			this.store = store;
			this.waiting = read(store);
		}
		/** Sends what a page that was closed has left. */
		start() {
			this.pump();
		}
		get length() {
			return this.waiting.length;
		}
		/** How many decisions wait for a dataset that is not here. */
		get parked() {
			return this.kept.length;
		}
		/** Whether the last try failed. */
		get failing() {
			return this.tries > 0;
		}
		add(desk, entry) {
			const order = Math.max(Date.now(), 1 + (this.waiting[this.waiting.length - 1]?.order ?? 0));
			const kept = {
				...entry,
				desk,
				order
			};
			this.waiting.push(kept);
			try {
				this.store?.setItem(NAME$1 + entry.mark, JSON.stringify(kept));
			} catch {}
			this.pump();
		}
		/** The component is closed: what waits stays in the browser. */
		close() {
			clearTimeout(this.timer);
			this.round++;
			this.busy = true;
		}
		pump() {
			const first = this.waiting[0];
			if (this.busy || !first) return;
			this.busy = true;
			const round = ++this.round;
			const other = this.waiting.findIndex((entry) => !same(entry.desk, first.desk));
			const part = this.waiting.slice(0, other < 0 ? 20 : Math.min(other, 20));
			const now = Date.now();
			const entries = part.map(({ desk: _, order, ...entry }) => ({
				...entry,
				ago: Math.max(0, now - order)
			}));
			this.timer = setTimeout(() => this.failed(round), LOST);
			this.deliver(first.desk, entries, (answer) => {
				if (round !== this.round) return;
				if (answer?.absent) this.park(first.desk.dataset);
				else if (!answer?.done.length) return this.failed(round);
				clearTimeout(this.timer);
				const marks = new Set(answer.done.map((done) => done.mark));
				this.waiting = this.waiting.filter((entry) => !marks.has(entry.mark));
				marks.forEach((mark) => this.store?.removeItem(NAME$1 + mark));
				this.tries = 0;
				this.busy = false;
				this.stored(answer);
				this.changed();
				this.pump();
			});
		}
		park(dataset) {
			const here = (entry) => entry.desk.dataset !== dataset;
			this.kept.push(...this.waiting.filter((entry) => !here(entry)));
			this.waiting = this.waiting.filter(here);
		}
		failed(round) {
			if (round !== this.round) return;
			clearTimeout(this.timer);
			this.round++;
			const pause = Math.min(LONGEST$1, PAUSE * 2 ** this.tries++);
			this.timer = setTimeout(() => {
				this.busy = false;
				this.pump();
			}, pause);
			this.changed();
		}
	};
	function read(store) {
		const found = [];
		for (let i = 0; i < (store?.length ?? 0); i++) {
			const name = store.key(i);
			if (!name?.startsWith(NAME$1)) continue;
			try {
				const kept = JSON.parse(store.getItem(name) ?? "");
				if (kept.mark && kept.desk) found.push(kept);
			} catch {}
		}
		return found.sort((a, b) => a.order - b.order);
	}
	/** ms; a longer pause is no decision that takes long */
	var PAUSED = 6e4;
	var isDecision = (action) => DECISIONS.includes(action);
	var Pile = class {
		opened;
		ids;
		cards = /* @__PURE__ */ new Map();
		said;
		reviewer;
		at = 0;
		opinions;
		missing = /* @__PURE__ */ new Set();
		asked = /* @__PURE__ */ new Set();
		resolved = /* @__PURE__ */ new Map();
		times = [];
		last = 0;
		constructor(opened) {
			this.opened = opened;
			this.ids = [...opened.ids];
			this.said = { ...opened.said };
			this.reviewer = opened.reviewer;
			this.opinions = opened.decided;
			this.ids.slice(0, 9).forEach((id) => this.asked.add(id));
			this.put(opened.cards);
			this.gone(this.ids.slice(0, 9));
		}
		/** A list of differences: a decision ends one. */
		get resolving() {
			return this.opened.asked.show === "conflicts";
		}
		/** The face that is shown; undefined at the end. */
		get id() {
			return this.ids[this.at];
		}
		get card() {
			return this.id === void 0 ? void 0 : this.cards.get(this.id);
		}
		/** Whether the face that is shown was deleted. */
		get lost() {
			return this.id !== void 0 && this.missing.has(this.id);
		}
		/** What the reviewer said of a face. */
		mine(id) {
			return this.resolving ? this.resolved.get(id) : this.said[id]?.[this.reviewer];
		}
		/** What others said; not shown before the reviewer has decided. */
		others(id) {
			if (!this.resolving && !this.mine(id)) return [];
			return Object.entries(this.said[id] ?? {}).filter(([who]) => this.resolving || who !== this.reviewer);
		}
		/** What is shown beside the label: of others nothing before one has decided. */
		beside(card) {
			return this.resolving || this.mine(card.id) ? card.stands : card.own;
		}
		/** What the reviewer says beside the label. */
		say(card, given) {
			card.stands = {
				...card.stands,
				...given
			};
			card.own = {
				...card.own,
				...given
			};
		}
		/** How many faces there are to decide: of the queue, or of the list of differences. */
		get faces() {
			return this.resolving ? this.opened.listed : this.opened.faces;
		}
		/** How many of them are decided. A resolution is nobody's opinion. */
		get decided() {
			return this.resolving ? this.resolved.size : this.opinions;
		}
		/** Faces of this list on which nothing was decided. */
		get open() {
			return this.ids.filter((id) => !this.mine(id) && !this.missing.has(id)).length;
		}
		/** An action on the face that is shown; a decision goes on to the next one. */
		act(action, now) {
			const id = this.id;
			if (id === void 0) return;
			const before = this.mine(id);
			const card = this.cards.get(id);
			if (isDecision(action)) {
				this.set(id, action);
				if (card && action !== "confirm_label") this.say(card, { keep: null });
				if (!before) this.opinions++;
				this.clock(now);
				this.move(1);
			} else if (action === "clear") {
				this.set(id, void 0);
				if (card) this.say(card, {
					keep: null,
					note: null
				});
				if (before) this.opinions--;
			} else if (card) this.say(card, { keep: action === "keep" });
		}
		move(by) {
			this.at = Math.max(0, Math.min(this.ids.length, this.at + by));
		}
		/** Python has answered: new cards, what an undo or a redo changed, and what was refused. */
		take(answer) {
			this.put(answer.cards ?? []);
			for (const done of answer.done) {
				const { turned, was, face, why } = done;
				for (const [i, id] of (why && face ? [...turned, face] : turned).entries()) {
					const before = id in this.said || this.ids.includes(id) ? this.mine(id) : was[i];
					this.said[id] = answer.said[id] ?? {};
					if (this.resolving) this.resolved.delete(id);
					this.opinions += Number(!!this.mine(id)) - Number(!!before);
				}
				const first = done.turned[0];
				if (first === void 0) continue;
				const there = this.ids.indexOf(first);
				if (there >= 0) this.at = there;
				else this.ids.splice(this.at, 0, first);
			}
		}
		put(cards) {
			for (const card of cards) {
				this.cards.set(card.id, card);
				this.missing.delete(card.id);
			}
		}
		/** Those of `ids` that came without a card are not there any more. */
		gone(ids) {
			for (const id of ids) if (!this.cards.has(id)) this.missing.add(id);
		}
		/** Cards to ask for: of the next faces, each once. */
		wanted() {
			const found = this.near(8).filter((id) => !this.cards.has(id) && !this.asked.has(id));
			found.forEach((id) => this.asked.add(id));
			return found;
		}
		/** Cards that were asked for did not come: ask again. */
		forget(ids) {
			ids.forEach((id) => this.asked.delete(id));
		}
		/** The face that is shown and the next ones. */
		near(count) {
			return this.ids.slice(this.at, this.at + count + 1);
		}
		/** Where the next list begins. */
		get next() {
			const { asked, start, listed } = this.opened;
			const shrinks = asked.show !== "every" && asked.show !== "mine";
			const at = start + (shrinks ? this.open : this.ids.length);
			return at < listed - (shrinks ? this.ids.length - this.open : 0) ? at : 0;
		}
		/** Seconds until all faces are decided, null before anything is known. */
		secondsLeft() {
			if (this.times.length < 3) return null;
			const sorted = [...this.times].sort((a, b) => a - b);
			const left = Math.max(0, this.faces - this.decided);
			return sorted[sorted.length >> 1] * left / 1e3;
		}
		set(id, action) {
			if (this.resolving) {
				if (action) this.resolved.set(id, action);
				else this.resolved.delete(id);
				return;
			}
			const { [this.reviewer]: _, ...others } = this.said[id] ?? {};
			this.said[id] = action ? {
				...others,
				[this.reviewer]: action
			} : others;
		}
		clock(now) {
			const took = now - this.last;
			if (this.last && took < PAUSED) this.times = [...this.times, took].slice(-20);
			this.last = now;
		}
	};
	/** "about 12 min left" */
	function timeLeft(seconds) {
		if (seconds === null) return "";
		if (seconds < 90) return "about " + Math.max(1, Math.round(seconds)) + " s left";
		const minutes = Math.round(seconds / 60);
		if (minutes < 90) return "about " + minutes + " min left";
		return "about " + (minutes / 60).toFixed(1) + " h left";
	}
	// src/review/desk.ts
	/** Everything that the review's screen shows and sends, behind one hook. */
	var NAME = "media-forensics-reviewer";
	/** frames that are there before they are needed */
	var FRAMES_AHEAD = 3;
	/** faces of one undo of which Python sends what is said; after more the list is asked for again */
	var MOST_TURNED = 50;
	var KEPT$1 = 40;
	var FAILED$1 = {
		message: "The App does not answer.",
		hint: "Try again."
	};
	var NONE = {
		turned: [],
		was: []
	};
	var UNDOING = "A key came before the undo was through, and decided nothing. Press it again.";
	var NO_FACE = "This face is not in the dataset any more.";
	/** The browser's memory, or none where it is forbidden. */
	function memory() {
		try {
			return window.localStorage;
		} catch {
			return;
		}
	}
	var newMark = () => Date.now().toString(36) + "-" + Math.random().toString(36).slice(2, 12);
	/** Images of the next faces, so that they are there at once. */
	var pictures = /* @__PURE__ */ new Map();
	function prefetch(path) {
		if (pictures.has(path)) return;
		const image = new Image();
		image.src = sampleSource(path);
		pictures.set(path, image);
		const oldest = pictures.keys().next().value;
		if (pictures.size > 60 && oldest !== void 0) pictures.delete(oldest);
	}
	/** Leaves the newest ones. */
	function forgetOld(found) {
		for (const name of found.keys()) {
			if (found.size <= KEPT$1) return;
			found.delete(name);
		}
	}
	var State$1 = class {
		pile = null;
		/** whose the list is that was shown last */
		desk = null;
		/** marks of undos and redos on their way, and what was pressed since */
		turns = /* @__PURE__ */ new Set();
		held = [];
		/** a list to ask for once everything is stored */
		later = null;
		frames = /* @__PURE__ */ new Map();
		heats = /* @__PURE__ */ new Map();
		agreement = null;
		refused = null;
		said = "";
		/** why decisions could not be stored yet, in Python's words */
		busy = "";
		told = "";
		want = {};
		asking = 0;
		reading = false;
	};
	function useDesk(on, about) {
		const [, draw] = useState(0);
		const redraw = () => draw((n) => n + 1);
		const trigger = useTrigger();
		const now = useRef({
			trigger,
			on
		});
		now.current = {
			trigger,
			on
		};
		const held = useRef();
		const state = held.current ??= new State$1();
		const outbox = useRef();
		/** Asks Python; after `patience` ms without an answer `none` is called, and a late one counts. */
		function ask(name, params, then, none = (why) => void (state.refused = why ?? FAILED$1), patience = 0) {
			const { trigger, on } = now.current;
			const lost = () => {
				none(void 0);
				redraw();
			};
			const timer = patience ? setTimeout(lost, patience) : void 0;
			trigger(on[name], { ...params }, void 0, (back) => {
				clearTimeout(timer);
				const answer = back?.result;
				if (answer && !("refused" in answer)) {
					state.refused = null;
					then(answer);
				} else {
					const refused = answer?.refused;
					if (refused) state.refused = refused;
					none(refused);
				}
				redraw();
				return false;
			});
		}
		/** Does `what` when every undo on its way has shown its face: it may move the list. */
		function soon(what) {
			state.held.push(what);
			while (!state.turns.size && state.held.length) state.held.shift()();
			redraw();
		}
		useEffect(() => {
			const deliver = (to, entries, then) => {
				const pile = state.pile;
				const want = pile && pile.opened.dataset === to.dataset ? pile.wanted() : [];
				ask("on_decide", {
					...to,
					entries,
					want
				}, (answer) => {
					pile?.put(answer.cards ?? []);
					if (answer.cards) pile?.gone(want);
					else pile?.forget(want);
					state.busy = answer.busy;
					then(answer);
				}, (refused) => {
					pile?.forget(want);
					const why = refused?.message ?? "";
					const done = entries.map(({ mark, face = "" }) => ({
						mark,
						face,
						...NONE,
						why
					}));
					state.busy = "";
					then(refused && {
						done,
						said: {},
						cards: [],
						busy: "",
						absent: false
					});
				}, LOST);
			};
			const stored = (answer) => {
				state.pile?.take(answer);
				const why = answer.done.map((done) => done.why).find(Boolean);
				state.said = why ?? (state.said === UNDOING ? UNDOING : "");
				answer.done.forEach((done) => state.turns.delete(done.mark));
				soon(() => void 0);
				if (answer.done.some((done) => done.turned.length >= MOST_TURNED)) open({});
				look();
			};
			const changed = () => {
				const { length, failing } = outbox.current;
				if (state.later && (!length || failing)) {
					const later = state.later;
					state.later = null;
					later();
				}
				redraw();
			};
			outbox.current = new Outbox(deliver, stored, changed, memory());
			outbox.current.start();
			return () => outbox.current?.close();
		}, []);
		useEffect(() => {
			if (about?.dataset) open({});
		}, [about?.dataset, about?.when]);
		/** Asks for a list; what is not changed stays as it was asked for last. */
		function open(change, start = 0) {
			const asking = ++state.asking;
			state.want = {
				reviewer: memory()?.getItem(NAME) ?? "",
				...state.want,
				...change
			};
			const dataset = about?.dataset;
			const send = () => ask("on_open", {
				dataset,
				...state.want,
				start
			}, (opened) => {
				if (asking !== state.asking) return;
				const { dataset, reviewer, key } = opened;
				state.desk = {
					dataset,
					reviewer,
					key
				};
				state.pile = new Pile(opened);
				state.said = "";
				look();
			});
			const { length = 0, failing = false } = outbox.current ?? {};
			state.later = length && !failing ? send : null;
			if (!state.later) send();
		}
		/** Asks for what the shown face and the next ones need. */
		function look() {
			const pile = state.pile;
			if (!pile) return;
			lookForCards(pile);
			const near = pile.near(FRAMES_AHEAD);
			for (const id of pile.near(4)) {
				const card = pile.cards.get(id);
				if (card) prefetch(card.path);
				if (card?.pair) prefetch(card.pair.path);
			}
			if (near.slice(0, 2).some((id) => pile.cards.has(id) && !state.frames.has(id)) && !state.reading) {
				const want = near.filter((id) => !state.frames.has(id));
				state.reading = true;
				ask("on_frames", {
					dataset: pile.opened.dataset,
					want
				}, ({ frames }) => {
					state.reading = false;
					for (const id of want) state.frames.set(id, {
						id,
						uri: "",
						why: NO_FACE
					});
					for (const frame of frames) state.frames.set(frame.id, frame);
					forgetOld(state.frames);
					look();
				}, () => void (state.reading = false), LOST);
			}
		}
		/** Cards come with the answers to decisions; where none is on its way they are asked for. */
		function lookForCards(pile) {
			const { length = 0, failing = false } = outbox.current ?? {};
			const want = pile.near(2).some((id) => !pile.cards.has(id)) && (!length || failing) ? pile.wanted() : [];
			if (!want.length) return;
			ask("on_cards", {
				dataset: pile.opened.dataset,
				key: pile.opened.key,
				reviewer: pile.reviewer,
				want
			}, ({ cards }) => {
				pile.put(cards);
				pile.gone(want);
				look();
			}, () => pile.forget(want), LOST);
		}
		return {
			state,
			waiting: outbox.current?.length ?? 0,
			parked: outbox.current?.parked ?? 0,
			failing: outbox.current?.failing ?? false,
			open,
			rename(name) {
				if (!name || name === (state.want.reviewer || state.pile?.reviewer)) return;
				memory()?.setItem(NAME, name);
				state.pile = null;
				open({ reviewer: name });
				redraw();
			},
			act(action) {
				const pile = state.pile;
				const face = pile?.id;
				if (face === void 0 || !pile?.card) return;
				if (state.turns.size) state.said = UNDOING;
				else {
					pile.act(action, Date.now());
					const resolves = pile.resolving || void 0;
					outbox.current.add(state.desk, {
						mark: newMark(),
						what: action,
						face,
						resolves
					});
					state.said = "";
					look();
				}
				redraw();
			},
			note: (face, text) => soon(() => {
				const card = state.pile?.cards.get(face);
				if (card) state.pile?.say(card, { note: text || null });
				outbox.current.add(state.desk, {
					mark: newMark(),
					what: "note",
					face,
					note: text
				});
			}),
			turn: (what) => soon(() => {
				const mark = newMark();
				state.turns.add(mark);
				outbox.current.add(state.desk, {
					mark,
					what
				});
			}),
			move: (by) => soon(() => {
				state.pile?.move(by);
				state.said = "";
				look();
			}),
			heat() {
				const card = state.pile?.card;
				if (!card?.heat || state.heats.has(card.id)) return;
				const { dataset } = state.pile.opened;
				ask("on_heat", {
					dataset,
					face: card.id,
					name: card.heat
				}, (heat) => {
					state.heats.set(heat.id, heat);
					forgetOld(state.heats);
				});
			},
			agree() {
				const { dataset } = state.pile.opened;
				ask("on_agreement", { dataset }, (found) => state.agreement = found);
			},
			export(kind) {
				const { dataset } = state.pile.opened;
				ask("on_export", {
					dataset,
					kind
				}, (file) => {
					download(file);
					state.told = plural(file.rows, "decision") + " in " + file.name + ".";
				});
			},
			import(text) {
				const { dataset } = state.pile.opened;
				if (text === null) {
					state.told = NO_UTF8;
					return redraw();
				}
				ask("on_import", {
					dataset,
					text
				}, (found) => {
					state.told = importWords(found);
					open({});
				});
			},
			/** Opens the face's video in the player, at its frame. */
			play() {
				const sample = state.pile?.id;
				if (!sample) return;
				playIt({ sample });
				now.current.trigger(now.current.on.on_play, { sample }, void 0, () => false);
			},
			queues: () => now.current.trigger(now.current.on.on_queues, {})
		};
	}
	// src/review/head.tsx
	/** What is gone through, by whom, and how far it is. */
	function Head(props) {
		const { opened } = props;
		const { asked } = opened;
		const byMouse = useRef(false);
		const onAsk = (change) => {
			props.onAsk(change);
			if (byMouse.current) props.onDone();
		};
		return /* @__PURE__ */ h("div", {
			onPointerDown: () => byMouse.current = true,
			onKeyDown: (e) => {
				byMouse.current = false;
				if ((e.key === "Enter" || e.key === "Escape") && e.target instanceof HTMLSelectElement) props.onDone();
			}
		}, /* @__PURE__ */ h("div", { className: "mf-row" }, /* @__PURE__ */ h(Select, {
			label: "Queue",
			value: asked.queue,
			options: opened.queues,
			onChange: (queue) => onAsk({ queue }),
			cy: "mf-review-queue"
		}), /* @__PURE__ */ h(Select, {
			label: "Show",
			value: asked.show,
			options: opened.shows,
			onChange: (show) => onAsk({ show }),
			cy: "mf-review-show"
		}), /* @__PURE__ */ h(Select, {
			label: "Order",
			value: asked.order,
			options: opened.orders,
			onChange: (order) => onAsk({ order }),
			cy: "mf-review-order"
		}), /* @__PURE__ */ h(Select, {
			label: "Label",
			value: asked.truth,
			options: opened.truths,
			onChange: (truth) => onAsk({ truth }),
			cy: "mf-review-truth"
		}), /* @__PURE__ */ h("label", { className: "mf-field" }, "Your name", /* @__PURE__ */ h("input", {
			type: "text",
			key: opened.reviewer,
			defaultValue: opened.reviewer,
			maxLength: 80,
			onBlur: (e) => props.onName(e.currentTarget.value.trim()),
			onKeyDown: (e) => {
				if (e.key !== "Enter" || e.nativeEvent.isComposing) return;
				props.onName(e.currentTarget.value.trim());
				props.onDone();
			},
			"data-cy": "mf-review-name"
		}))), !props.named && /* @__PURE__ */ h("div", {
			className: "mf-says",
			"data-cy": "mf-review-nameless"
		}, opened.reviewer ? "Decisions are stored as those of '" + opened.reviewer + "'. " : "Decisions are stored without a name. ", "Enter your name if several people review."), opened.aside && /* @__PURE__ */ h("div", {
			className: "mf-says mf-warn",
			"data-cy": "mf-review-aside"
		}, opened.aside), opened.notice && /* @__PURE__ */ h("div", {
			className: "mf-says mf-row",
			"data-cy": "mf-review-notice"
		}, /* @__PURE__ */ h("span", null, opened.notice), /* @__PURE__ */ h("button", {
			onClick: props.onQueues,
			"data-cy": "mf-review-find"
		}, "Find hard examples …")), /* @__PURE__ */ h(Progress, props));
	}
	function Progress(props) {
		const { opened, pile } = props;
		const of = pile.faces;
		const done = Math.min(of, pile.decided);
		const place = opened.start + Math.min(pile.at + 1, pile.ids.length);
		const words = [
			number(done) + " of " + number(of) + (pile.resolving ? " resolved" : " decided"),
			opened.listed ? "face " + number(place) + " of " + number(opened.listed) + " listed" : "",
			timeLeft(pile.secondsLeft())
		];
		return /* @__PURE__ */ h("div", { className: "mf-progress" }, /* @__PURE__ */ h("progress", {
			max: Math.max(1, of),
			value: done,
			"aria-label": pile.resolving ? "Resolved" : "Decided by you"
		}), /* @__PURE__ */ h("div", { className: "mf-row mf-small" }, /* @__PURE__ */ h("span", { "data-cy": "mf-review-progress" }, words.filter(Boolean).join(" · ")), /* @__PURE__ */ h("span", {
			role: "status",
			"data-cy": "mf-review-waiting",
			className: "mf-dim"
		}, props.failing ? "⚠ " + number(props.waiting) + " not stored yet: " + (props.busy || "the App does not answer, or is busy.") + " Kept in this browser and sent again." : props.waiting ? "storing " + number(props.waiting) : "all stored"), !!props.parked && /* @__PURE__ */ h("span", {
			"data-cy": "mf-review-parked",
			className: "mf-dim"
		}, number(props.parked) + " wait in this browser for a dataset that is not in this database.")));
	}
	// src/app/heat.ts
	/** The colours of a heatmap over a crop: transparent where nothing is, to yellow. */
	var STOPS = [
		[
			13,
			8,
			135
		],
		[
			126,
			3,
			168
		],
		[
			204,
			71,
			120
		],
		[
			248,
			149,
			64
		],
		[
			240,
			249,
			33
		]
	];
	/** Red, green, blue and opacity of a value of 0 to 255. */
	function colourOf(value) {
		const at = value / 255 * (STOPS.length - 1);
		const low = Math.min(STOPS.length - 2, Math.floor(at));
		const part = (i) => Math.round(STOPS[low][i] + (STOPS[low + 1][i] - STOPS[low][i]) * (at - low));
		return [
			part(0),
			part(1),
			part(2),
			Math.round(40 + .72 * value)
		];
	}
	/** Pixels (RGBA) of a map that came as base64 of bytes. */
	function pixelsOf(values) {
		const bytes = atob(values);
		const out = new Uint8ClampedArray(4 * bytes.length);
		for (let i = 0; i < bytes.length; i++) out.set(colourOf(bytes.charCodeAt(i)), 4 * i);
		return out;
	}
	// src/review/verdict.tsx
	/** What is known of a face in words: truth, score and call, why it is queued, its person. */
	var score = (value) => value === null ? "no score" : "p_fake " + value.toFixed(3);
	/** A class by symbol, word and colour. */
	function Truth({ label }) {
		if (label === null) return /* @__PURE__ */ h("b", null, "? not known");
		const fake = label === "fake";
		const known = fake || label === "real";
		return /* @__PURE__ */ h("b", { className: known ? fake ? "mf-fake" : "mf-real" : void 0 }, (fake ? "▲ " : known ? "● " : "") + label);
	}
	/** What the detector calls a score, and whether that is wrong. */
	function callOf(card, threshold) {
		if (card.score === null) return {
			called: "",
			wrong: false
		};
		const called = card.score >= threshold ? "fake" : "real";
		return {
			called,
			wrong: card.label !== null && card.label !== called
		};
	}
	function Verdict({ card, threshold }) {
		const { called, wrong } = callOf(card, threshold);
		const sign = called === "fake" ? "≥" : "<";
		return /* @__PURE__ */ h("div", {
			className: "mf-verdict",
			"data-cy": "mf-review-verdict"
		}, /* @__PURE__ */ h("span", null, /* @__PURE__ */ h("span", { className: "mf-dim" }, "Label "), /* @__PURE__ */ h(Truth, { label: card.label })), /* @__PURE__ */ h("span", null, /* @__PURE__ */ h("span", { className: "mf-dim" }, "Detector "), called ? /* @__PURE__ */ h(Truth, { label: called }) : "gave no score"), called && /* @__PURE__ */ h("span", null, score(card.score), /* @__PURE__ */ h("span", { className: "mf-dim" }, " " + sign + " " + threshold.toFixed(3))), called && card.label !== null && /* @__PURE__ */ h("span", { className: wrong ? "mf-wrong" : "mf-dim" }, wrong ? "⚠ they differ" : "they agree"));
	}
	var WIDE = 300;
	/** The scores of a person by frame, with the face that is shown. */
	function Person({ card, threshold }) {
		const points = card.person;
		if (points.length < 2) return null;
		const first = points[0][0];
		const span = Math.max(1, points[points.length - 1][0] - first);
		const x = (frame) => 6 + (frame - first) / span * 288;
		const y = (value) => 4 + (1 - value) * 56;
		const line = points.map(([frame, value]) => x(frame).toFixed(1) + "," + y(value).toFixed(1));
		const words = points.filter(([, value]) => value >= threshold).length + " of " + points.length + " faces of this person score as fake";
		return /* @__PURE__ */ h("div", { className: "mf-person" }, /* @__PURE__ */ h("div", { className: "mf-dim mf-small" }, words), /* @__PURE__ */ h("svg", {
			viewBox: "0 0 300 64",
			role: "img",
			"aria-label": words
		}, /* @__PURE__ */ h("line", {
			x1: "0",
			x2: WIDE,
			y1: y(threshold),
			y2: y(threshold),
			className: "mf-limit"
		}), /* @__PURE__ */ h("polyline", { points: line.join(" ") }), card.frame !== null && card.score !== null && /* @__PURE__ */ h("circle", {
			cx: x(card.frame),
			cy: y(card.score),
			r: "4.5"
		})));
	}
	function Facts(props) {
		const { card } = props;
		const facts = [...card.facts];
		if (card.video) facts.push(["video", card.video]);
		return /* @__PURE__ */ h("div", { className: "mf-facts" }, /* @__PURE__ */ h("div", null, /* @__PURE__ */ h(Person, {
			card,
			threshold: props.threshold
		}), /* @__PURE__ */ h("div", {
			className: "mf-dim mf-small",
			"data-cy": "mf-review-threshold"
		}, "Threshold " + props.threshold.toFixed(3) + ": " + props.provenance)), /* @__PURE__ */ h("div", { "data-cy": "mf-review-why" }, card.why.length ? card.why.map(([queue, rank, words]) => /* @__PURE__ */ h("div", { key: queue }, /* @__PURE__ */ h("b", null, queue), /* @__PURE__ */ h("span", { className: "mf-dim" }, ", rank " + rank + ": " + words))) : /* @__PURE__ */ h("span", { className: "mf-dim" }, "It is in no queue."), /* @__PURE__ */ h("div", { className: "mf-known" }, facts.map(([name, value]) => /* @__PURE__ */ h(Fragment, { key: name }, /* @__PURE__ */ h("span", { className: "mf-dim" }, name), /* @__PURE__ */ h("span", null, value))))));
	}
	// src/review/pictures.tsx
	/** The pictures of a face: its crop with a heatmap on it, its frame with the box, its pair. */
	var UNREADABLE = "This picture cannot be read: its file was moved, or is not a picture.";
	function Overlay({ heat }) {
		const canvas = useRef(null);
		useEffect(() => {
			const data = new ImageData(pixelsOf(heat.values), heat.columns, heat.rows);
			canvas.current?.getContext("2d")?.putImageData(data, 0, 0);
		}, [heat]);
		return /* @__PURE__ */ h("canvas", {
			ref: canvas,
			width: heat.columns,
			height: heat.rows,
			role: "img",
			"aria-label": "Heatmap of what moved the score",
			"data-cy": "mf-review-heatmap"
		});
	}
	/** Says so where a file is gone, instead of a broken picture. */
	function Picture({ path, alt, cy }) {
		return /* @__PURE__ */ h("img", {
			key: path,
			src: sampleSource(path),
			alt,
			"data-cy": cy,
			onError: (e) => {
				e.currentTarget.alt = UNREADABLE;
				e.currentTarget.className = "mf-broken";
			}
		});
	}
	function Figure(props) {
		return /* @__PURE__ */ h("figure", {
			className: "mf-figure",
			"aria-label": props.title
		}, /* @__PURE__ */ h("div", { className: "mf-picture" }, props.children), /* @__PURE__ */ h("figcaption", null, /* @__PURE__ */ h("b", null, props.title), /* @__PURE__ */ h("span", { className: "mf-dim" }, " ", props.under)));
	}
	var frameWords = (frame) => frame === null ? "frame not known" : "frame " + frame.toLocaleString("en-US");
	function Boxed({ frame, card }) {
		if (!frame) return /* @__PURE__ */ h("span", { className: "mf-dim" }, "Reading the frame …");
		if (!frame.uri) return /* @__PURE__ */ h("span", { className: "mf-dim" }, frame.why);
		const [x, y, w, t] = card.box;
		const share = (v) => 100 * (v ?? 0) + "%";
		return /* @__PURE__ */ h("div", { className: "mf-boxed" }, /* @__PURE__ */ h("img", {
			src: frame.uri,
			alt: "Whole frame " + card.frame + " of " + card.video,
			"data-cy": "mf-review-frame"
		}), t !== void 0 && /* @__PURE__ */ h("i", { style: {
			left: share(x),
			top: share(y),
			width: share(w),
			height: share(t)
		} }));
	}
	function Pictures(props) {
		const { card, heat } = props;
		const pair = card.pair;
		return /* @__PURE__ */ h("div", { className: "mf-pictures" }, /* @__PURE__ */ h(Figure, {
			title: "Crop",
			under: heat ? "with what moved the score" : "what the detector saw"
		}, /* @__PURE__ */ h(Picture, {
			path: card.path,
			alt: "Crop of the face",
			cy: "mf-review-crop"
		}), heat && /* @__PURE__ */ h(Overlay, { heat })), pair && /* @__PURE__ */ h(Figure, {
			title: card.label === "fake" ? "Its real" : "Its fake",
			under: /* @__PURE__ */ h("span", null, /* @__PURE__ */ h(Truth, { label: pair.label }), " ", score(pair.score), " · ", frameWords(pair.frame), pair.same ? "" : ", the nearest")
		}, /* @__PURE__ */ h(Picture, {
			path: pair.path,
			alt: "Face of its pair, " + pair.video,
			cy: "mf-review-pair"
		})), /* @__PURE__ */ h(Figure, {
			title: "Frame",
			under: frameWords(card.frame)
		}, /* @__PURE__ */ h(Boxed, {
			frame: props.frame,
			card
		})));
	}
	// src/review/review.tsx
	/** The review: one face at a time, decided by keyboard. */
	/** What stands where no face is shown. */
	function endWords({ asked, listed, decided, faces }, pile) {
		if (!listed) {
			const none = {
				open: decided ? "You have decided all " + plural(faces, "face") + " here. Choose another queue above." : "No face is here. Choose another queue or label above.",
				new: "Every face here was decided by somebody. Choose another queue above.",
				mine: "You have decided nothing here yet. Show 'not decided by me' instead.",
				conflicts: "No reviewers differ here. Press A to see how far they agree.",
				every: "No face is here. Choose another queue or label above."
			};
			return none[asked.show] ?? none.every;
		}
		const open = pile.open;
		return "You are through this list" + (open ? "; " + plural(open, "face") + " skipped." : ".") + " Press Enter to go on.";
	}
	/** What a screen reader says of a face. */
	function heard(card, pile) {
		const { called } = callOf(card, pile.opened.threshold);
		const mine = pile.mine(card.id);
		return [
			"Face " + number(pile.opened.start + pile.at + 1) + " of " + number(pile.opened.listed),
			"label " + (card.label ?? "not known"),
			called ? "detector " + called + ", " + score(card.score) : "no score",
			mine ? "decided: " + mine.replace(/_/g, " ") : ""
		].filter(Boolean).join(", ");
	}
	function Help$1() {
		return /* @__PURE__ */ h("section", {
			"aria-label": "Keys",
			className: "mf-help",
			"data-cy": "mf-review-keys"
		}, KEYS$2.map(([command, key, words]) => /* @__PURE__ */ h("span", { key: command }, /* @__PURE__ */ h("kbd", null, key), " ", words)), /* @__PURE__ */ h("p", { className: "mf-dim" }, "1 to 4 decide and go on to the next face; the other keys stay. Undo takes back your own newest action, also after a restart. Others' decisions are hidden until you have decided."));
	}
	function Review({ data, schema }) {
		const desk = useDesk(schema.view, data);
		const root = useRef(null);
		const [writing, write] = useState(null);
		const [heat, setHeat] = useState(false);
		const [help, setHelp] = useState(false);
		const [agreeing, setAgreeing] = useState(false);
		const { pile, refused, said, agreement } = desk.state;
		const card = pile?.card;
		useEffect(() => {
			if (!typed(document.activeElement)) root.current?.focus({ preventScroll: true });
		}, [!!pile]);
		useEffect(() => {
			if (heat) desk.heat();
		}, [heat, card?.id]);
		const run = (command) => {
			if (!pile) return;
			if (command === "undo" || command === "redo") desk.turn(command);
			else if (command === "next") desk.move(1);
			else if (command === "back") desk.move(-1);
			else if (command === "note") return write(card ? {
				face: card.id,
				time: Date.now()
			} : null);
			else if (command === "heat") setHeat(!heat && !!card?.heat);
			else if (command === "play") desk.play();
			else if (command === "help") setHelp(!help);
			else if (command === "agreement") {
				if (!agreeing) desk.agree();
				setAgreeing(!agreeing);
			} else desk.act(command);
			write(null);
		};
		const press = (e) => {
			const command = commandOf$1(e);
			if (command && (!e.repeat || command === "next" || command === "back")) run(command);
			else if (command) return e.preventDefault();
			else if (e.key === "Enter" && e.target === root.current && pile && !pile.id) desk.open({}, pile.next);
			else return;
			e.preventDefault();
			e.stopPropagation();
		};
		const back = () => root.current?.focus();
		if (refused && !pile) return /* @__PURE__ */ h("div", {
			className: "mf mf-says mf-warn",
			role: "alert",
			"data-cy": "mf-review-refused"
		}, refused.message + " " + refused.hint, " ", /* @__PURE__ */ h("button", { onClick: () => desk.open({}) }, "Look again"));
		if (!pile) return /* @__PURE__ */ h("div", { className: "mf mf-dim" }, "Reading the queue …");
		const { opened } = pile;
		return /* @__PURE__ */ h("div", {
			ref: root,
			className: "mf mf-review",
			tabIndex: 0,
			role: "group",
			"aria-label": "Review. Keys 1 to 4 decide, question mark lists all keys",
			onKeyDown: press,
			onClick: (e) => {
				if (e.detail && e.target instanceof Element && e.target.closest("button")) back();
			},
			"data-cy": "mf-review"
		}, /* @__PURE__ */ h(Head, {
			opened,
			pile,
			waiting: desk.waiting,
			parked: desk.parked,
			failing: desk.failing,
			busy: desk.state.busy,
			named: !!desk.state.want.reviewer,
			onAsk: (change) => desk.open(change),
			onName: desk.rename,
			onDone: back,
			onQueues: desk.queues
		}), /* @__PURE__ */ h("div", {
			className: "mf-heard",
			role: "status",
			"data-cy": "mf-review-heard"
		}, card ? heard(card, pile) : ""), (refused || said) && /* @__PURE__ */ h("div", {
			className: "mf-says mf-warn",
			role: "alert",
			"data-cy": "mf-review-said"
		}, refused ? refused.message + " " + refused.hint : said), card ? /* @__PURE__ */ h(Fragment, null, /* @__PURE__ */ h(Verdict, {
			card,
			threshold: opened.threshold
		}), /* @__PURE__ */ h(Pictures, {
			card,
			frame: desk.state.frames.get(card.id),
			heat: heat ? desk.state.heats.get(card.id) ?? null : null,
			threshold: opened.threshold
		})) : /* @__PURE__ */ h("div", {
			className: "mf-end",
			"data-cy": "mf-review-end"
		}, pile.lost ? "This face is not in the dataset any more. Press → to go on." : pile.id ? "Reading the face …" : endWords(opened, pile), !pile.id && !!opened.listed && /* @__PURE__ */ h("button", { onClick: () => desk.open({}, pile.next) }, "Go on")), /* @__PURE__ */ h(Bar$1, {
			card,
			beside: card && pile.beside(card),
			mine: pile.id === void 0 ? void 0 : pile.mine(pile.id),
			others: pile.id === void 0 ? [] : pile.others(pile.id),
			writing,
			atStart: pile.at === 0,
			onDo: run,
			onNote: desk.note,
			onWritten: () => {
				write(null);
				back();
			}
		}), card && /* @__PURE__ */ h(Facts, {
			card,
			threshold: opened.threshold,
			provenance: opened.provenance
		}), /* @__PURE__ */ h("div", { className: "mf-row mf-feet" }, /* @__PURE__ */ h(Button$1, {
			command: "help",
			onDo: run,
			on: help
		}), /* @__PURE__ */ h(Button$1, {
			command: "agreement",
			onDo: run,
			on: agreeing
		}), /* @__PURE__ */ h("span", { className: "mf-dim mf-unheard" }, "Click here, or press Tab, to use the keys.")), help && /* @__PURE__ */ h(Help$1, null), agreeing && agreement && /* @__PURE__ */ h(AgreementTable, {
			found: agreement,
			told: desk.state.told,
			onExport: desk.export,
			onImport: desk.import,
			onConflicts: () => {
				desk.open({
					show: "conflicts",
					queue: "all"
				});
				back();
			}
		}));
	}
	/** A disc or triangle of radius `r`; `plain`: without an edge of partly covered pixels. */
	function sprite(shape, r, rim, plain) {
		const outer = r + (rim ? 1 : 0);
		const size = Math.ceil(outer) + 1;
		const wide = 2 * size + 1;
		const out = {
			size,
			fill: new Uint16Array(wide * wide),
			rim: new Uint16Array(wide * wide)
		};
		const inside = (x, y, radius) => shape === 0 ? x * x + y * y <= radius * radius : y <= radius * .72 && y >= 2 * Math.abs(x) * .86 - radius * 1.18;
		for (let y = -size; y <= size; y++) for (let x = -size; x <= size; x++) {
			let fill = 0;
			let around = 0;
			for (let j = 0; j < 16; j++) {
				const sx = x + ((j & 3) - 1.5) / 4;
				const sy = y + ((j >> 2) - 1.5) / 4;
				if (inside(sx, sy, r)) fill++;
				else if (rim && inside(sx, sy, outer + .3)) around++;
			}
			const at = (y + size) * wide + x + size;
			out.rim[at] = around * 16;
			if (fill === 16 || plain && fill > 6) out.fill[at] = 256;
			else if (!plain) out.fill[at] = fill * 16;
		}
		return out;
	}
	// src/sphere/dots.ts
	/** How points look, for whichever painter draws them. */
	/** Into `look`: 0 hidden, else 1 + the group, + the number of groups where others are lit.
	*
	* Returns whether any point may be faded. */
	function looksOf(look, colours, light) {
		const { codes, groups } = colours;
		const { chosen, marked } = light;
		const faded = !!(chosen || marked?.size);
		const hide = groups.map((_, i) => light.hidden.has(i));
		for (let i = 0; i < look.length; i++) {
			const lit = !faded || chosen?.[i] || marked?.has(i);
			look[i] = hide[codes[i]] ? 0 : 1 + codes[i] + (lit ? 0 : groups.length);
		}
		return faded;
	}
	/** Radius in css px of one of n points. */
	var radiusOf = (n) => n <= 2e3 ? 4 : n <= 8e3 ? 3.2 : n <= 4e4 ? 2.4 : n <= 15e4 ? 1.7 : 1.1;
	/** Colours and shapes of n points over the background `back`. */
	function paintOf(colours, n, view, back) {
		const zoomed = Math.min(1.6, Math.max(1, Math.sqrt(view.zoom)));
		const radius = radiusOf(n) * view.ratio * zoomed;
		const rim = n <= 8e3;
		const plain = n > 4e4;
		const own = colours.groups.map((group) => rgb(group.colour));
		const table = (lit, faded) => Uint32Array.from([
			0,
			...own.map((colour) => pack(mix(colour, back, lit))),
			...own.map((colour) => pack(mix(colour, back, faded)))
		]);
		return {
			shapes: [sprite(0, radius, rim, plain), sprite(1, radius * 1.12, rim, plain)],
			near: table(0, .72),
			far: table(.68, .86),
			rim: pack(mix(back, back[0] > 128 ? [
				255,
				255,
				255
			] : [
				0,
				0,
				0
			], .6))
		};
	}
	// src/sphere/canvas_dots.ts
	/** Draws points on a plain canvas, one by one into its pixels. */
	function stampOf({ size, fill, rim }, width) {
		const wide = 2 * size + 1;
		const solid = [];
		const edge = [];
		const dark = [];
		for (let at = 0; at < fill.length; at++) {
			const offset = (Math.floor(at / wide) - size) * width + at % wide - size;
			if (rim[at]) dark.push(offset, rim[at]);
			if (fill[at] === 256) solid.push(offset);
			else if (fill[at]) edge.push(offset, fill[at]);
		}
		return {
			solid: Int32Array.from(solid),
			edge: Int32Array.from(edge),
			dark: Int32Array.from(dark)
		};
	}
	var CanvasDots = class {
		onPixels = true;
		order = /* @__PURE__ */ new Uint32Array(0);
		draw(g, scene) {
			const { U, V, W, look, groups, faded, step, points, view, paint } = scene;
			const { w, h } = view;
			const { n, label } = points;
			const { near, far, rim } = paint;
			const solid3d = view.mode === "3d";
			if (this.order.length !== n) this.order = new Uint32Array(n);
			const order = this.order;
			const stamps = paint.shapes.map((shape) => stampOf(shape, w));
			const image = g.getImageData(0, 0, w, h);
			const px = new Uint32Array(image.data.buffer);
			const stamp = (i, colour, front) => {
				const u = Math.round(U[i]);
				const v = Math.round(V[i]);
				if (u < 8 || v < 8 || u >= w - 8 || v >= h - 8) return;
				const { solid, edge, dark } = stamps[label[i] === 1 ? 1 : 0];
				const q = v * w + u;
				if (front) for (let k = 0; k < dark.length; k += 2) px[q + dark[k]] = blend(px[q + dark[k]], rim, dark[k + 1]);
				for (let k = 0; k < solid.length; k++) px[q + solid[k]] = colour;
				for (let k = 0; k < edge.length; k += 2) px[q + edge[k]] = blend(px[q + edge[k]], colour, edge[k + 1]);
			};
			let fronts = 0;
			let lit = n;
			for (let i = 0; i < n; i += step) {
				const l = look[i];
				if (!l) continue;
				if (faded && l <= groups) order[--lit] = i;
				else if (W[i] <= 0) order[fronts++] = i;
				else if (solid3d) stamp(i, far[l], false);
			}
			for (let k = 0; k < fronts; k++) stamp(order[k], near[look[order[k]]], true);
			if (solid3d) {
				for (let k = n - 1; k >= lit; k--) if (W[order[k]] > 0) stamp(order[k], far[look[order[k]]], false);
			}
			for (let k = n - 1; k >= lit; k--) if (W[order[k]] <= 0) stamp(order[k], near[look[order[k]]], true);
			g.putImageData(image, 0, 0);
		}
		dispose() {
			this.order = /* @__PURE__ */ new Uint32Array(0);
		}
	};
	// src/sphere/data.ts
	/** Of int16 for 1.0, as in operators/panels/sphere/payload.py. */
	var STEP = 32767;
	/** Bytes of a base64 text. */
	function decode(text) {
		const raw = atob(text);
		const bytes = new Uint8Array(raw.length);
		for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
		return bytes.buffer;
	}
	var clampCosine = (step) => Math.max(-1, Math.min(1, step / STEP));
	var degrees = (radians) => radians * 180 / Math.PI;
	/** By how much angles must be stretched around the threshold to fill the sphere; 1 if they do. */
	function stretchOf(xyz, n, boundary) {
		const centre = boundary != null ? Math.acos(boundary) : Math.PI / 2;
		const off = [];
		for (let i = 0; i < n; i += Math.ceil(n / 5e4)) off.push(Math.abs(Math.acos(clampCosine(xyz[3 * i])) - centre));
		off.sort((a, b) => a - b);
		const wide = degrees(off[Math.floor(.99 * (off.length - 1))]);
		const factor = 62 / Math.max(wide, .05);
		if (factor < 1.5) return 1;
		return Math.min(200, factor < 10 ? Math.round(factor * 2) / 2 : Math.round(factor));
	}
	function joined(a, b) {
		const out = new Uint8Array(a.length + b.length);
		out.set(a);
		out.set(b, a.length);
		return out;
	}
	/** Points of the first faces, and of those that came after them; nothing that was there moves. */
	function unpack(first, rest) {
		const column = (name) => {
			const bytes = new Uint8Array(decode(first[name]));
			return rest ? joined(bytes, new Uint8Array(decode(rest[name]))) : bytes;
		};
		const xyz = new Int16Array(column("xyz").buffer);
		const code = column("code");
		return {
			n: code.length,
			xyz,
			score: column("score"),
			stretch: stretchOf(xyz, first.n, first.boundary),
			boundary: first.boundary,
			label: code.map((c) => c & 3),
			error: code.map((c) => c >> 2 & 7),
			call: code.map((c) => c >> 5 & 1)
		};
	}
	/** Whether two payloads are of the same faces: what comes later is only taken if they are. */
	var sameFaces = (a, b) => a.xyz === b.xyz && a.code === b.code && a.score === b.score;
	/** Indices of n points for Python; many of them as a bit set: 100,000 points are 17 kB of text. */
	function chosenAs(list, n) {
		if (list.length <= 1e3) return { idx: list };
		const bits = new Uint8Array(Math.ceil(n / 8));
		for (const i of list) bits[i >> 3] |= 1 << (i & 7);
		let text = "";
		for (let i = 0; i < bits.length; i += 8192) text += String.fromCharCode(...bits.subarray(i, i + 8192));
		return { bits: btoa(text) };
	}
	// src/sphere/colouring.ts
	/** What colours the points: codes per point, and per code a name, a colour and a count. */
	/** Okabe & Ito's palette; past its end everything is "other" in grey. */
	var PALETTE$1 = [
		"#0072B2",
		"#E69F00",
		"#009E73",
		"#CC79A7",
		"#56B4E9",
		"#D55E00",
		"#F0E442",
		"#AA4499"
	];
	/** Low to high. */
	var ORDERED = [
		"#4575b4",
		"#74add1",
		"#e6d98c",
		"#f46d43",
		"#b2182b"
	];
	var OTHER = "#8c8c8c";
	var FIXED = [
		"label",
		"prediction",
		"error",
		"score"
	];
	/** Whether `by` is a field that Python must be asked for. */
	var isField = (by) => !FIXED.includes(by);
	function counted(codes, size) {
		const out = new Array(size).fill(0);
		for (let i = 0; i < codes.length; i++) out[codes[i]]++;
		return out;
	}
	function grouped(codes, names, colours) {
		const counts = counted(codes, names.length);
		return {
			codes,
			groups: names.map((name, i) => ({
				name,
				colour: colours[i],
				count: counts[i]
			}))
		};
	}
	function byScore(points) {
		const codes = points.score.map((v) => v === 255 ? 64 : Math.min(63, Math.floor(v / 254 * 64)));
		const middle = rgb("#c9c9c9");
		const scale = (t) => t < .5 ? mix(rgb(REAL), middle, 2 * t) : mix(middle, rgb(FAKE), 2 * t - 1);
		const groups = Array.from({ length: 64 }, (_, i) => ({
			name: (i / 64).toFixed(2),
			colour: hexOf(scale((i + .5) / 64)),
			count: 0
		}));
		const without = {
			name: "not scored",
			colour: OTHER,
			count: 0
		};
		return {
			codes,
			scale: true,
			groups: [...groups, without]
		};
	}
	function byField({ codes, values, ordered }) {
		const counts = counted(codes, values.length);
		const colours = new Array(values.length).fill(OTHER);
		let order = counts.map((_, i) => i).sort((a, b) => counts[b] - counts[a]);
		if (ordered) {
			const last = values.length - 1 - (values[values.length - 1] === "no value" ? 1 : 0);
			order = counts.map((_, i) => i);
			for (let i = 0; i <= last; i++) colours[i] = ORDERED[last ? Math.round(i / last * (ORDERED.length - 1)) : 0];
		} else order.slice(0, PALETTE$1.length).forEach((code, rank) => {
			colours[code] = PALETTE$1[rank];
		});
		return {
			...grouped(codes, values, colours),
			order
		};
	}
	/** Colours of `points` by label, prediction, error or score, else by `field`. */
	function colouring(points, by, field) {
		if (by === "label") return grouped(points.label, [
			"real",
			"fake",
			"unknown"
		], [
			REAL,
			FAKE,
			OTHER
		]);
		if (by === "prediction") return grouped(points.error.map((e, i) => e === 5 ? 2 : points.call[i]), [
			"called real",
			"called fake",
			"not scored"
		], [
			REAL,
			FAKE,
			OTHER
		]);
		if (by === "error") return grouped(points.error, [
			"real, right",
			"fake, right",
			"false positive",
			"false negative",
			"no ground truth",
			"not scored"
		], [
			"#8fa7b8",
			"#b8a08f",
			FAKE,
			REAL,
			OTHER,
			"#6b6b6b"
		]);
		return by === "score" || !field ? byScore(points) : byField(field);
	}
	// src/sphere/gl_dots.ts
	/** Draws points with WebGL 2, into a canvas of its own that is then laid over what lies behind.
	*
	* Each point is the same pixels in the same colours and order as on the plain canvas. */
	var VERTEX = `#version 300 es
in vec3 place;
in uint look;
in uint label;
uniform vec4 rows[3]; // of View.matrix
uniform vec2 size; // of the canvas
uniform uint groups;
uniform bool faded, front, lit;
uniform vec2 wide; // of the sprites
uniform sampler2D palette;
flat out vec4 colour;
flat out int shape;

void main() {
  vec4 p = vec4(place, 1.);
  vec2 at = floor(vec2(dot(rows[0], p), dot(rows[1], p)) + .5);
  bool seen = look != 0u && (dot(rows[2], p) <= 0.) == front && (!faded || (look <= groups) == lit)
    && all(greaterThanEqual(at, vec2(8))) && all(lessThan(at, size - 8.));
  shape = label == 1u ? 1 : 0;
  colour = texelFetch(palette, ivec2(int(look), front ? 0 : 1), 0);
  vec2 clip = (at + .5) / size * 2. - 1.;
  gl_Position = seen ? vec4(clip.x, -clip.y, 0., 1.) : vec4(2., 2., 2., 1.);
  gl_PointSize = shape == 1 ? wide.y : wide.x;
}`;
	var FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 colour;
flat in int shape;
uniform bool front;
uniform vec2 wide;
uniform vec3 rim;
uniform sampler2D sprites; // coverage by the shape and by its rim; the second shape right of the first
out vec4 pixel;

void main() {
  ivec2 at = ivec2(gl_PointCoord * (shape == 1 ? wide.y : wide.x));
  vec2 cover = texelFetch(sprites, at + ivec2(shape * int(wide.x), 0), 0).rg;
  float around = front ? (1. - cover.r) * cover.g : 0.;
  pixel = vec4(colour.rgb * cover.r + rim * around, cover.r + around);
  if (pixel.a == 0.) discard;
}`;
	var ATTRIBUTES = [
		"place",
		"look",
		"label"
	];
	var UNIFORMS = [
		"rows",
		"size",
		"groups",
		"faded",
		"front",
		"lit",
		"wide",
		"rim",
		"palette",
		"sprites"
	];
	var PALETTE = 0;
	var SPRITES = 1;
	/** Bytes of a place, look and label. */
	var BYTES = {
		place: 12,
		look: 2,
		label: 1
	};
	/** WebGL's largest stride is 255 bytes: at most every 16th place can be skipped to. */
	var LARGEST_STEP = 16;
	function linked(gl) {
		const program = gl.createProgram();
		for (const [kind, code] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
			const shader = gl.createShader(kind);
			gl.shaderSource(shader, code);
			gl.compileShader(shader);
			gl.attachShader(program, shader);
		}
		ATTRIBUTES.forEach((name, i) => gl.bindAttribLocation(program, i, name));
		gl.linkProgram(program);
		if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL did not link");
		gl.useProgram(program);
		return program;
	}
	/** Two sprites beside each other as bytes of coverage: red the shape, green its rim. */
	function spriteImage([first, second]) {
		const wide = [2 * first.size + 1, 2 * second.size + 1];
		const width = wide[0] + wide[1];
		const image = new Uint8Array(2 * width * Math.max(...wide));
		[first, second].forEach(({ fill, rim }, shape) => {
			const own = wide[shape];
			for (let at = 0; at < fill.length; at++) {
				const column = at % own + (shape ? wide[0] : 0);
				const pixel = 2 * (Math.floor(at / own) * width + column);
				image[pixel] = Math.round(fill[at] * 255 / 256);
				image[pixel + 1] = Math.round(rim[at] * 255 / 256);
			}
		});
		return {
			wide,
			image
		};
	}
	var GlDots = class {
		onPixels = false;
		lost = false;
		canvas = document.createElement("canvas");
		gl;
		uniform;
		buffer;
		/** What the buffers hold. */
		held = {};
		onLost;
		/** Throws where there is no WebGL 2. */
		constructor(onLost = () => void 0) {
			const gl = this.canvas.getContext("webgl2", {
				antialias: false,
				depth: false,
				stencil: false
			});
			if (!gl) throw new Error("there is no WebGL 2");
			this.gl = gl;
			this.onLost = () => {
				this.lost = true;
				onLost();
			};
			this.canvas.addEventListener("webglcontextlost", this.onLost);
			const program = linked(gl);
			const places = UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]);
			this.uniform = Object.fromEntries(places);
			this.buffer = Object.fromEntries(ATTRIBUTES.map((name) => [name, gl.createBuffer()]));
			gl.uniform1i(this.uniform.palette, PALETTE);
			gl.uniform1i(this.uniform.sprites, SPRITES);
			for (const unit of [PALETTE, SPRITES]) {
				gl.activeTexture(gl.TEXTURE0 + unit);
				gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
				gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
				gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
			}
			gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
			gl.enable(gl.BLEND);
			gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
		}
		draw(g, scene) {
			const { w, h } = scene.view;
			if (this.canvas.width !== w || this.canvas.height !== h) {
				this.canvas.width = w;
				this.canvas.height = h;
			}
			const isNew = this.fill(scene);
			this.paint(scene.paint, scene.groups);
			this.points(scene);
			const took = isNew ? this.timed(scene) : void 0;
			g.drawImage(this.canvas, 0, 0);
			return took;
		}
		/** ms of a frame, waited for. */
		timed(scene) {
			this.wait();
			const start = performance.now();
			this.points(scene);
			this.wait();
			return performance.now() - start;
		}
		dispose() {
			this.canvas.removeEventListener("webglcontextlost", this.onLost);
			this.gl.getExtension("WEBGL_lose_context")?.loseContext();
		}
		wait() {
			const { gl } = this;
			gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, /* @__PURE__ */ new Uint8Array(4));
		}
		/** Bring the buffers up to date; returns whether the points are others. */
		fill({ view, points, look, looked }) {
			const isNew = this.held.label !== points.label;
			this.upload("place", view.P, view.P);
			this.upload("look", look, looked);
			this.upload("label", points.label, points.label);
			return isNew;
		}
		upload(name, data, as) {
			const { gl } = this;
			if (this.held[name] === as) return;
			gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer[name]);
			gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
			this.held[name] = as;
		}
		paint({ shapes, near, far, rim }, groups) {
			const { gl, uniform } = this;
			gl.activeTexture(gl.TEXTURE0 + PALETTE);
			const colours = new Uint8Array(Uint32Array.from([...near, ...far]).buffer);
			const rgba = [gl.RGBA, gl.UNSIGNED_BYTE];
			gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, near.length, 2, 0, ...rgba, colours);
			const { wide, image } = spriteImage(shapes);
			gl.activeTexture(gl.TEXTURE0 + SPRITES);
			const area = [wide[0] + wide[1], Math.max(...wide)];
			gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, ...area, 0, gl.RG, gl.UNSIGNED_BYTE, image);
			gl.uniform2f(uniform.wide, ...wide);
			gl.uniform3f(uniform.rim, (rim & 255) / 255, (rim >> 8 & 255) / 255, (rim >> 16 & 255) / 255);
			gl.uniform1ui(uniform.groups, groups);
		}
		/** Far points first, then those in front; where some are lit, these above all others. */
		points({ view, faded, points, step }) {
			const { gl, uniform } = this;
			const every = Math.min(step, LARGEST_STEP);
			ATTRIBUTES.forEach((name, i) => {
				gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer[name]);
				gl.enableVertexAttribArray(i);
				const stride = every > 1 ? BYTES[name] * every : 0;
				if (name === "place") gl.vertexAttribPointer(i, 3, gl.FLOAT, false, stride, 0);
				else {
					const type = name === "look" ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
					gl.vertexAttribIPointer(i, 1, type, stride, 0);
				}
			});
			gl.viewport(0, 0, view.w, view.h);
			gl.clear(gl.COLOR_BUFFER_BIT);
			gl.uniform4fv(uniform.rows, view.matrix());
			gl.uniform2f(uniform.size, view.w, view.h);
			gl.uniform1i(uniform.faded, +faded);
			for (const lit of faded ? [0, 1] : [1]) for (const front of view.mode === "3d" ? [0, 1] : [1]) {
				gl.uniform1i(uniform.lit, lit);
				gl.uniform1i(uniform.front, front);
				gl.drawArrays(gl.POINTS, 0, Math.ceil(points.n / every));
			}
		}
	};
	// src/sphere/view.ts
	/** Where points lie on the canvas: the arithmetic of turning, moving and zooming. */
	var START = [.55, .32];
	var View = class {
		turn = [...START];
		zoom = 1;
		pan = [0, 0];
		mode = "3d";
		/** On the surface of the ball by the angle to the fake axis, or inside it by projection. */
		surface = true;
		/** Whether angles are stretched around the threshold. */
		stretch = true;
		/** Device pixels for a CSS pixel, and the canvas's size in device pixels. */
		ratio = 1;
		w = 0;
		h = 0;
		/** Degrees to the fake axis of the threshold, and the factor of the stretch. */
		centre = 90;
		factor = 1;
		/** Positions in the unit ball (3-D), in degrees and residual (2-D), or on the UMAP. */
		P = /* @__PURE__ */ new Float32Array(0);
		range = {
			lo: 0,
			hi: 180,
			top: 1
		};
		reset() {
			this.turn = [...START];
			this.zoom = 1;
			this.pan = [0, 0];
		}
		/** Look at `points` as `mode`, `surface` and `stretch` say. */
		place(points, map) {
			const { n, xyz, boundary } = points;
			const P = this.P = new Float32Array(3 * n);
			this.centre = boundary != null ? degrees(Math.acos(boundary)) : 90;
			this.factor = this.stretch ? points.stretch : 1;
			let lo = 180;
			let hi = 0;
			let top = .001;
			for (let i = 0; i < n; i++) {
				const c = clampCosine(xyz[3 * i]);
				const a = xyz[3 * i + 1] / STEP;
				const b = xyz[3 * i + 2] / STEP;
				if (this.mode === "umap") {
					const there = map && map[2 * i] > -32768;
					P[3 * i] = there ? -map[2 * i] / STEP : 0;
					P[3 * i + 1] = there ? map[2 * i + 1] / STEP : 0;
					P[3 * i + 2] = there ? -1 : 1;
				} else if (this.mode === "2d") {
					const angle = degrees(Math.acos(c));
					P[3 * i] = angle;
					P[3 * i + 1] = a;
					P[3 * i + 2] = -1;
					lo = Math.min(lo, angle);
					hi = Math.max(hi, angle);
					top = Math.max(top, Math.abs(a));
				} else if (this.surface) {
					const t = this.latitude(degrees(Math.acos(c)));
					const s = Math.sin(t);
					const r = Math.hypot(a, b) || 1;
					P[3 * i] = Math.cos(t);
					P[3 * i + 1] = s * a / r;
					P[3 * i + 2] = s * b / r;
				} else {
					P[3 * i] = c;
					P[3 * i + 1] = a;
					P[3 * i + 2] = b;
				}
			}
			const edge = Math.max(2, .04 * (hi - lo));
			this.range = this.mode === "umap" ? {
				lo: -1.06,
				hi: 1.06,
				top: 1.06
			} : {
				lo: Math.max(0, lo - edge),
				hi: Math.min(180, hi + edge),
				top: 1.08 * top
			};
		}
		/** Where an angle to the fake axis (degrees) is drawn (radians): stretched around the threshold. */
		latitude(angle) {
			const drawn = this.mode === "3d" && this.surface ? this.centre + this.factor * (angle - this.centre) : angle;
			return Math.max(0, Math.min(180, drawn)) * Math.PI / 180;
		}
		/** Radius of the ball in device pixels. */
		get scale() {
			return Math.min(this.w, this.h) * .42 * this.zoom;
		}
		/** Middle of the ball in device pixels. */
		get middle() {
			return [this.w / 2 + this.pan[0] * this.ratio, this.h / 2 + this.pan[1] * this.ratio];
		}
		/** Screen position (device px) and depth (< 0 is in front) of a point of the unit ball. */
		at(x, y, z) {
			const [yaw, pitch] = this.turn;
			const cy = Math.cos(yaw);
			const sy = Math.sin(yaw);
			const cp = Math.cos(pitch);
			const sp = Math.sin(pitch);
			const x1 = cy * x + sy * z;
			const z1 = -sy * x + cy * z;
			const [ox, oy] = this.middle;
			return [
				ox + this.scale * x1,
				oy - this.scale * (cp * y - sp * z1),
				sp * y + cp * z1
			];
		}
		frame2d() {
			const left = 58 * this.ratio;
			const right = 14 * this.ratio;
			const top = 14 * this.ratio;
			const bottom = 42 * this.ratio;
			const W = this.w - left - right;
			const H = this.h - top - bottom;
			const { lo, hi, top: t } = this.range;
			const z = this.zoom;
			const mx = left + W / 2 + this.pan[0] * this.ratio;
			const my = top + H / 2 + this.pan[1] * this.ratio;
			return {
				left,
				right,
				top,
				bottom,
				W,
				H,
				x: (angle) => mx + z * W * ((hi - angle) / (hi - lo) - .5),
				y: (value) => my - z * H * value / (2 * t),
				angle: (x) => hi - (hi - lo) * ((x - mx) / (z * W) + .5),
				value: (y) => (my - y) * 2 * t / (z * H)
			};
		}
		/** What a position is multiplied with to lie on the screen: rows of [x, y, z, 1] to U, V, W. */
		matrix() {
			if (this.mode !== "3d") {
				const f = this.frame2d();
				const ax = f.x(0);
				const ay = f.y(0);
				return [
					f.x(1) - ax,
					0,
					0,
					ax,
					0,
					f.y(1) - ay,
					0,
					ay,
					0,
					0,
					1,
					0
				];
			}
			const [yaw, pitch] = this.turn;
			const cy = Math.cos(yaw);
			const sy = Math.sin(yaw);
			const cp = Math.cos(pitch);
			const sp = Math.sin(pitch);
			const s = this.scale;
			const [ox, oy] = this.middle;
			return [
				s * cy,
				0,
				s * sy,
				ox,
				-s * sp * sy,
				-s * cp,
				s * sp * cy,
				oy,
				-cp * sy,
				sp,
				cp * cy,
				0
			];
		}
		/** Screen positions of every `step`-th of n points into `to`. */
		project(to, n, step) {
			const { P } = this;
			const { U, V, W } = to;
			const [a, b, c, d, e, f, g, k, p, q, r, s] = this.matrix();
			for (let i = 0; i < n; i += step) {
				const x = P[3 * i];
				const y = P[3 * i + 1];
				const z = P[3 * i + 2];
				U[i] = a * x + b * y + c * z + d;
				V[i] = e * x + f * y + g * z + k;
				W[i] = p * x + q * y + r * z + s;
			}
		}
		/** Screen position of one point into `to`. */
		projectOne(to, i) {
			const [x, y, z] = this.P.subarray(3 * i, 3 * i + 3);
			const [a, b, c, d, e, f, g, k, p, q, r, s] = this.matrix();
			to.U[i] = a * x + b * y + c * z + d;
			to.V[i] = e * x + f * y + g * z + k;
			to.W[i] = p * x + q * y + r * z + s;
		}
		turnBy(x, y) {
			this.turn = [this.turn[0] + x, Math.max(-1.57, Math.min(1.57, this.turn[1] + y))];
		}
		panBy(x, y) {
			this.pan = [this.pan[0] + x, this.pan[1] + y];
		}
		/** Zoom by `factor`, so that the place (css px from the canvas's middle) stays. */
		zoomBy(factor, [dx, dy]) {
			const next = Math.min(40, Math.max(.5, this.zoom * factor));
			const k = next / this.zoom;
			this.pan = [dx - (dx - this.pan[0]) * k, dy - (dy - this.pan[1]) * k];
			this.zoom = next;
		}
		/** Look from where `other` does. */
		follow(other) {
			this.turn = other.turn;
			this.zoom = other.zoom;
			this.pan = other.pan;
		}
	};
	// src/sphere/faster.ts
	/** Which painter draws many points faster on this machine, measured once for a page.
	*
	* With a graphics card that is WebGL. Without one WebGL is computed by the processor, ten times and
	* more slower than the plain canvas (benchmarks/sphere_frames.py). */
	/** Points up to which a plain canvas is fast enough anywhere: nothing is measured. */
	var FEW = 25e3;
	/** Points of the measurement: few first, because without a graphics card they take long enough. */
	var SAMPLES = [4e3, 4e4];
	/** ms of a frame of WebGL after which no larger sample is tried */
	var SLOW = 5;
	var WIDTH = 760;
	var HEIGHT = 470;
	var measured = null;
	/** N points all over the ball, as a scene. */
	function sample(N) {
		const view = new View();
		Object.assign(view, {
			w: WIDTH,
			h: HEIGHT
		});
		view.P = Float32Array.from({ length: 3 * N }, (_, k) => {
			const z = 1 - (2 * Math.floor(k / 3) + 1) / N;
			const around = Math.floor(k / 3) * 2.399963;
			const r = Math.sqrt(1 - z * z);
			return [
				r * Math.cos(around),
				z,
				r * Math.sin(around)
			][k % 3];
		});
		const label = Uint8Array.from({ length: N }, (_, i) => i & 1);
		const look = Uint16Array.from(label, (l) => l + 1);
		const groups = ["#0072B2", "#D55E00"].map((colour) => ({
			name: "",
			colour,
			count: 0
		}));
		return {
			U: new Float32Array(N),
			V: new Float32Array(N),
			W: new Float32Array(N),
			points: {
				n: N,
				label
			},
			look,
			looked: look,
			groups: 2,
			faded: false,
			view,
			step: 1,
			paint: paintOf({
				codes: label,
				groups
			}, N, view, [
				26,
				26,
				26
			])
		};
	}
	/** ms of a frame. */
	function timed(dots, scene) {
		const canvas = document.createElement("canvas");
		canvas.width = WIDTH;
		canvas.height = HEIGHT;
		const g = canvas.getContext("2d", { willReadFrequently: dots.onPixels });
		const frame = () => {
			const start = performance.now();
			scene.view.project(scene, scene.points.n, 1);
			return dots.draw(g, scene) ?? performance.now() - start;
		};
		return dots.onPixels ? Math.min(frame(), frame()) : frame();
	}
	/** ms of a frame of the largest sample that was tried; infinite where there is no WebGL 2. */
	function measure() {
		if (measured) return measured;
		measured = {
			canvas: 0,
			webgl: Infinity
		};
		const canvas = new CanvasDots();
		const webgl = made();
		for (const n of webgl ? SAMPLES : []) {
			const scene = sample(n);
			measured = {
				canvas: timed(canvas, scene),
				webgl: timed(webgl, scene)
			};
			if (measured.webgl > SLOW) break;
		}
		if (webgl?.lost) measured.webgl = Infinity;
		webgl?.dispose();
		return measured;
	}
	function made(onLost) {
		try {
			return new GlDots(onLost);
		} catch {
			return null;
		}
	}
	/** What draws n points fastest here. */
	function fasterFor(n) {
		if (n <= FEW) return "canvas";
		const { canvas, webgl } = measure();
		return webgl < canvas ? "webgl" : "canvas";
	}
	/** A painter of points; `onLost`: the browser took the graphics card away. */
	var dotsOf = (kind) => (onLost) => kind === "webgl" && made(onLost) || new CanvasDots();
	// src/sphere/axes.ts
	/** The axes of the flat maps. */
	/** A round step that divides `span` into at most seven parts. */
	function niceStep(span) {
		const power = 10 ** Math.floor(Math.log10(span / 5));
		return [
			1,
			2,
			5,
			10
		].map((m) => m * power).find((step) => span / step <= 7);
	}
	/** Degrees to the fake axis against the leading residual, and the threshold. */
	function axes2d(pen, view, boundary) {
		const { g, ratio, theme } = pen;
		const f = view.frame2d();
		const x1 = view.w - f.right;
		const y1 = view.h - f.bottom;
		const font = (px) => {
			g.font = `400 ${px * ratio}px ${theme.font}`;
		};
		const faintLine = (...places) => pen.faint(.22, () => pen.line(places, theme.dim, 1));
		g.fillStyle = theme.dim;
		font(11);
		g.textBaseline = "top";
		g.textAlign = "center";
		const a0 = Math.min(f.angle(f.left), f.angle(x1));
		const a1 = Math.max(f.angle(f.left), f.angle(x1));
		const da = niceStep(a1 - a0);
		for (let a = Math.ceil(a0 / da) * da; a <= a1; a += da) {
			faintLine([f.x(a), f.top], [f.x(a), y1]);
			g.fillText(Math.round(a * 10) / 10 + "°", f.x(a), y1 + 5 * ratio);
		}
		g.textAlign = "right";
		g.textBaseline = "middle";
		const v0 = f.value(y1);
		const v1 = f.value(f.top);
		const dv = niceStep(v1 - v0);
		for (let v = Math.ceil(v0 / dv) * dv; v <= v1; v += dv) {
			faintLine([f.left, f.y(v)], [x1, f.y(v)]);
			const words = (Math.abs(v) < 1e-9 ? 0 : v).toFixed(dv < .1 ? 2 : 1);
			g.fillText(words, f.left - 6 * ratio, f.y(v));
		}
		font(12);
		g.textAlign = "center";
		g.textBaseline = "bottom";
		g.fillText("← real      angle to the fake axis      fake →", (f.left + x1) / 2, view.h - 4 * ratio);
		pen.upwards([14 * ratio, (f.top + y1) / 2], () => {
			g.textBaseline = "middle";
			g.fillText("leading residual direction", 0, 0);
		});
		if (boundary != null && Math.abs(boundary) < 1) {
			const x = f.x(degrees(Math.acos(boundary)));
			pen.line([[x, f.top], [x, y1]], theme.text, 1.4, [6, 5]);
		}
	}
	/** The UMAP's axes, without numbers: they have no unit. */
	function axesUmap(pen, view) {
		const { ratio, theme } = pen;
		const f = view.frame2d();
		const x1 = view.w - f.right;
		const y1 = view.h - f.bottom;
		pen.faint(.4, () => pen.line([
			[f.left, f.top],
			[f.left, y1],
			[x1, y1]
		], theme.dim, 1));
		const across = [(f.left + x1) / 2, view.h - 22 * ratio];
		pen.text("UMAP 1, no unit: not an angle", across, theme.dim, { bold: false });
		pen.upwards([34 * ratio, (f.top + y1) / 2], () => pen.text("UMAP 2, no unit", [0, 0], theme.dim, { bold: false }));
	}
	// src/sphere/globe.ts
	/** The lines of the ball: rings of equal angle to the fake axis, meridians, the threshold. */
	/** Between rings, in degrees. */
	var STEPS = [
		.1,
		.2,
		.5,
		1,
		2,
		5,
		10,
		15,
		30
	];
	/** The angles (degrees) at which rings are drawn. */
	function ringsOf(view) {
		const span = 150 / (view.surface ? view.factor : 1);
		const step = STEPS.find((d) => span / d <= 6) ?? 30;
		const rings = [];
		const from = Math.ceil((view.centre - span / 2) / step) * step;
		for (let d = from; d <= view.centre + span / 2; d += step) if (d > 0 && d < 180) rings.push(d);
		return rings;
	}
	/** The part of a circle of the ball that is in front, or behind. */
	function half(pen, around, front, style, width, dash) {
		let run = [];
		const end = () => {
			if (run.length > 1) pen.line(run, style, width, dash);
			run = [];
		};
		for (let k = 0; k <= 96; k++) {
			const place = around(k / 96 * 2 * Math.PI);
			if (place[2] <= 0 === front) run.push(place);
			else end();
		}
		end();
	}
	/** A circle of latitude around the fake axis, at the cosine `c` to it. */
	var ring = (view, c) => (t) => {
		const s = Math.sqrt(Math.max(0, 1 - c * c));
		return view.at(c, s * Math.cos(t), s * Math.sin(t));
	};
	/** Draw the half behind the points, or that in front of them with the words. */
	function globe(pen, view, boundary, front) {
		const { dim, text } = pen.theme;
		const rings = ringsOf(view);
		pen.faint(front ? .28 : .16, () => {
			for (const d of rings) half(pen, ring(view, Math.cos(view.latitude(d))), front, dim, 1);
			for (let k = 0; k < 6; k++) {
				const t = k / 6 * Math.PI;
				const meridian = (a) => view.at(Math.cos(a), Math.sin(a) * Math.cos(t), Math.sin(a) * Math.sin(t));
				half(pen, meridian, front, dim, 1);
			}
		});
		if (boundary != null && Math.abs(boundary) < 1) {
			const at = Math.cos(view.latitude(view.centre));
			pen.faint(front ? .95 : .4, () => half(pen, ring(view, at), front, text, 1.4, [6, 5]));
		}
		if (front) {
			for (const d of rings) degreesOf(pen, view, d);
			pen.text("● real", view.at(-1.14, 0, 0), REAL, { halo: true });
			pen.text("▲ fake", view.at(1.14, 0, 0), FAKE, { halo: true });
		} else {
			pen.faint(.55, () => pen.circle(view.middle, view.scale, dim, 1));
			pen.faint(.6, () => pen.line([view.at(-1.1, 0, 0), view.at(1.1, 0, 0)], dim, 1.2));
		}
	}
	/** Degrees of a ring, written where it meets the outline at the bottom. */
	function degreesOf(pen, view, d) {
		const around = ring(view, Math.cos(view.latitude(d)));
		let low = null;
		for (let k = 0; k < 48; k++) {
			const place = around(k / 48 * 2 * Math.PI);
			if (place[2] <= .05 && (!low || place[1] > low[1])) low = place;
		}
		if (!low) return;
		const under = [low[0], low[1] + 9 * pen.ratio];
		pen.text(Math.round(d * 10) / 10 + "°", under, pen.theme.dim, {
			halo: true,
			size: 10,
			bold: false
		});
	}
	function overlay(pen, above) {
		const { g, ratio, theme } = pen;
		const { U, V, W, n, marked, few, hover, cursor, path } = above;
		const mark = (i, radius, width) => pen.circle([U[i], V[i]], radius * ratio, theme.text, width);
		const seen = (i) => i < n && above.visible(i);
		if (marked && marked.size <= 400) marked.forEach((i) => {
			if (seen(i) && (above.mode === "3d" || W[i] <= 0)) mark(i, 8, 2);
		});
		few?.forEach((i) => {
			if (seen(i) && W[i] <= 0) mark(i, 7, 1.2);
		});
		if (hover >= 0) mark(hover, 9, 1.5);
		if (cursor) {
			const [x, y] = [cursor[0] * ratio, cursor[1] * ratio];
			const r = 11 * ratio;
			pen.line([[x - r, y], [x + r, y]], theme.text, 1.5);
			pen.line([[x, y - r], [x, y + r]], theme.text, 1.5);
		}
		if (path && path.length > 1) {
			const corners = path.map(([x, y]) => [x * ratio, y * ratio]);
			pen.faint(.15, () => {
				g.fillStyle = theme.text;
				g.beginPath();
				corners.forEach(([x, y], i) => i ? g.lineTo(x, y) : g.moveTo(x, y));
				g.closePath();
				g.fill();
			});
			pen.line([...corners, corners[0]], theme.text, 1.5, [4, 3]);
		}
	}
	// src/sphere/pen.ts
	var Pen = class {
		g;
		ratio = 1;
		theme = {
			back: [
				26,
				26,
				26
			],
			text: "#fff",
			dim: "#999",
			font: "sans-serif"
		};
		known = "";
		knownRgb = [
			26,
			26,
			26
		];
		constructor(g) {
			this.g = g;
		}
		/** Take the colours that the App's theme has now. */
		readTheme() {
			const css = getComputedStyle(this.g.canvas);
			this.theme = {
				back: this.rgbOf(css.getPropertyValue("--fo-palette-background-mediaSpace") || "#1a1a1a"),
				font: css.fontFamily,
				text: css.getPropertyValue("--fo-palette-text-primary") || "#fff",
				dim: css.getPropertyValue("--fo-palette-text-secondary") || "#999"
			};
		}
		rgbOf(text) {
			if (this.known !== text) {
				const probe = document.createElement("canvas").getContext("2d");
				probe.fillStyle = text.trim();
				probe.fillRect(0, 0, 1, 1);
				const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
				this.known = text;
				this.knownRgb = [
					red,
					green,
					blue
				];
			}
			return this.knownRgb;
		}
		/** Through places in device px; `width` and `dash` in css px. */
		line(places, style, width, dash = []) {
			const { g, ratio } = this;
			g.beginPath();
			g.strokeStyle = style;
			g.lineWidth = width * ratio;
			g.setLineDash(dash.map((d) => d * ratio));
			places.forEach((p, i) => i ? g.lineTo(p[0], p[1]) : g.moveTo(p[0], p[1]));
			g.stroke();
			g.setLineDash([]);
		}
		/** The same, with an opacity. */
		faint(opacity, draw) {
			this.g.globalAlpha = opacity;
			draw();
			this.g.globalAlpha = 1;
		}
		/** Centred bold text; with a halo it can be read above points; `size` makes it small and thin. */
		text(words, [x, y], colour, more = {}) {
			const { g, ratio, theme } = this;
			const { halo, size = 12, bold = true } = more;
			g.font = `${bold ? 600 : 400} ${size * ratio}px ${theme.font}`;
			g.textAlign = "center";
			g.textBaseline = "middle";
			if (halo) {
				g.strokeStyle = `rgb(${theme.back.join(",")})`;
				g.lineWidth = 4 * ratio;
				g.strokeText(words, x, y);
			}
			g.fillStyle = colour;
			g.fillText(words, x, y);
		}
		/** Draw turned by a quarter to the left, around a place. */
		upwards([x, y], draw) {
			const { g } = this;
			g.save();
			g.translate(x, y);
			g.rotate(-Math.PI / 2);
			draw();
			g.restore();
		}
		circle([x, y], radius, style, width) {
			const { g } = this;
			g.beginPath();
			g.strokeStyle = style;
			g.lineWidth = width * this.ratio;
			g.arc(x, y, radius, 0, 7);
			g.stroke();
		}
	};
	// src/sphere/picking.ts
	/** Corners of a box between two places. */
	var box = ([x0, y0], [x1, y1]) => [
		[x0, y0],
		[x1, y0],
		[x1, y1],
		[x0, y1]
	];
	/** Nearest visible of n points in front within `reach` of a place, all in device px, or -1. */
	function nearest({ U, V, W }, n, [x, y], reach, visible) {
		let best = -1;
		let least = reach ** 2;
		for (let i = 0; i < n; i++) {
			if (W[i] > 0) continue;
			const far = (U[i] - x) ** 2 + (V[i] - y) ** 2;
			if (far < least && visible(i)) {
				least = far;
				best = i;
			}
		}
		return best;
	}
	/** Visible of n points in front inside a polygon of device px, by the even-odd rule. */
	function inside({ U, V, W }, n, polygon, visible) {
		const xs = polygon.map((p) => p[0]);
		const ys = polygon.map((p) => p[1]);
		const x0 = Math.min(...xs);
		const x1 = Math.max(...xs);
		const y0 = Math.min(...ys);
		const y1 = Math.max(...ys);
		const out = [];
		for (let i = 0; i < n; i++) {
			const x = U[i];
			const y = V[i];
			if (W[i] > 0 || x < x0 || x > x1 || y < y0 || y > y1 || !visible(i)) continue;
			let odd = false;
			for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) if (ys[a] > y !== ys[b] > y && x < (xs[b] - xs[a]) * (y - ys[a]) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
			if (odd) out.push(i);
		}
		return out;
	}
	// src/sphere/painter.ts
	/** The picture of the sphere: what is drawn when, and what lies where.
	*
	* A moving picture of very many points holds only as many as fit into the time of a frame; when it
	* rests, all are drawn. */
	/** ms for the points of a frame while they move; the rest of 16 ms is for the lines and the browser */
	var BUDGET = 9;
	/** points of a moving picture, however slow the machine is at the moment */
	var LEAST = 25e3;
	/** ms without a move, after which all points are drawn */
	var REST = 160;
	/** Every how-many-th of n points is drawn while the picture moves, at `each` ms a point.
	*
	* Powers of two, so that the points that are left are always the same. */
	function stepOf(n, each, pictures) {
		const most = Math.max(LEAST, BUDGET / each / pictures);
		if (n <= most) return 1;
		return 2 ** Math.min(Math.ceil(Math.log2(n / most)), Math.floor(Math.log2(n / LEAST)));
	}
	var Painter = class Painter extends View {
		/** Those that are drawn now. */
		static open = /* @__PURE__ */ new Set();
		static box = box;
		canvas;
		pen;
		/** The last full picture, for what only lies above it. */
		still = document.createElement("canvas");
		dots;
		data = null;
		colours = null;
		map = null;
		hidden = /* @__PURE__ */ new Set();
		marked = null;
		chosen = null;
		few = null;
		hover = -1;
		/** css px: the shape that is being drawn, the keyboard's cross and its corners */
		path = null;
		cursor = null;
		corners = [];
		U = /* @__PURE__ */ new Float32Array(0);
		V = /* @__PURE__ */ new Float32Array(0);
		W = /* @__PURE__ */ new Float32Array(0);
		look = /* @__PURE__ */ new Uint16Array(0);
		looked = [];
		faded = false;
		dirty = false;
		moving = false;
		step = 1;
		/** The points moved on the screen since their positions were computed. */
		stale = false;
		/** ms of the last full frame, and for a point as measured while it moves */
		ms = 0;
		each = 5e-5;
		light = false;
		timer;
		constructor(canvas, dots = new CanvasDots()) {
			super();
			this.canvas = canvas;
			this.dots = dots;
			this.pen = new Pen(canvas.getContext("2d", { willReadFrequently: dots.onPixels }));
		}
		/** One whose points are drawn by what `choose` makes, and on the plain canvas once that is lost. */
		static with(canvas, choose) {
			const onLost = () => {
				painter.dots = new CanvasDots();
				painter.ask();
			};
			const painter = new Painter(canvas, choose(onLost));
			return painter;
		}
		/** Go on where another left off, on a canvas that takes the place of its. */
		takeOver(other) {
			this.follow(other);
			this.chosen = other.chosen;
			this.few = other.few;
			other.dispose();
		}
		setData(data) {
			const { n } = data;
			this.data = data;
			this.U = new Float32Array(n);
			this.V = new Float32Array(n);
			this.W = new Float32Array(n);
			this.look = new Uint16Array(n);
			this.looked = [];
			if (this.chosen && this.chosen.length < n) {
				const longer = new Uint8Array(n);
				longer.set(this.chosen);
				this.chosen = longer;
			}
			this.arrange();
		}
		/** Lay the points out anew: after another mode, shape or map. */
		arrange() {
			if (this.data) this.place(this.data, this.map);
			this.ask();
		}
		reset() {
			super.reset();
			this.ask();
		}
		/** Draw soon; lightly: only what lies above the points has changed. */
		ask(lightly = false) {
			if (!lightly || this.moving) this.light = false;
			else if (!this.dirty) this.light = true;
			if (this.dirty) return;
			this.dirty = true;
			requestAnimationFrame(() => {
				this.dirty = false;
				this.draw();
			});
		}
		/** The view is changing: draw what a frame has time for, and all points when it rests. */
		move(following = false) {
			this.moving = true;
			clearTimeout(this.timer);
			this.timer = setTimeout(() => this.rest(), REST);
			this.ask();
			if (following) return;
			for (const other of this.beside()) {
				other.follow(this);
				other.move(true);
			}
		}
		rest() {
			clearTimeout(this.timer);
			if (!this.moving) return;
			this.moving = false;
			this.ask();
		}
		/** Spheres of other detectors that turn with this one. */
		beside() {
			return [...Painter.open].filter((p) => p !== this && p.mode === this.mode);
		}
		/** The picture is gone from the page. */
		dispose() {
			clearTimeout(this.timer);
			Painter.open.delete(this);
			this.dots.dispose();
		}
		draw() {
			const { data, colours, canvas, pen } = this;
			if (!data || !colours || !canvas.clientWidth) return;
			const start = performance.now();
			const { g } = pen;
			this.measure();
			g.setTransform(1, 0, 0, 1, 0, 0);
			if (this.light) {
				this.light = false;
				g.drawImage(this.still, 0, 0);
				overlay(pen, this.above(data));
				return;
			}
			pen.readTheme();
			g.fillStyle = `rgb(${pen.theme.back.join(",")})`;
			g.fillRect(0, 0, this.w, this.h);
			this.step = this.moving ? stepOf(data.n, this.each, 1 + this.beside().length) : 1;
			if (this.mode === "3d") globe(pen, this, data.boundary, false);
			else if (this.mode === "2d") axes2d(pen, this, data.boundary);
			else axesUmap(pen, this);
			this.drawPoints(data, colours);
			if (this.mode === "3d") globe(pen, this, data.boundary, true);
			if (!this.moving) this.still.getContext("2d").drawImage(canvas, 0, 0);
			overlay(pen, this.above(data));
			this.ms = performance.now() - start;
		}
		/** Take the canvas's size. */
		measure() {
			const { canvas, still } = this;
			this.ratio = this.pen.ratio = Math.min(2, window.devicePixelRatio || 1);
			const w = Math.round(canvas.clientWidth * this.ratio);
			const h = Math.round(canvas.clientHeight * this.ratio);
			if (canvas.width !== w || canvas.height !== h) {
				canvas.width = still.width = w;
				canvas.height = still.height = h;
				this.light = false;
			}
			this.w = w;
			this.h = h;
		}
		drawPoints(data, colours) {
			const start = performance.now();
			const { dots } = this;
			this.stale = !dots.onPixels && this.moving;
			if (!this.stale) this.project(this, data.n, this.step);
			const waited = dots.draw(this.pen.g, this.scene(data, colours));
			const took = performance.now() - start;
			if (waited !== void 0) this.each = waited * this.step / data.n;
			else if (dots.onPixels && this.moving) this.each = .8 * this.each + .2 * took * this.step / data.n;
		}
		scene(data, colours) {
			const now = [
				colours,
				this.hidden,
				this.chosen,
				this.marked
			];
			if (now.some((part, i) => part !== this.looked[i])) {
				this.faded = looksOf(this.look, colours, this);
				this.looked = now;
			}
			return {
				U: this.U,
				V: this.V,
				W: this.W,
				points: data,
				look: this.look,
				looked: this.looked,
				groups: colours.groups.length,
				faded: this.faded,
				view: this,
				step: this.step,
				paint: paintOf(colours, data.n, this, this.pen.theme.back)
			};
		}
		above(data) {
			const few = this.chosen && this.few;
			if (this.stale || this.step > 1) {
				const marks = this.marked && this.marked.size <= 400 ? [...this.marked] : [];
				for (const i of [
					...marks,
					...few ?? [],
					this.hover
				]) if (i >= 0 && i < data.n) this.projectOne(this, i);
			}
			const { U, V, W, mode, marked, hover, cursor, path, visible } = this;
			return {
				U,
				V,
				W,
				n: data.n,
				mode,
				visible,
				marked,
				few,
				hover,
				cursor,
				path
			};
		}
		visible = (i) => !this.hidden.has(this.colours.codes[i]);
		/** Make all positions those of the view as it is now. */
		settle() {
			if (!this.data || this.step === 1 && !this.stale) return;
			this.project(this, this.data.n, 1);
			this.step = 1;
			this.stale = false;
			this.ask();
		}
		/** Middle of the canvas in css px. */
		get centreOfCanvas() {
			return [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
		}
		/** A point's place in css px. */
		placeOf(i) {
			return [this.U[i] / this.ratio, this.V[i] / this.ratio];
		}
		/** Nearest visible point in front within reach (css px), or -1. */
		nearest(x, y, reach) {
			if (!this.data) return -1;
			this.settle();
			const { ratio } = this;
			return nearest(this, this.data.n, [x * ratio, y * ratio], reach * ratio, this.visible);
		}
		/** Visible points in front inside a polygon of css px. */
		inside(path) {
			if (!this.data) return [];
			this.settle();
			const polygon = path.map(([x, y]) => [x * this.ratio, y * this.ratio]);
			return inside(this, this.data.n, polygon, this.visible);
		}
		/** Light the points of `list` and fade the others; null: fade none. */
		choose(list) {
			this.chosen = list && new Uint8Array(this.data?.n ?? 0);
			for (const i of list ?? []) this.chosen[i] = 1;
			this.few = list && list.length <= 60 ? list : null;
			this.ask();
		}
	};
	// src/sphere/card.tsx
	/** The card of the face under the mouse. */
	/** Where a card for a point lies in a canvas, in css px: beside it, and inside. */
	function cardPlace([x, y], [width, height]) {
		return {
			left: Math.max(2, x + 250 > width ? x - 246 : x + 14),
			top: Math.max(4, Math.min(y - 40, height - 128))
		};
	}
	function Card({ card, at, size }) {
		if (!card || !at) return null;
		const fake = card.label === "fake";
		const colour = fake ? FAKE : card.label === "real" ? REAL : void 0;
		return /* @__PURE__ */ h("div", {
			className: "mf-card",
			style: cardPlace(at, size),
			"data-cy": "mf-card"
		}, /* @__PURE__ */ h("img", {
			src: sampleSource(card.filepath),
			alt: "aligned face crop"
		}), /* @__PURE__ */ h("div", null, /* @__PURE__ */ h("b", { style: { color: colour } }, (fake ? "▲ " : "● ") + (card.label || "unknown")), /* @__PURE__ */ h("div", null, "p_fake " + card.p_fake), /* @__PURE__ */ h("div", { className: "mf-dim" }, card.words.map((line, i) => /* @__PURE__ */ h("div", { key: i }, line)))));
	}
	// src/sphere/common.ts
	/** What two spheres beside each other have in common: view, drawing, colour. */
	var common = {
		mode: "3d",
		shape: "stretched",
		by: "label",
		hidden: /* @__PURE__ */ new Set()
	};
	var watchers = /* @__PURE__ */ new Set();
	function useCommon(name) {
		const [, redraw] = useState(0);
		useEffect(() => {
			const again = () => redraw((k) => k + 1);
			watchers.add(again);
			return () => {
				watchers.delete(again);
			};
		}, []);
		const set = (value) => {
			common[name] = value;
			watchers.forEach((again) => again());
		};
		return [common[name], set];
	}
	// src/sphere/faces.ts
	/** The faces of a sphere: those that came first, the rest, a field to colour by, a UMAP. */
	function useFaces(data, on, umapShown) {
		const trigger = useTrigger();
		const [by, setBy] = useCommon("by");
		const [, setMode] = useCommon("mode");
		const [more, setMore] = useState(null);
		const [field, setField] = useState(null);
		const [map, setMap] = useState(null);
		const latest = useRef(data);
		latest.current = data;
		const raw = data.sphere;
		const rest = more && raw && sameFaces(more.of, raw) && more.key === data.key ? more : null;
		const points = useMemo(() => raw?.xyz ? unpack(raw, rest?.sphere) : null, [
			raw?.xyz,
			raw?.code,
			raw?.score,
			rest
		]);
		const ours = field && field.of === points && field.name === by ? field : null;
		const colouredBy = isField(by) && !ours ? "label" : by;
		const colours = useMemo(() => points ? colouring(points, colouredBy, ours) : null, [
			points,
			by,
			ours
		]);
		const umap = map && map.of === points ? map : null;
		const ask = (uri, params, then) => trigger(uri, {
			...params,
			side: on.side ?? 1,
			n: points?.n ?? 0
		}, void 0, (answer) => then(answer?.result));
		useEffect(() => {
			if (!raw?.partial || rest) return;
			const of = raw;
			const key = data.key;
			ask(on.on_rest, { key }, (found) => {
				if (found && found.key === key) setMore({
					...found,
					of,
					before: latest.current.selected
				});
				else setMore({
					of,
					key,
					failed: true
				});
			});
		}, [
			raw?.xyz,
			raw?.code,
			data.key,
			!rest
		]);
		useEffect(() => {
			if (!points || !isField(by) || ours) return;
			ask(on.on_colour, { name: by }, (found) => {
				if (!found) return setBy("label");
				const bytes = decode(found.codes);
				const codes = found.wide ? new Uint16Array(bytes) : new Uint8Array(bytes);
				setField({
					...found,
					of: points,
					codes
				});
			});
		}, [points, by]);
		useEffect(() => {
			if (!points || !umapShown || umap) return;
			ask(on.on_umap, {}, (found) => {
				if (!found) return setMode("2d");
				setMap({
					of: points,
					xy: new Int16Array(decode(found.xy)),
					words: found.words
				});
			});
		}, [points, umapShown]);
		return {
			points,
			colours,
			colouredBy,
			umap,
			rest,
			ask,
			forget: () => setMore(null)
		};
	}
	// src/sphere/gestures.ts
	var ARROWS = {
		ArrowLeft: [-1, 0],
		ArrowRight: [1, 0],
		ArrowUp: [0, -1],
		ArrowDown: [0, 1]
	};
	/** Zoom of a turn of the wheel by `delta` px. */
	var wheelZoom = (delta) => Math.exp(-delta * .0012);
	var Gestures = class {
		painter;
		tool = "";
		drag = null;
		constructor(painter) {
			this.painter = painter;
		}
		/** Whether something is being dragged. */
		get dragging() {
			return !!this.drag;
		}
		/** Take `tool`; what was drawn with another is gone. */
		take(tool) {
			const p = this.painter;
			this.tool = tool;
			p.path = p.cursor = null;
			p.corners = [];
			p.ask(true);
		}
		down([x, y], shift, acts) {
			const p = this.painter;
			const tool = shift ? "lasso" : this.tool;
			this.drag = {
				x,
				y,
				from: [x, y],
				far: 0,
				tool
			};
			p.cursor = null;
			p.corners = [];
			acts.hideCard();
			if (tool) p.path = [[x, y]];
		}
		move([x, y], acts) {
			const p = this.painter;
			const { drag } = this;
			if (!drag) {
				this.hoverAt(x, y, acts);
				return;
			}
			const dx = x - drag.x;
			const dy = y - drag.y;
			const way = Math.abs(dx) + Math.abs(dy);
			drag.far += way;
			if (drag.tool === "lasso" && way < 3) return;
			drag.x = x;
			drag.y = y;
			if (drag.tool) {
				if (drag.tool === "box") p.path = box(drag.from, [x, y]);
				else p.path.push([x, y]);
				p.ask(true);
			} else this.shift(dx, dy, .008, 1);
		}
		up(acts) {
			const p = this.painter;
			const { drag } = this;
			this.drag = null;
			if (!drag) return;
			for (const each of [p, ...p.beside()]) each.rest();
			if (drag.tool && drag.far > 8 && p.path) {
				this.finish(p.path, drag.tool, acts);
				return;
			}
			p.path = null;
			p.ask(true);
			if (drag.far > 4) return;
			const point = p.nearest(drag.x, drag.y, 10);
			if (point >= 0) acts.pick([point]);
		}
		leave(acts) {
			if (this.drag) return;
			this.painter.hover = -1;
			acts.hover(-1);
			acts.hideCard();
			this.painter.ask(true);
		}
		wheel(delta, at) {
			this.zoom(wheelZoom(delta), at);
		}
		hoverAt(x, y, acts) {
			const p = this.painter;
			if (p.moving) return;
			const point = p.nearest(x, y, 9);
			if (point === p.hover) return;
			p.hover = point;
			p.ask(true);
			acts.hover(point);
		}
		finish(path, tool, acts) {
			const list = this.painter.inside(path);
			acts.setTool("");
			acts.pick(list, tool);
		}
		/** Returns whether the key was for the sphere. */
		key(event, acts) {
			if (event.ctrlKey || event.metaKey || event.altKey) return false;
			return this.tool && this.keyOfTool(event, acts) ? true : this.keyOfView(event, acts);
		}
		/** With a tool the arrows move a cross. */
		keyOfTool({ key, shiftKey }, acts) {
			const arrow = ARROWS[key];
			if (arrow) this.moveCross(arrow, shiftKey ? 40 : 8);
			else if (key === "Enter" || key === " ") this.corner(key === "Enter", acts);
			else if (key === "Escape") acts.setTool("");
			else return false;
			return true;
		}
		keyOfView({ key }, acts) {
			const p = this.painter;
			const arrow = ARROWS[key];
			if (key === "l" || key === "b") this.toggle(key === "l" ? "lasso" : "box", acts);
			else if (arrow) this.shift(arrow[0], arrow[1], .12, -24);
			else if (key === "+" || key === "=") this.zoom(1.2);
			else if (key === "-") this.zoom(1 / 1.2);
			else if (key === "Escape") acts.clear();
			else if (key === "0") p.reset();
			else if (key === "Enter") this.pickMiddle(acts);
			else return false;
			return true;
		}
		toggle(tool, acts) {
			const p = this.painter;
			const next = tool === this.tool ? "" : tool;
			acts.setTool(next);
			if (next) p.cursor = p.centreOfCanvas;
			p.ask(true);
		}
		pickMiddle(acts) {
			const p = this.painter;
			const [x, y] = p.centreOfCanvas;
			const point = p.nearest(x, y, 1e5);
			if (point < 0) return;
			acts.pick([point]);
			p.hover = point;
			acts.showCard(point);
		}
		moveCross([dx, dy], far) {
			const p = this.painter;
			const { clientWidth, clientHeight } = p.canvas;
			const [x, y] = p.cursor ?? p.centreOfCanvas;
			const cross = [Math.max(0, Math.min(clientWidth, x + far * dx)), Math.max(0, Math.min(clientHeight, y + far * dy))];
			p.cursor = cross;
			if (p.corners.length) p.path = this.tool === "box" ? box(p.corners[0], cross) : [...p.corners, cross];
			p.ask(true);
		}
		/** A corner where the cross is, or the end. */
		corner(enter, acts) {
			const p = this.painter;
			const cross = p.cursor ??= p.centreOfCanvas;
			const { tool } = this;
			if (tool === "box" && p.corners.length) this.finish(box(p.corners[0], cross), tool, acts);
			else if (tool === "lasso" && enter && p.corners.length > 2) this.finish(p.corners, tool, acts);
			else {
				p.corners.push(cross);
				p.ask(true);
			}
		}
		/** Turn the ball by `turn` radians, or move the flat map by `pan` px, a step. */
		shift(x, y, turn, pan) {
			const p = this.painter;
			if (p.mode === "3d") p.turnBy(x * turn, y * turn);
			else p.panBy(x * pan, y * pan);
			p.move();
		}
		/** Zoom around a place in css px, else around the middle. */
		zoom(factor, at) {
			const p = this.painter;
			const [cx, cy] = p.centreOfCanvas;
			p.zoomBy(factor, at ? [at[0] - cx, at[1] - cy] : [0, 0]);
			p.move();
		}
	};
	// src/sphere/legend.tsx
	/** What the colours mean; a click hides a group. */
	var MOST$1 = 24;
	var SHAPES = "● real  ▲ fake";
	var OF_ERRORS = [
		"●",
		"▲",
		"●",
		"▲",
		"●",
		"■"
	];
	function Scale({ colours }) {
		return /* @__PURE__ */ h("div", { className: "mf-legend mf-dim mf-small" }, "p_fake 0", /* @__PURE__ */ h("span", { style: {
			width: 160,
			height: 10,
			borderRadius: 5,
			background: "linear-gradient(90deg," + colours.groups.filter((_, i) => i % 9 === 0).map((group) => group.colour).join(",") + ")"
		} }), "1", /* @__PURE__ */ h("span", { style: { marginLeft: 10 } }, SHAPES));
	}
	function Legend({ colours, hidden, toggle, by }) {
		if (colours.scale) return /* @__PURE__ */ h(Scale, { colours });
		const { groups } = colours;
		const order = (colours.order ?? groups.map((_, i) => i)).filter((i) => groups[i].count);
		const shape = (i) => by === "label" ? i === 1 ? "▲" : "●" : by === "error" ? OF_ERRORS[i] : "■";
		return /* @__PURE__ */ h("div", { className: "mf-legend" }, order.slice(0, MOST$1).map((i) => /* @__PURE__ */ h("button", {
			key: i,
			"aria-pressed": !hidden.has(i),
			onClick: () => toggle(i),
			title: "Show or hide",
			"data-cy": "mf-legend-" + groups[i].name
		}, /* @__PURE__ */ h("span", { style: {
			color: groups[i].colour,
			fontSize: 13
		} }, shape(i)), groups[i].name, /* @__PURE__ */ h("span", { className: "mf-dim" }, number(groups[i].count)))), order.length > MOST$1 && /* @__PURE__ */ h("span", { className: "mf-dim mf-small" }, "and " + (order.length - MOST$1) + " more"), !["label", "error"].includes(by) && /* @__PURE__ */ h("span", {
			className: "mf-dim mf-small",
			style: { marginLeft: 6 }
		}, SHAPES));
	}
	// src/sphere/toolbar.tsx
	/** Controls above the sphere. */
	var COLOURS$1 = [
		["label", "truth"],
		["prediction", "prediction"],
		["error", "right and wrong"],
		["score", "score (p_fake)"]
	];
	/** Ways to draw the ball, for angles that would be stretched by `stretch`. */
	var drawings = (stretch) => [
		...stretch > 1 ? [["stretched", `angles × ${stretch}`]] : [],
		[stretch > 1 ? "true" : "stretched", "true angles"],
		["ball", "inside ball"]
	];
	/** One of several buttons of which one is pressed. */
	function Choice(props) {
		return /* @__PURE__ */ h("button", {
			className: props.pressed ? "mf-on" : "",
			"aria-pressed": props.pressed,
			onClick: props.onClick,
			title: props.title,
			"data-cy": props.cy
		}, props.text);
	}
	/** What both spheres share stands above the first. */
	function Shared({ data, mode, stretch, set }) {
		const [by, setBy] = useCommon("by");
		const [, setHidden] = useCommon("hidden");
		const [, setMode] = useCommon("mode");
		const [shape, setShape] = useCommon("shape");
		const keys = data.keys ?? [];
		const others = keys.filter(([key]) => key !== data.key);
		const fields = (data.fields ?? []).map((name) => [name, name]);
		const tab = (value, text, title) => /* @__PURE__ */ h(Choice, {
			pressed: value === mode,
			text,
			title,
			onClick: () => setMode(value),
			cy: "mf-mode-" + value
		});
		return /* @__PURE__ */ h(Fragment, null, keys.length > 1 && /* @__PURE__ */ h(Select, {
			label: "Compare with",
			value: data.other,
			options: [["", "nothing"], ...others],
			onChange: (value) => set("other", value),
			cy: "mf-sphere-other"
		}), /* @__PURE__ */ h(Select, {
			label: "Colour by",
			value: by,
			options: [...COLOURS$1, ...fields],
			onChange: (value) => {
				setBy(value);
				setHidden(/* @__PURE__ */ new Set());
			},
			cy: "mf-colour"
		}), /* @__PURE__ */ h("div", {
			className: "mf-row",
			style: { gap: 0 },
			role: "group",
			"aria-label": "View"
		}, tab("3d", "3-D", "The sphere"), tab("2d", "2-D", "Angle to the fake axis against the leading residual"), data.umap && tab("umap", "UMAP", "Near neighbours by cosine distance; angles are not kept")), mode === "3d" && /* @__PURE__ */ h(Select, {
			label: "Drawn",
			value: shape,
			onChange: (value) => setShape(value),
			cy: "mf-shape",
			options: drawings(stretch)
		}));
	}
	function Toolbar(props) {
		const { data, side, two, tool, set, take } = props;
		const toolButton = (value, text, title) => /* @__PURE__ */ h(Choice, {
			pressed: value === tool,
			text,
			title,
			onClick: () => take(value),
			cy: "mf-" + value
		});
		return /* @__PURE__ */ h("div", {
			className: "mf-row",
			style: two ? { marginTop: 8 } : { order: -2 }
		}, /* @__PURE__ */ h(Select, {
			label: side === 2 ? "Beside it" : "Detector",
			value: data.key,
			options: data.keys,
			onChange: (value) => set(side === 2 ? "other" : "key", value),
			cy: "mf-sphere-key" + (side === 2 ? "-2" : "")
		}), side === 1 && /* @__PURE__ */ h(Shared, props), /* @__PURE__ */ h("div", {
			className: "mf-row",
			style: { gap: 0 },
			role: "group",
			"aria-label": "Select faces"
		}, toolButton("lasso", "Lasso", "Draw around faces (L, or hold shift and drag)"), toolButton("box", "Box", "Draw a box around faces (B)")), /* @__PURE__ */ h("button", {
			onClick: props.reset,
			title: "Back to the first view (0)",
			"data-cy": "mf-reset"
		}, "Reset"), /* @__PURE__ */ h("button", {
			onClick: props.refresh,
			title: "Read the samples again",
			"aria-label": "Read the samples again"
		}, "↻"), side === 1 && props.help);
	}
	// src/sphere/words.ts
	var KEYS$1 = [
		["← ↑ → ↓", "turn the sphere, or move the plot"],
		["+ −", "zoom"],
		["0", "back to the first view"],
		["Enter", "take the face in the middle"],
		["L", "lasso: arrows, Space for a corner, Enter closes it"],
		["B", "box: arrows, Enter for each of two corners"],
		["Esc", "leave the tool, or show all"],
		["?", "these keys"]
	];
	/** How to use it. */
	function howTo(tool, mode) {
		if (tool === "box") return "Box: drag, or move the cross with the arrows (Shift: faster) and set two corners with Enter. Escape leaves.";
		if (tool === "lasso") return "Lasso: drag, or move the cross with the arrows (Shift: faster), set corners with Space and close with Enter. Escape leaves.";
		return `Drag or arrows ${mode === "3d" ? "turn" : "move"}, wheel or + and − zoom, shift-drag or L is a lasso, B a box; click a face, or Enter for the one in the middle, to see it in the grid.`;
	}
	var TRUE_ANGLES = "Angles to the fake axis are true; dashed is the threshold.";
	/** What its angles mean. */
	function meaning$1(mode, shape, stretch, umap) {
		if (mode === "umap") return umap ? umap.words : "The UMAP is loading.";
		if (mode === "2d") return TRUE_ANGLES;
		if (shape === "ball") return "Orthogonal projection into the ball.";
		return (shape === "stretched" && stretch > 1 ? `Angles to the fake axis are drawn × ${stretch} around the threshold (dashed); the degrees on the rings are true.` : TRUE_ANGLES) + " The angle around the axis is the direction of the residual.";
	}
	// src/sphere/sphere.tsx
	/** Faces on the sphere of embeddings: the picture, its controls and its words. */
	/** ms that the mouse rests on a point before its card is asked for */
	var HOVER = 120;
	/** Points from which on a moving picture may hold fewer, which is said. */
	var MANY = 2e5;
	function Sphere({ data: given, schema }) {
		const on = schema.view;
		const side = on.side ?? 1;
		const data = given ?? {};
		const post = useEvents("sphere", data.rev);
		const [view] = useCommon("mode");
		const [shape] = useCommon("shape");
		const [hidden, setHidden] = useCommon("hidden");
		const mode = view === "umap" && !data.umap ? "2d" : view;
		const two = side === 2 || !!data.other;
		const seen = useFaces(data, on, mode === "umap");
		const { points, colours, umap, rest, ask } = seen;
		const kind = fasterFor(points?.n ?? 0);
		const send = (uri, params, then) => post(uri, {
			...params,
			side
		}, then);
		const canvas = useRef(null);
		const hand = useRef(null);
		const cards = useRef(/* @__PURE__ */ new Map());
		const waiting = useRef();
		const [tool, setTool] = useState("");
		const [nothing, setNothing] = useState(false);
		const [card, setCard] = useState(null);
		const [at, setAt] = useState(null);
		const [last, setLast] = useState(-1);
		const help = useHelp(KEYS$1);
		const painter = () => hand.current?.painter ?? null;
		const setUp = (p) => {
			p.mode = mode;
			p.surface = shape !== "ball";
			p.stretch = shape === "stretched";
			p.map = umap?.xy;
		};
		useEffect(() => {
			const el = canvas.current;
			if (!el || !points) return void 0;
			const before = painter();
			if (before?.canvas !== el) {
				hand.current = new Gestures(Painter.with(el, dotsOf(kind)));
				hand.current.tool = tool;
				if (before) hand.current.painter.takeOver(before);
			}
			const p = hand.current.painter;
			p.colours = colours;
			setUp(p);
			p.setData(points);
			Painter.open.add(p);
			el.mfPainter = p;
			const watch = new ResizeObserver(() => p.ask());
			watch.observe(el);
			const theme = new MutationObserver(() => p.ask());
			theme.observe(document.documentElement, { attributes: true });
			return () => {
				watch.disconnect();
				theme.disconnect();
				Painter.open.delete(p);
			};
		}, [points]);
		useEffect(() => () => painter()?.dispose(), []);
		useEffect(() => cards.current.clear(), [data.sphere]);
		useEffect(() => {
			const p = painter();
			if (!p || !colours) return;
			p.colours = colours;
			p.hidden = hidden;
			p.ask();
		}, [colours, hidden]);
		useEffect(() => {
			const p = painter();
			if (!p) return;
			setUp(p);
			p.pan = [0, 0];
			p.zoom = 1;
			p.arrange();
		}, [mode, shape]);
		useEffect(() => {
			const p = painter();
			if (!p || !umap) return;
			p.map = umap.xy;
			p.arrange();
		}, [umap]);
		const selected = rest && rest.before === data.selected ? rest.selected : data.selected;
		useEffect(() => {
			const p = painter();
			if (!p) return;
			p.marked = new Set(selected ?? []);
			p.ask();
		}, [selected, points]);
		useEffect(() => {
			const p = painter();
			if (!p || data.shown) return;
			p.choose(null);
			setLast(-1);
		}, [data.shown]);
		useEffect(() => {
			const el = canvas.current;
			if (!el) return void 0;
			const wheel = (e) => {
				if (!hand.current) return;
				e.preventDefault();
				hand.current.wheel(e.deltaY, [e.offsetX, e.offsetY]);
			};
			el.addEventListener("wheel", wheel, { passive: false });
			return () => el.removeEventListener("wheel", wheel);
		}, [!!points, kind]);
		if (!points || !colours) return null;
		const clear = () => {
			const p = painter();
			p.path = null;
			p.choose(null);
			setLast(-1);
			send(on.on_clear, {});
		};
		const pick = (list, how) => {
			setNothing(!list.length);
			if (!list.length) return;
			painter().choose(list);
			setLast(list.length === 1 ? list[0] : -1);
			send(on.on_pick, {
				...chosenAs(list, points.n),
				n: points.n,
				tool: how
			});
		};
		const toMore = (what) => send(on.on_more, {
			idx: last,
			what,
			n: points.n
		}, (found) => {
			if (found?.idx) painter().choose(found.idx);
		});
		const take = (next) => {
			hand.current.take(next);
			setNothing(false);
			setTool(next);
		};
		const showCard = (i) => {
			const p = painter();
			const show = (face) => {
				setCard(face);
				setAt(p.placeOf(i));
			};
			const known = cards.current.get(i);
			if (known) return show(known);
			return ask(on.on_hover, { idx: i }, (found) => {
				if (!found) return;
				cards.current.set(i, found);
				if (p.hover === i) show(found);
			});
		};
		const hover = (i) => {
			clearTimeout(waiting.current);
			const known = cards.current.has(i);
			if (!known) setCard(null);
			if (i >= 0) waiting.current = setTimeout(() => showCard(i), known ? 0 : HOVER);
		};
		const hideCard = () => setCard(null);
		const acts = {
			setTool: take,
			pick,
			clear,
			hover,
			showCard,
			hideCard
		};
		const placeOf = (e) => {
			const bounds = e.currentTarget.getBoundingClientRect();
			return [e.clientX - bounds.left, e.clientY - bounds.top];
		};
		const told = howTo(tool, mode);
		const size = canvas.current ? [canvas.current.clientWidth, canvas.current.clientHeight] : [600, 470];
		const toggle = (i) => {
			const next = new Set(hidden);
			if (!next.delete(i)) next.add(i);
			setHidden(next);
		};
		return /* @__PURE__ */ h("div", {
			className: "mf",
			style: {
				display: "flex",
				flexDirection: "column"
			},
			onKeyDown: help.pressed,
			"data-cy": "mf-sphere"
		}, two && /* @__PURE__ */ h("b", {
			style: { order: -3 },
			"data-cy": "mf-which"
		}, data.key), /* @__PURE__ */ h(Toolbar, {
			data,
			side,
			two,
			mode,
			stretch: points.stretch,
			tool,
			set: (name, value) => send(on.on_set, {
				name,
				value
			}),
			take: (value) => {
				take(value === tool ? "" : value);
				canvas.current.focus();
			},
			reset: () => painter().reset(),
			refresh: () => {
				seen.forget();
				send(on.on_refresh, {});
			},
			help: help.button
		}), help.list && /* @__PURE__ */ h("div", { style: {
			marginTop: 8,
			order: two ? void 0 : -2
		} }, help.list), /* @__PURE__ */ h("div", {
			className: "mf-sphere",
			style: {
				order: -1,
				height: two ? 380 : 470,
				flex: "none",
				marginTop: 8
			}
		}, /* @__PURE__ */ h("canvas", {
			key: kind,
			ref: canvas,
			tabIndex: 0,
			role: "application",
			"aria-label": `${number(points.n)} faces on the sphere of embeddings. ` + told,
			style: { cursor: tool ? "crosshair" : "grab" },
			onPointerDown: (e) => {
				e.currentTarget.setPointerCapture(e.pointerId);
				hand.current?.down(placeOf(e), e.shiftKey, acts);
			},
			onPointerMove: (e) => hand.current?.move(placeOf(e), acts),
			onPointerUp: () => hand.current?.up(acts),
			onPointerCancel: () => hand.current?.up(acts),
			onPointerLeave: () => hand.current?.leave(acts),
			onKeyDown: (e) => {
				if (!hand.current?.key(e, acts)) return;
				e.preventDefault();
				e.stopPropagation();
			},
			onDoubleClick: () => painter()?.reset(),
			"data-cy": "mf-canvas"
		}), /* @__PURE__ */ h(Card, {
			card,
			at,
			size
		})), /* @__PURE__ */ h("div", {
			className: "mf-small mf-dim",
			style: {
				marginTop: 4,
				minHeight: 16
			},
			"data-cy": "mf-drawn"
		}, rest?.drawn || data.drawn, rest?.failed && " They could not be read; press ↻ to try again.", points.n > MANY && " While the picture moves, fewer are drawn."), /* @__PURE__ */ h(Legend, {
			colours,
			hidden,
			by: seen.colouredBy,
			toggle
		}), /* @__PURE__ */ h("div", {
			className: "mf-shown",
			role: "status",
			"data-cy": "mf-sphere-shown"
		}, nothing ? /* @__PURE__ */ h("span", null, "No face is inside. Faces on the far side are not taken: turn the sphere.") : data.shown && !tool ? /* @__PURE__ */ h(Fragment, null, /* @__PURE__ */ h("span", null, data.shown), /* @__PURE__ */ h("button", {
			onClick: clear,
			"data-cy": "mf-sphere-clear"
		}, "Show all"), last >= 0 && /* @__PURE__ */ h("button", {
			onClick: () => send(on.on_play, {
				idx: last,
				n: points.n
			}, (found) => found && playIt(found)),
			"data-cy": "mf-sphere-play"
		}, "▶ Play"), last >= 0 && /* @__PURE__ */ h("button", {
			onClick: () => toMore("video"),
			"data-cy": "mf-more-video"
		}, "Its video"), last >= 0 && /* @__PURE__ */ h("button", {
			onClick: () => toMore("near"),
			"data-cy": "mf-more-near"
		}, "24 nearest of other groups")) : /* @__PURE__ */ h("span", { className: "mf-dim" }, told)), /* @__PURE__ */ h("div", {
			className: "mf-words mf-small",
			"data-cy": "mf-words"
		}, (data.words ?? []).map(([name, value, what], i) => /* @__PURE__ */ h(Fragment, { key: i }, /* @__PURE__ */ h("span", { className: "mf-dim" }, name), /* @__PURE__ */ h("b", { title: what }, value), /* @__PURE__ */ h("span", { className: "mf-dim" }, two ? "" : what)))), /* @__PURE__ */ h("div", {
			className: "mf-row mf-small mf-dim",
			style: {
				marginTop: 8,
				justifyContent: "space-between"
			}
		}, /* @__PURE__ */ h("span", {
			style: { flex: "1 1 240px" },
			"data-cy": "mf-meant"
		}, /* @__PURE__ */ h("b", null, meaning$1(mode, shape, points.stretch, umap) + " "), mode !== "umap" && (rest?.note || data.note)), /* @__PURE__ */ h("button", {
			onClick: () => send(on.on_register, {}),
			title: "Add the 2-D projection to FiftyOne's Embeddings panel",
			"data-cy": "mf-register"
		}, "To Embeddings panel")));
	}
	// src/player/keys.ts
	/** The keys of the player. */
	/** Command, its key as it is shown, and what it does. */
	var KEYS = [
		[
			"play",
			"Space",
			"Play, pause"
		],
		[
			"forward",
			"→",
			"One frame on"
		],
		[
			"back",
			"←",
			"One frame back"
		],
		[
			"leap",
			"Shift →",
			"Ten frames on"
		],
		[
			"leapBack",
			"Shift ←",
			"Ten frames back"
		],
		[
			"nextFace",
			"↓",
			"Next scored frame"
		],
		[
			"lastFace",
			"↑",
			"Scored frame before"
		],
		[
			"first",
			"Home",
			"First frame"
		],
		[
			"last",
			"End",
			"Last frame"
		],
		[
			"goto",
			"G",
			"Go to a frame"
		],
		[
			"loopFrom",
			"I",
			"Loop from here"
		],
		[
			"loopTo",
			"O",
			"Loop to here"
		],
		[
			"loopOff",
			"L",
			"No loop"
		],
		[
			"closer",
			"+",
			"Closer"
		],
		[
			"wider",
			"−",
			"Wider"
		],
		[
			"whole",
			"0",
			"Whole frame"
		],
		[
			"face",
			"F",
			"Closer to the face"
		],
		[
			"difference",
			"D",
			"Difference"
		],
		[
			"heat",
			"H",
			"Heatmap"
		],
		[
			"boxes",
			"B",
			"Boxes"
		],
		[
			"person",
			"P",
			"Next person"
		],
		[
			"fake",
			"V",
			"Next fake of this real"
		],
		[
			"slower",
			"<",
			"Slower"
		],
		[
			"faster",
			">",
			"Faster"
		],
		[
			"nextVideo",
			"N",
			"Next video of the grid"
		],
		[
			"lastVideo",
			"M",
			"Video before"
		],
		[
			"help",
			"?",
			"Keys"
		]
	];
	var OTHERS = {
		" ": "play",
		k: "play",
		ArrowRight: "forward",
		ArrowLeft: "back",
		ArrowDown: "nextFace",
		ArrowUp: "lastFace",
		PageDown: "nextFace",
		PageUp: "lastFace",
		Home: "first",
		End: "last",
		"=": "closer",
		"-": "wider",
		",": "slower",
		".": "faster"
	};
	/** The command of a key, or null if it means nothing here. */
	function commandOf(press) {
		if (typed(press.target) || press.altKey || press.ctrlKey || press.metaKey) return null;
		const key = plainKey(press);
		if (press.shiftKey && key === "ArrowRight") return "leap";
		if (press.shiftKey && key === "ArrowLeft") return "leapBack";
		return meaning(key) ?? (press.shiftKey ? null : meaning(placed(press, 0)));
	}
	function meaning(key) {
		return OTHERS[key] ?? KEYS.find(([, shown]) => shown.toLowerCase() === key)?.[0] ?? null;
	}
	// src/player/scores.tsx
	/** The scores of a video's persons along its frames; a click goes to a frame. */
	var HIGH = 132;
	var EDGE = {
		left: 30,
		right: 8,
		top: 8,
		bottom: 20
	};
	/** points of a line; of more every so many-th is drawn */
	var MOST = 1500;
	/** Okabe and Ito, as the score timeline's */
	var COLOURS = [
		FAKE,
		"#009E73",
		"#CC79A7",
		"#E69F00",
		"#56B4E9"
	];
	var nameOf = ({ track }) => track < 0 ? "Person" : "Person " + track;
	function Scores(props) {
		const { shown, person, range, number, onGo } = props;
		const root = useRef(null);
		const [wide, setWide] = useState(600);
		useEffect(() => {
			const watch = new ResizeObserver(() => setWide(root.current?.clientWidth || 600));
			if (root.current) watch.observe(root.current);
			return () => watch.disconnect();
		}, []);
		const [from, to] = range;
		const span = Math.max(1, to - from);
		const inner = Math.max(40, wide - EDGE.left - EDGE.right);
		const x = (frame) => EDGE.left + (frame - from) / span * inner;
		const y = (p) => EDGE.top + (1 - p) * (HIGH - EDGE.top - EDGE.bottom);
		const drawn = useMemo(() => /* @__PURE__ */ h(Lines, {
			shown,
			person,
			x,
			y
		}), [
			shown,
			person,
			wide,
			from,
			to
		]);
		const go = (e) => {
			const left = e.currentTarget.getBoundingClientRect().left;
			onGo(Math.round(from + (e.clientX - left - EDGE.left) / inner * span));
		};
		const { loop } = props;
		return /* @__PURE__ */ h("div", {
			ref: root,
			className: "mf-scores",
			role: "slider",
			tabIndex: 0,
			"aria-label": "Frame",
			"aria-valuemin": from,
			"aria-valuemax": to,
			"aria-valuenow": number,
			"aria-valuetext": props.words,
			onPointerDown: (e) => {
				e.currentTarget.setPointerCapture(e.pointerId);
				go(e);
			},
			onPointerMove: (e) => e.buttons && go(e),
			"data-cy": "mf-player-scores"
		}, /* @__PURE__ */ h("svg", {
			width: wide,
			height: HIGH,
			"aria-hidden": "true"
		}, drawn, loop && /* @__PURE__ */ h("rect", {
			className: "mf-loop",
			x: x(loop[0]),
			width: Math.max(2, x(loop[1]) - x(loop[0])),
			y: EDGE.top,
			height: HIGH - EDGE.top - EDGE.bottom
		}), /* @__PURE__ */ h("line", {
			className: "mf-cursor",
			x1: x(number),
			x2: x(number),
			y1: 2,
			y2: HIGH - EDGE.bottom
		}), /* @__PURE__ */ h("text", {
			className: "mf-axis-end",
			x: EDGE.left,
			y: 127
		}, "frame " + from.toLocaleString("en-US")), /* @__PURE__ */ h("text", {
			className: "mf-axis-end",
			x: wide - EDGE.right,
			y: 127,
			textAnchor: "end"
		}, to.toLocaleString("en-US"))));
	}
	function Lines({ shown, person, x, y }) {
		const base = y(0) + 4;
		const line = (track, colour, width, dash) => {
			const scored = thinned(track.points.filter(([, p]) => p !== null));
			const at = scored.map(([frame, p]) => x(frame).toFixed(1) + "," + y(p).toFixed(1));
			return /* @__PURE__ */ h("g", {
				key: colour + track.track,
				opacity: width > 1.5 || dash ? 1 : .55
			}, /* @__PURE__ */ h("polyline", {
				points: at.join(" "),
				stroke: colour,
				strokeWidth: width,
				strokeDasharray: dash
			}), scored.length <= 200 && scored.map(([frame, p, face]) => /* @__PURE__ */ h("circle", {
				key: face,
				cx: x(frame),
				cy: y(p),
				r: width + 1,
				fill: colour
			})));
		};
		return /* @__PURE__ */ h(Fragment, null, [
			0,
			.5,
			1
		].map((p) => /* @__PURE__ */ h("text", {
			key: p,
			className: "mf-axis-end",
			x: EDGE.left - 6,
			y: y(p) + 4,
			textAnchor: "end"
		}, p)), shown.threshold !== null && /* @__PURE__ */ h("line", {
			className: "mf-limit",
			x1: EDGE.left,
			x2: "100%",
			y1: y(shown.threshold),
			y2: y(shown.threshold)
		}), shown.reals.map((track) => line(track, REAL, 1.5, "3 3")), shown.people.map((track, i) => track === person ? null : line(track, COLOURS[i % COLOURS.length], 1)), person && line(person, COLOURS[Math.max(0, shown.people.indexOf(person)) % COLOURS.length], 2.2), thinned(shown.gaps).map(([frame, reason]) => /* @__PURE__ */ h("path", {
			key: frame,
			className: "mf-gap",
			d: `M${x(frame) - 3},${base - 3}l6,6m0,-6l-6,6`
		}, /* @__PURE__ */ h("title", null, "frame " + frame + ": no score, " + reason))));
	}
	function thinned(points) {
		const step = Math.ceil(points.length / MOST);
		return step > 1 ? points.filter((_, i) => i % step === 0) : points;
	}
	// src/player/bar.tsx
	/** The buttons of the player, each with its key. */
	function Button({ command, onDo, sign, on, off }) {
		const [, key, words] = KEYS.find(([name]) => name === command);
		return /* @__PURE__ */ h("button", {
			className: on ? "mf-on" : void 0,
			"aria-pressed": on,
			"aria-label": words,
			"aria-keyshortcuts": key,
			"aria-disabled": off,
			title: words + " (" + key + ")",
			onClick: () => !off && onDo(command),
			"data-cy": "mf-player-" + command
		}, sign ?? words);
	}
	function Bar({ session, going, onDo, onGo, onDone, help }) {
		const { state } = session;
		const { duo, shown } = state;
		const alone = !state.films.left || !state.films.right;
		const loop = duo?.loop ?? null;
		const people = shown?.people ?? [];
		return /* @__PURE__ */ h("div", {
			className: "mf-player-bar",
			role: "group",
			"aria-label": "Player"
		}, /* @__PURE__ */ h("div", { className: "mf-row" }, /* @__PURE__ */ h(Button, {
			command: "first",
			sign: "|◀",
			onDo,
			off: !duo
		}), /* @__PURE__ */ h(Button, {
			command: "back",
			sign: "◀",
			onDo,
			off: !duo
		}), /* @__PURE__ */ h(Button, {
			command: "play",
			sign: duo?.playing ? "❚❚" : "▶ Play",
			onDo,
			off: !duo
		}), /* @__PURE__ */ h(Button, {
			command: "forward",
			sign: "▶",
			onDo,
			off: !duo
		}), /* @__PURE__ */ h(Button, {
			command: "last",
			sign: "▶|",
			onDo,
			off: !duo
		}), /* @__PURE__ */ h(GoTo, {
			session,
			going,
			onGo,
			onDone
		}), /* @__PURE__ */ h(Button, {
			command: "lastFace",
			sign: "▲ scored",
			onDo,
			off: !state.person
		}), /* @__PURE__ */ h(Button, {
			command: "nextFace",
			sign: "▼ scored",
			onDo,
			off: !state.person
		}), /* @__PURE__ */ h(Button, {
			command: "loopFrom",
			sign: "[ from",
			onDo,
			on: !!loop,
			off: !duo
		}), /* @__PURE__ */ h(Button, {
			command: "loopTo",
			sign: "to ]",
			onDo,
			on: !!loop,
			off: !duo
		}), loop && /* @__PURE__ */ h(Button, {
			command: "loopOff",
			onDo
		}), /* @__PURE__ */ h(Button, {
			command: "slower",
			sign: "slower",
			onDo,
			off: !duo
		}), /* @__PURE__ */ h("span", {
			className: "mf-dim",
			"data-cy": "mf-player-rate"
		}, (duo?.rate ?? 1) + "×"), /* @__PURE__ */ h(Button, {
			command: "faster",
			sign: "faster",
			onDo,
			off: !duo
		})), /* @__PURE__ */ h("div", { className: "mf-row" }, /* @__PURE__ */ h(Button, {
			command: "wider",
			sign: "−",
			onDo,
			off: state.zoom.k <= 1
		}), /* @__PURE__ */ h("span", { className: "mf-dim" }, state.zoom.k.toFixed(1) + "×"), /* @__PURE__ */ h(Button, {
			command: "closer",
			sign: "+",
			onDo
		}), /* @__PURE__ */ h(Button, {
			command: "whole",
			sign: "Whole",
			onDo,
			off: state.zoom.k <= 1
		}), /* @__PURE__ */ h(Button, {
			command: "face",
			sign: "Face",
			onDo,
			off: !state.person
		}), /* @__PURE__ */ h(Button, {
			command: "boxes",
			sign: "Boxes",
			onDo,
			on: state.boxes
		}), /* @__PURE__ */ h(Button, {
			command: "difference",
			onDo,
			on: state.difference,
			off: alone
		}), /* @__PURE__ */ h(Button, {
			command: "heat",
			onDo,
			on: state.heat
		}), people.length > 1 && state.person && /* @__PURE__ */ h("label", { className: "mf-field" }, "Person", /* @__PURE__ */ h("select", {
			value: state.person.track,
			onChange: (e) => session.choose(Number(e.target.value)),
			"data-cy": "mf-player-person"
		}, people.map((person) => /* @__PURE__ */ h("option", {
			key: person.track,
			value: person.track
		}, nameOf(person) + (person.subject ? "" : " (not the subject)"))))), shown && shown.fakes.length > 1 && /* @__PURE__ */ h("label", { className: "mf-field" }, "Fake of this real", /* @__PURE__ */ h("select", {
			value: shown.left.video,
			onChange: (e) => session.open({ video: e.target.value }),
			"data-cy": "mf-player-fakes"
		}, shown.fakes.map((video) => /* @__PURE__ */ h("option", { key: video }, video)))), /* @__PURE__ */ h(Button, {
			command: "lastVideo",
			sign: "Video before",
			onDo
		}), /* @__PURE__ */ h(Button, {
			command: "nextVideo",
			sign: "Next video",
			onDo
		}), /* @__PURE__ */ h(Button, {
			command: "help",
			sign: "? Keys",
			onDo,
			on: help
		})));
	}
	/** The frame number, as a field while a frame is typed in. */
	function GoTo(props) {
		const { session, going, onGo, onDone } = props;
		const field = useRef(null);
		useEffect(() => {
			if (going) field.current?.select();
		}, [going]);
		const { duo } = session.state;
		if (!duo) return /* @__PURE__ */ h(Fragment, null);
		const { table, moment } = duo;
		const [first, last] = [table.numberOf(0), table.numberOf(table.length - 1)];
		return going ? /* @__PURE__ */ h("input", {
			ref: field,
			type: "number",
			min: first,
			max: last,
			style: { width: 84 },
			defaultValue: table.numberOf(moment.index),
			"aria-label": `Frame number, ${first} to ${last}. Enter goes there`,
			"data-cy": "mf-player-goto-field",
			onBlur: onDone,
			onKeyDown: (e) => {
				e.stopPropagation();
				if (e.key !== "Enter" && e.key !== "Escape") return;
				const number = Number(e.currentTarget.value);
				if (e.key === "Enter" && Number.isFinite(number)) onGo(number);
				onDone();
			}
		}) : /* @__PURE__ */ h("b", {
			className: "mf-frame-number",
			"data-cy": "mf-player-frame",
			"data-number": table.numberOf(moment.index)
		}, table.numberOf(moment.index).toLocaleString("en-US"), /* @__PURE__ */ h("span", { className: "mf-dim" }, " / " + last.toLocaleString("en-US")));
	}
	function Help() {
		return /* @__PURE__ */ h("section", {
			"aria-label": "Keys",
			className: "mf-help",
			"data-cy": "mf-player-keys"
		}, KEYS.map(([command, key, words]) => /* @__PURE__ */ h("span", { key: command }, /* @__PURE__ */ h("kbd", null, key), " ", words)), /* @__PURE__ */ h("p", { className: "mf-dim" }, "The wheel zooms, dragging moves, in all pictures alike. A click on the scores goes to that frame. Frames are counted from 1, as FiftyOne counts; each is the one that the file gives at that number, at any frame rate."));
	}
	// src/player/film.ts
	/** frames that a film keeps */
	var KEPT = 8;
	/** pixels of the longer side of a kept frame */
	var LONGEST = 1920;
	/** Pictures that were caught, newest first; a canvas is used again. */
	var Ring = class {
		kept = [];
		catch(index, source, width, height) {
			const old = this.kept.findIndex((p) => p.index === index);
			const at = old >= 0 ? old : this.kept.length >= KEPT ? 7 : -1;
			const [reused] = at >= 0 ? this.kept.splice(at, 1) : [];
			if (reused) reused.index = -1;
			const canvas = reused?.canvas ?? document.createElement("canvas");
			const share = Math.min(1, LONGEST / Math.max(width, height, 1));
			const size = [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
			if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
			canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
			const picture = {
				index,
				canvas
			};
			this.kept.unshift(picture);
			return picture;
		}
		get(index) {
			return this.kept.find((p) => p.index === index);
		}
		clear() {
			this.kept.length = 0;
		}
	};
	// src/player/table.ts
	/** s; how far a player may round a time */
	var ROUNDING = 6e-4;
	/** The float64s of a base64 text. */
	function unpackTimes(text) {
		const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
		const view = new DataView(bytes.buffer);
		return Float64Array.from({ length: bytes.length >> 3 }, (_, i) => view.getFloat64(8 * i, true));
	}
	var Table = class Table {
		/** s of each frame, ascending; of pictures without times one a tick */
		times;
		/** number of each picture of a sequence, ascending; none for a video */
		numbers;
		constructor(times, numbers = []) {
			this.times = times;
			this.numbers = numbers;
		}
		static of(side) {
			if (side.kind === "video") return new Table(unpackTimes(side.times));
			return new Table(side.numbers.map((_, i) => i / 10), side.numbers);
		}
		get length() {
			return this.times.length;
		}
		clamp(index) {
			return Math.max(0, Math.min(this.length - 1, index));
		}
		numberOf(index) {
			return this.numbers[index] ?? index + 1;
		}
		/** The frame with a number, or the last one before it. */
		indexOf(number) {
			if (!this.numbers.length) return this.clamp(Math.round(number) - 1);
			return this.clamp(lastAtMost(this.numbers, number));
		}
		/** s of the moment half-way through the time in which a frame is shown */
		middle(index) {
			return (this.times[index] + this.end(index)) / 2;
		}
		/** s; the last frame is taken to be shown as long as the one before */
		end(index) {
			if (index + 1 < this.length) return this.times[index + 1];
			const before = index > 0 ? this.times[index] - this.times[index - 1] : .04;
			return this.times[index] + before;
		}
		/** The frame that is shown at a time. */
		at(seconds) {
			return this.clamp(lastAtMost(this.times, seconds + ROUNDING));
		}
		/** The frame whose time this is. */
		nearest(seconds) {
			const low = this.at(seconds);
			const next = this.clamp(low + 1);
			const off = (i) => Math.abs(this.times[i] - seconds);
			const index = off(next) < off(low) ? next : low;
			const gaps = [this.end(index) - this.times[index]];
			if (index > 0) gaps.push(this.times[index] - this.times[index - 1]);
			return {
				index,
				exact: off(index) <= Math.max(ROUNDING, .25 * Math.min(...gaps))
			};
		}
	};
	/** Position of the last value that is not above `limit`; -1 if there is none. */
	function lastAtMost(values, limit) {
		let low = 0;
		let high = values.length;
		while (low < high) {
			const half = low + high >> 1;
			if (values[half] <= limit) low = half + 1;
			else high = half;
		}
		return low - 1;
	}
	/** The frame of `other` that goes with frame `index` of `table`. */
	function partner(table, other, sync, index) {
		if (sync === "number") return other.indexOf(table.numberOf(index));
		return other.at(table.times[index] - table.times[0] + other.times[0]);
	}
	// src/player/reel.ts
	/** A video file whose frames are caught one by one.
	*
	* A frame is known by the time that the browser tells with it (`mediaTime`), never by the clock of
	* the element. */
	/** ms until a frame that was sought is given up, and until it is sought once more */
	var PATIENCE = 4e3;
	var AGAIN = 900;
	var ELSEWHERE = "The browser shows this file's frames at other times than they have. ";
	var UNREACHED = "The browser does not find every frame of this file. ";
	/** A video file, or a preview of a part of it. */
	var Reel = class {
		side;
		table;
		video;
		ask;
		words = "";
		failed = false;
		onFrame = (_) => void 0;
		onChange = () => void 0;
		ring = new Ring();
		offset = null;
		shown = -1;
		listening = 0;
		waiting = [];
		part = null;
		loading;
		closed = false;
		constructor(side, video, ask) {
			this.side = side;
			this.video = video;
			this.ask = ask;
			this.table = Table.of(side);
			video.muted = true;
			video.playsInline = true;
			video.preload = "auto";
			if (!("requestVideoFrameCallback" in video)) {
				this.fail("This browser does not tell which frame it shows: use a newer one.");
				this.loading = Promise.resolve();
				return;
			}
			const native = side.type && video.canPlayType(side.type);
			this.loading = native ? this.load(side.path).then((fine) => fine ? void 0 : this.prepare(0)) : this.prepare(0);
		}
		get kept() {
			return this.ring.kept;
		}
		picture(index) {
			return this.ring.get(index);
		}
		async show(index) {
			await this.ready(index);
			const { video } = this;
			const begun = performance.now();
			let sought = -Infinity;
			while (!this.closed && !this.failed && (this.shown !== index || video.seeking)) {
				const now = performance.now();
				if (now - begun > PATIENCE) break;
				if (now - begun > 3 * AGAIN && !this.part) this.doubt(UNREACHED);
				else if (now - sought > AGAIN && !video.seeking) {
					const share = sought < 0 ? .5 : .75;
					const { times } = this.table;
					video.currentTime = this.told(times[index] + share * (this.table.end(index) - times[index]));
					sought = now;
				}
				await this.wait(120);
				await this.ready(index);
			}
			return this.failed ? -1 : this.shown;
		}
		/** Waits until what holds a frame is loaded: nothing is sought before. */
		async ready(index) {
			for (let before; before !== this.loading;) await (before = this.loading);
			if (!this.failed && !this.closed && !this.holds(index)) await (this.loading = this.prepare(index));
		}
		async play(rate) {
			await this.loading;
			if (this.failed) return;
			this.video.playbackRate = rate;
			await this.video.play().catch(() => void 0);
		}
		pause() {
			this.video.pause();
			this.video.playbackRate = 1;
		}
		follow(index, late, rate) {
			if (this.failed || this.offset === null) return;
			const { video } = this;
			if (Math.abs(late) > .4 && this.holds(index)) {
				if (!video.seeking) video.currentTime = this.told(this.table.middle(index));
			} else if (!video.seeking) {
				const faster = Math.max(-.25, Math.min(.25, 2 * late));
				video.playbackRate = Math.max(.1, rate * (1 + faster));
			}
			if (video.paused && !video.ended) video.play().catch(() => void 0);
		}
		/** The part of the film that is there has ended. */
		get ended() {
			return this.video.ended;
		}
		close() {
			this.closed = true;
			this.video.pause();
			this.video.removeAttribute("src");
			this.video.load();
			this.ring.clear();
			this.wake();
		}
		get first() {
			return this.part?.first ?? 0;
		}
		holds(index) {
			return !this.part || index >= this.first && index < this.first + this.part.frames;
		}
		/** The element's time of a time of the table. */
		told(seconds) {
			return seconds - this.table.times[this.first] + (this.offset ?? 0);
		}
		/** Catches the frames of what is loaded now, and none of what was loaded before. */
		listen() {
			const { video } = this;
			video.cancelVideoFrameCallback(this.listening);
			const next = () => void (this.listening = video.requestVideoFrameCallback(caught));
			const caught = (_, about) => {
				if (this.closed) return;
				next();
				this.caught(about.mediaTime);
			};
			next();
		}
		caught(mediaTime) {
			if (this.offset === null) this.offset = mediaTime;
			const seconds = mediaTime - this.offset + this.table.times[this.first];
			const { index, exact } = this.table.nearest(seconds);
			if (!exact && !this.part) return this.doubt(ELSEWHERE);
			this.shown = index;
			this.ring.catch(index, this.video, this.video.videoWidth, this.video.videoHeight);
			this.wake();
			this.onFrame(index);
		}
		/** The browser does not show the file's frames as they are: only a preview can be trusted. */
		doubt(why) {
			if (this.part || this.failed) return;
			this.shown = -1;
			this.loading = this.prepare(0);
			this.loading.then(() => {
				if (!this.failed && this.part) this.words = why + this.part.words;
				this.onChange();
			});
		}
		/** Loads a file; false if the browser cannot play it. */
		async load(path) {
			const { video } = this;
			this.offset = null;
			this.shown = -1;
			this.ring.clear();
			const loaded = new Promise((done) => {
				video.onloadeddata = () => done(true);
				video.onerror = () => done(false);
			});
			video.src = sampleSource(path);
			this.listen();
			if (!await loaded || this.closed) return false;
			if (!video.videoWidth) return false;
			for (let i = 0; i < 40 && this.offset === null && !this.closed; i++) await this.wait(100);
			return this.offset !== null && this.startsRight();
		}
		/** Whether the first frame has a time that the file's first frame may have. */
		startsRight() {
			if (this.part) return true;
			const { times } = this.table;
			const may = [
				0,
				times[0],
				times[0] - this.side.start
			];
			const near = .5 * (this.table.end(0) - times[0]);
			return may.some((seconds) => Math.abs(this.offset - seconds) < near);
		}
		async prepare(index) {
			this.words = "Preparing a preview …";
			this.onChange();
			try {
				const part = await this.ask(this.side, index);
				if (this.closed) return;
				this.part = part;
				const fine = await this.load(part.path);
				if (this.closed) return;
				if (!fine) this.fail("This browser cannot play the preview of this video.");
				else this.words = part.why + part.words;
			} catch (why) {
				this.fail(why instanceof Error ? why.message : String(why));
			}
			this.onChange();
		}
		fail(words) {
			this.words = words;
			this.failed = true;
			this.onChange();
			this.wake();
		}
		wait(ms) {
			return new Promise((done) => {
				const timer = setTimeout(done, ms);
				this.waiting.push(() => {
					clearTimeout(timer);
					done();
				});
			});
		}
		wake() {
			for (const go of this.waiting.splice(0)) go();
		}
	};
	// src/app/ask.ts
	/** Asks Python and gets the answer where it was asked; the panel's data stay as they are. */
	var FAILED = {
		message: "The App does not answer.",
		hint: "Try again."
	};
	function useAsk() {
		const now = useTrigger();
		const trigger = useRef(now);
		trigger.current = now;
		return useCallback((uri, params, then, refused) => {
			trigger.current(uri, { ...params }, void 0, (back) => {
				const answer = back?.result;
				if (answer && !answer.refused) then(answer);
				else refused(answer?.refused ?? FAILED);
				return false;
			});
		}, []);
	}
	// src/player/duo.ts
	var Duo = class {
		playing = false;
		rate = 1;
		loop = null;
		moment = {
			index: 0,
			first: void 0,
			second: void 0
		};
		wanted = null;
		seeking = false;
		closed = false;
		lead;
		beside;
		sync;
		onMoment;
		onChange;
		/**
		* @param lead the film whose frames count
		* @param beside the other one, if there is one
		* @param sync how they go together
		* @param onMoment called with each pair that is there
		* @param onChange called when it starts, stops, or something is to be said
		*/
		constructor(lead, beside, sync, onMoment, onChange) {
			this.lead = lead;
			this.beside = beside;
			this.sync = sync;
			this.onMoment = onMoment;
			this.onChange = onChange;
			lead.onFrame = () => this.caught();
			lead.onChange = onChange;
			if (beside) {
				beside.onFrame = () => this.pair();
				beside.onChange = onChange;
			}
		}
		get table() {
			return this.lead.table;
		}
		/** The frame of the second film that goes with one of the first. */
		other(index) {
			return this.beside ? partner(this.table, this.beside.table, this.sync, index) : -1;
		}
		/** Shows a frame; of several calls the last one counts. */
		async seek(index) {
			this.wanted = this.table.clamp(index);
			if (this.seeking) return;
			this.seeking = true;
			while (this.wanted !== null && !this.closed) {
				const aim = this.wanted;
				const usable = this.beside && !this.beside.failed ? this.beside : null;
				const [first] = await Promise.all([this.lead.show(aim), usable?.show(this.other(aim))]);
				if (this.wanted !== aim) continue;
				this.wanted = null;
				const index = first < 0 ? aim : first;
				this.show(index, this.lead.picture(index), usable?.picture(this.other(index)));
			}
			this.seeking = false;
			this.onChange();
		}
		async play() {
			if (this.playing || this.closed) return;
			const { index } = this.moment;
			const [from, to] = this.loop ?? [0, this.table.length - 1];
			if (index >= to || index < from) await this.seek(from);
			this.playing = true;
			this.onChange();
			await this.run();
		}
		async pause() {
			if (!this.playing) return;
			this.playing = false;
			this.stop();
			await this.seek(this.moment.index);
		}
		setRate(rate) {
			this.rate = rate;
			if (this.playing) this.run();
			this.onChange();
		}
		close() {
			this.closed = true;
			this.playing = false;
			this.lead.close();
			this.beside?.close();
		}
		async run() {
			await Promise.all([this.lead.play(this.rate), this.beside?.play(this.rate)]);
			if (!this.playing) this.stop();
		}
		stop() {
			this.lead.pause();
			this.beside?.pause();
		}
		caught() {
			const newest = this.lead.kept[0];
			if (!newest || this.closed) return;
			if (this.playing && this.beside && !this.beside.failed) {
				const aim = this.other(newest.index);
				const there = this.beside.kept[0];
				const { times } = this.beside.table;
				const late = there ? times[aim] - times[there.index] : 0;
				this.beside.follow(aim, late, this.rate);
			}
			this.pair();
			if (this.playing) this.goOn(newest.index);
		}
		/** Shows the newest pair of which both frames are there. */
		pair() {
			if (!this.playing || this.seeking || this.closed) return;
			const alone = !this.beside || this.beside.failed;
			for (const first of this.lead.kept) {
				const second = alone ? void 0 : this.beside.picture(this.other(first.index));
				if (!alone && !second) continue;
				if (first.index !== this.moment.index) this.show(first.index, first, second);
				return;
			}
		}
		show(index, first, second) {
			this.moment = {
				index,
				first,
				second
			};
			this.onMoment(this.moment);
		}
		/** At the end of the span, of a preview or of the film: begins again, goes on, or stops. */
		goOn(index) {
			const last = this.table.length - 1;
			if (this.loop && index >= this.loop[1]) this.from(this.loop[0]);
			else if (index >= last) this.pause();
			else if (this.lead.ended) this.from(index + 1);
		}
		async from(index) {
			if (this.seeking) return;
			this.stop();
			await this.seek(index);
			if (this.playing) await this.run();
		}
	};
	// src/player/zoom.ts
	var WHOLE = {
		k: 1,
		x: .5,
		y: .5
	};
	function placeOf(zoom, picture, canvas) {
		const scale = zoom.k * Math.min(canvas[0] / picture[0], canvas[1] / picture[1]);
		const [width, height] = [picture[0] * scale, picture[1] * scale];
		return {
			left: canvas[0] / 2 - zoom.x * width,
			top: canvas[1] / 2 - zoom.y * height,
			width,
			height
		};
	}
	/** Closer by a factor, so that what is under `at` (0 to 1 of the canvas) stays there. */
	function closer(zoom, by, at, picture, canvas) {
		const k = Math.max(1, Math.min(32, zoom.k * by));
		const before = placeOf(zoom, picture, canvas);
		const point = [(at[0] * canvas[0] - before.left) / before.width, (at[1] * canvas[1] - before.top) / before.height];
		const after = placeOf({
			...zoom,
			k
		}, picture, canvas);
		return within({
			k,
			x: point[0] - (at[0] * canvas[0] - canvas[0] / 2) / after.width,
			y: point[1] - (at[1] * canvas[1] - canvas[1] / 2) / after.height
		});
	}
	/** Moved by parts of the canvas. */
	function moved(zoom, by, picture, canvas) {
		const { width, height } = placeOf(zoom, picture, canvas);
		return within({
			k: zoom.k,
			x: zoom.x - by[0] * canvas[0] / width,
			y: zoom.y - by[1] * canvas[1] / height
		});
	}
	/** So close that a box (x, y, width, height) fills half of the view. */
	function onto([x, y, width, height]) {
		const k = Math.min(32, .5 / Math.max(width, height, .001));
		return within({
			k: Math.max(1, k),
			x: x + width / 2,
			y: y + height / 2
		});
	}
	function within({ k, x, y }) {
		const edge = .5 / k;
		const inside = (v) => Math.max(edge, Math.min(1 - edge, v));
		return {
			k,
			x: inside(x),
			y: inside(y)
		};
	}
	// src/player/paint.ts
	var BOX = "#F0E442";
	/** pixels of the wider side of a difference */
	var DIFFERENCE = 480;
	var GREY = 128;
	/** Fits a canvas to its place in the page and clears it; null while it has no place. */
	function fresh(canvas) {
		const ratio = Math.min(2, window.devicePixelRatio || 1);
		const width = Math.round(canvas.clientWidth * ratio);
		const height = Math.round(canvas.clientHeight * ratio);
		if (!width || !height) return null;
		if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
		const g = canvas.getContext("2d");
		g.setTransform(1, 0, 0, 1, 0, 0);
		g.clearRect(0, 0, width, height);
		return g;
	}
	function lay(g, picture, zoom, canvas) {
		const place = placeOf(zoom, [picture.width, picture.height], canvas);
		g.imageSmoothingEnabled = place.width < 2 * picture.width;
		g.drawImage(picture, place.left, place.top, place.width, place.height);
		return place;
	}
	function paintFrame(canvas, picture, zoom, box) {
		const g = canvas && fresh(canvas);
		if (!g || !picture) return;
		const place = lay(g, picture, zoom, [canvas.width, canvas.height]);
		if (!box) return;
		const [x, y, w, h] = box;
		const corners = [
			place.left + x * place.width,
			place.top + y * place.height,
			w * place.width,
			h * place.height
		];
		for (const [style, wide] of [["#000a", 4], [BOX, 2]]) {
			g.strokeStyle = style;
			g.lineWidth = wide;
			g.strokeRect(...corners);
		}
	}
	/** Grey where both are equal, brighter where the first is. Returns the mean difference, 0 to 255;
	* NaN if the browser does not let the pixels be read. */
	function paintDifference(canvas, first, second, zoom, gain) {
		const g = canvas && fresh(canvas);
		if (!g) return NaN;
		const share = Math.min(1, DIFFERENCE / Math.max(canvas.width, canvas.height));
		const size = [Math.max(1, Math.round(canvas.width * share)), Math.max(1, Math.round(canvas.height * share))];
		const a = pixels(first, zoom, size);
		const b = pixels(second, zoom, size);
		if (!a || !b) return NaN;
		const { mean, out } = difference(a, b, gain);
		const small = document.createElement("canvas");
		[small.width, small.height] = size;
		small.getContext("2d").putImageData(new ImageData(out, size[0], size[1]), 0, 0);
		g.imageSmoothingEnabled = false;
		g.drawImage(small, 0, 0, canvas.width, canvas.height);
		return mean;
	}
	function pixels(picture, zoom, size) {
		const canvas = document.createElement("canvas");
		[canvas.width, canvas.height] = size;
		const g = canvas.getContext("2d", { willReadFrequently: true });
		lay(g, picture, zoom, size);
		try {
			return g.getImageData(0, 0, size[0], size[1]).data;
		} catch {
			return null;
		}
	}
	/** The difference of two pictures (RGBA), and its mean over what both show. */
	function difference(a, b, gain) {
		const out = new Uint8ClampedArray(a.length);
		let sum = 0;
		let count = 0;
		for (let i = 0; i < a.length; i += 4) {
			if (!a[i + 3] || !b[i + 3]) continue;
			for (let c = i; c < i + 3; c++) {
				const off = a[c] - b[c];
				out[c] = GREY + gain * off;
				sum += Math.abs(off);
			}
			out[i + 3] = 255;
			count += 3;
		}
		return {
			mean: count ? sum / count : NaN,
			out
		};
	}
	/** The frame with a heatmap over its face. */
	function paintHeat(canvas, picture, zoom, heat, place) {
		const g = canvas && fresh(canvas);
		if (!g || !picture) return;
		const at = lay(g, picture, zoom, [canvas.width, canvas.height]);
		const [x, y, rightX, rightY, downX, downY] = place;
		if (!heat || downY === void 0) return;
		g.setTransform(rightX * at.width / heat.width, rightY * at.height / heat.width, downX * at.width / heat.height, downY * at.height / heat.height, at.left + x * at.width, at.top + y * at.height);
		g.imageSmoothingEnabled = true;
		g.drawImage(heat, 0, 0);
	}
	// src/player/strip.ts
	/** A sequence of pictures, frames that are files of their own. */
	var Strip = class {
		side;
		table;
		words = "";
		failed = false;
		onFrame = (_) => void 0;
		onChange = () => void 0;
		ring = new Ring();
		timer;
		at = 0;
		constructor(side) {
			this.side = side;
			this.table = Table.of(side);
		}
		get kept() {
			return this.ring.kept;
		}
		picture(index) {
			return this.ring.get(index);
		}
		async show(index) {
			this.at = index;
			const image = new Image();
			image.src = sampleSource(this.side.files[index]);
			try {
				await image.decode();
			} catch {
				this.words = "Picture " + this.table.numberOf(index) + " cannot be read.";
				this.onChange();
				return -1;
			}
			this.ring.catch(index, image, image.naturalWidth, image.naturalHeight);
			this.onFrame(index);
			return index;
		}
		async play(rate) {
			this.pause();
			this.timer = setInterval(() => {
				if (this.at + 1 < this.table.length) this.show(this.at + 1);
				else this.pause();
			}, 1e3 / (10 * rate));
		}
		pause() {
			clearInterval(this.timer);
			this.timer = void 0;
		}
		follow(index) {
			this.pause();
			if (this.at !== index) this.show(index);
		}
		get ended() {
			return this.at + 1 >= this.table.length;
		}
		close() {
			this.pause();
			this.ring.clear();
		}
	};
	// src/player/session.ts
	/** Everything that the player shows and does, behind one hook. */
	/** Formats of previews that this browser plays. */
	function plays() {
		const video = document.createElement("video");
		return Object.entries({
			h264: "video/mp4; codecs=\"avc1.64001f\"",
			vp9: "video/mp4; codecs=\"vp09.00.31.08\""
		}).filter(([, type]) => video.canPlayType(type)).map(([name]) => name);
	}
	var UNIT = [
		0,
		0,
		1,
		0,
		0,
		1
	];
	var State = class {
		shown = null;
		duo = null;
		films = {
			left: null,
			right: null
		};
		/** the person whose scores, box and heatmaps are shown */
		person = null;
		refused = null;
		said = "";
		busy = true;
		zoom = WHOLE;
		boxes = true;
		difference = false;
		gain = 4;
		heat = false;
		mean = NaN;
		heats = /* @__PURE__ */ new Map();
		screens = {};
		asking = 0;
	};
	/** Score, box and heatmap of the person at a frame number. */
	var pointAt = (person, number) => person?.points.find(([frame]) => frame === number);
	function useSession(on, start) {
		const [, draw] = useState(0);
		const redraw = () => draw((n) => n + 1);
		const ask = useAsk();
		const held = useRef();
		const state = held.current ??= new State();
		const wanted = useWanted();
		useEffect(() => {
			if (start?.when) open(take() ?? { sample: start.sample ?? void 0 });
		}, [start?.when]);
		useEffect(() => {
			const what = wanted ? take() : null;
			if (what) open(what);
		}, [wanted]);
		useEffect(() => () => {
			state.asking++;
			state.duo?.close();
		}, []);
		const preview = (side, index) => new Promise((done, failed) => {
			const params = {
				dataset: state.shown?.dataset,
				video: side.video,
				frame: index + 1
			};
			ask(on.on_preview, {
				...params,
				plays: plays()
			}, done, (why) => failed(/* @__PURE__ */ new Error(why.message + " " + why.hint)));
		});
		/** Asks for two videos; what comes last counts. */
		function open(what) {
			const asking = ++state.asking;
			state.busy = true;
			redraw();
			const dataset = start?.dataset;
			ask(on.on_open, {
				dataset,
				...what
			}, (shown) => {
				if (asking === state.asking) begin(shown);
			}, (why) => {
				if (asking !== state.asking) return;
				state.refused = why;
				state.busy = false;
				redraw();
			});
		}
		function begin(shown) {
			const before = state.shown;
			const same = before?.left.video === shown.left.video && before?.right?.video === shown.right?.video && !shown.left.crops && !shown.right?.crops && !!state.duo;
			Object.assign(state, {
				shown,
				refused: null,
				said: "",
				busy: false
			});
			state.person = personOf(shown);
			if (!same) {
				state.duo?.close();
				state.heats.clear();
				Object.assign(state, {
					zoom: WHOLE,
					mean: NaN
				});
				state.heat = shown.people.some(({ points }) => points.some(([, , , , heat]) => heat));
				state.films = {
					left: filmOf(shown.left),
					right: shown.right && filmOf(shown.right)
				};
				const { left, right } = state.films;
				const lead = left ?? right;
				state.duo = lead && new Duo(lead, left && right, shown.sync, seen, redraw);
			}
			redraw();
			if (state.duo) state.duo.seek(firstIndex(shown, state));
		}
		function filmOf(side) {
			if (side.kind === "pictures") return new Strip(side);
			if (side.kind === "video") return new Reel(side, document.createElement("video"), preview);
			return null;
		}
		function seen(_) {
			fetchHeat();
			paint();
			redraw();
		}
		/** The number that scores of the left video have for the moment. */
		const number = () => state.duo ? state.duo.table.numberOf(state.duo.moment.index) : state.shown?.at ?? 1;
		function paint() {
			const { duo, screens, zoom, shown } = state;
			if (!duo || !shown) return;
			const { first, second, index } = duo.moment;
			if (first && first.index !== index) return;
			const leads = state.films.left !== null;
			const left = leads ? first : void 0;
			const right = leads ? second : first;
			const mine = pointAt(state.person, number());
			const its = right && pointAt(shown.reals[0], numberOf("right", index));
			paintFrame(screens.left ?? null, left?.canvas, zoom, state.boxes && mine && !shown.left.crops ? mine[3] : null);
			paintFrame(screens.right ?? null, right?.canvas, zoom, state.boxes && its && !shown.right?.crops ? its[3] : null);
			if (screens.left && left) screens.left.dataset.number = String(numberOf("left", index));
			if (screens.right && right) screens.right.dataset.number = String(numberOf("right", index));
			state.mean = NaN;
			if (screens.difference && left && right) state.mean = paintDifference(screens.difference, left.canvas, right.canvas, zoom, state.gain);
			if (screens.heat) {
				const heat = mine && state.heats.get(mine[2]);
				const there = typeof heat === "object" ? heat : void 0;
				const place = shown.left.crops ? UNIT : there?.place ?? [];
				paintHeat(screens.heat, left?.canvas, zoom, there?.canvas, place);
			}
		}
		/** Frame number on a side for the leading film's frame. */
		function numberOf(side, index) {
			const { duo, films } = state;
			if (!duo) return 1;
			if (side === "left" || !films.left || !films.right) return duo.table.numberOf(index);
			return films.right.table.numberOf(duo.other(index));
		}
		function fetchHeat() {
			const { shown, duo } = state;
			const point = state.heat ? pointAt(state.person, number()) : void 0;
			if (!shown || !duo || !point?.[4] || state.heats.has(point[2])) return;
			const [, , face, , name] = point;
			state.heats.set(face, "Reading the heatmap …");
			const size = duo.moment.first?.canvas;
			const [width, height] = [shown.left.width || size?.width, shown.left.height || size?.height];
			ask(on.on_heat, {
				dataset: shown.dataset,
				face,
				name,
				width,
				height
			}, (heat) => {
				const canvas = document.createElement("canvas");
				[canvas.width, canvas.height] = [heat.columns, heat.rows];
				const data = new ImageData(pixelsOf(heat.values), heat.columns, heat.rows);
				canvas.getContext("2d").putImageData(data, 0, 0);
				state.heats.set(face, {
					canvas,
					place: heat.place
				});
				paint();
				redraw();
			}, (why) => {
				state.heats.set(face, why.message + " " + why.hint);
				redraw();
			});
		}
		return {
			state,
			open,
			paint,
			redraw,
			number,
			numberOf,
			/** Changes what is shown of the same frames. */
			set(change) {
				Object.assign(state, change);
				fetchHeat();
				redraw();
			},
			loop(loop) {
				if (state.duo) state.duo.loop = loop;
				redraw();
			},
			/** Another person of the video, or the one after the shown one. */
			choose(track) {
				const { shown } = state;
				const people = shown?.people ?? [];
				if (!shown || !people.length) return;
				const at = people.findIndex((p) => p === state.person);
				const next = people.find((p) => p.track === track) ?? people[(at + 1) % people.length];
				state.person = next;
				if (shown.left.crops) open({
					video: shown.left.video,
					track: next.track
				});
				else {
					fetchHeat();
					paint();
				}
				redraw();
			},
			next(by) {
				const { shown } = state;
				if (!shown) return;
				const pair = [shown.left.video, shown.right?.video];
				const [video, beside] = shown.on === "right" ? pair.reverse() : pair;
				ask(on.on_next, {
					dataset: shown.dataset,
					video,
					beside,
					by
				}, ({ video }) => open({ video }), (why) => {
					state.said = why.message;
					redraw();
				});
			},
			explain: () => ask(on.on_explain, {}, redraw, redraw)
		};
	}
	function personOf(shown) {
		const { people, track, on } = shown;
		return (on === "left" ? people.find((p) => p.track === track) : void 0) ?? people.find((p) => p.subject) ?? people[0] ?? null;
	}
	/** The frame that was asked for, else the one that the person scores highest in. */
	function firstIndex(shown, { films, person, duo }) {
		const table = duo.table;
		const { left, right } = films;
		if (shown.at !== null && shown.on === "right" && left && right) return partner(right.table, table, shown.sync, right.table.indexOf(shown.at));
		if (shown.at !== null) return table.indexOf(shown.at);
		const best = person?.points.reduce((most, point) => (point[1] ?? -1) > (most?.[1] ?? -1) ? point : most, null);
		return best ? table.indexOf(best[0]) : 0;
	}
	// src/player/screens.tsx
	/** The pictures: both films, their difference, the heatmap. */
	/** A canvas that zooms and moves with the others; a film's own element lies hidden below it. */
	function Canvas({ session, name, title, label, under, film, instead }) {
		const canvas = useRef(null);
		const host = useRef(null);
		const { state } = session;
		useEffect(() => {
			state.screens[name] = canvas.current;
			const watch = new ResizeObserver(() => session.paint());
			if (canvas.current) watch.observe(canvas.current);
			session.paint();
			return () => {
				watch.disconnect();
				state.screens[name] = null;
			};
		}, [!!instead, state.duo]);
		useEffect(() => {
			if (film instanceof Reel) host.current?.prepend(film.video);
			return () => {
				if (film instanceof Reel) film.video.remove();
			};
		}, [film, !!instead]);
		const size = () => {
			const picture = state.duo?.moment.first?.canvas;
			const { clientWidth: w, clientHeight: t } = canvas.current;
			return [[picture?.width ?? 16, picture?.height ?? 9], [w, t]];
		};
		useEffect(() => {
			const el = canvas.current;
			if (!el) return void 0;
			const wheel = (e) => {
				if (e.ctrlKey === false && e.shiftKey) return;
				e.preventDefault();
				const at = [e.offsetX / el.clientWidth, e.offsetY / el.clientHeight];
				session.set({ zoom: closer(state.zoom, Math.exp(-e.deltaY / 400), at, ...size()) });
			};
			el.addEventListener("wheel", wheel, { passive: false });
			return () => el.removeEventListener("wheel", wheel);
		}, [!!instead, state.duo]);
		const picture = state.duo?.moment.first?.canvas;
		const shape = picture ? picture.width / picture.height : 16 / 9;
		return /* @__PURE__ */ h("figure", {
			className: "mf-figure",
			"aria-label": title
		}, /* @__PURE__ */ h("div", {
			className: "mf-screen",
			ref: host,
			style: { aspectRatio: String(shape) }
		}, instead ? /* @__PURE__ */ h("span", { className: "mf-dim" }, instead) : /* @__PURE__ */ h("canvas", {
			ref: canvas,
			role: "img",
			"aria-label": label,
			onPointerDown: (e) => e.currentTarget.setPointerCapture(e.pointerId),
			onPointerMove: (e) => {
				if (!e.buttons || state.zoom.k <= 1) return;
				const el = e.currentTarget;
				const by = [e.movementX / el.clientWidth, e.movementY / el.clientHeight];
				session.set({ zoom: moved(state.zoom, by, ...size()) });
			},
			"data-cy": "mf-player-" + name
		})), /* @__PURE__ */ h("figcaption", null, /* @__PURE__ */ h("b", null, title), " ", /* @__PURE__ */ h("span", { className: "mf-dim" }, under), film?.words && /* @__PURE__ */ h("div", {
			className: film.failed ? "mf-wrong" : "mf-dim",
			role: "status",
			"data-cy": `mf-player-${name}-words`
		}, film.words)));
	}
	var MARK = {
		Fake: "▲ ",
		Real: "● "
	};
	function under(number, seconds, point) {
		const score = point ? point[1] === null ? "no score" : "p_fake " + point[1].toFixed(3) : "";
		const time = seconds === null ? "" : seconds.toFixed(3) + " s";
		return [
			"frame " + number.toLocaleString("en-US"),
			time,
			score
		].filter(Boolean).join(" · ");
	}
	function Screens({ session }) {
		const { state } = session;
		const { shown, duo, films } = state;
		if (!shown) return null;
		const index = duo?.moment.index ?? 0;
		const sides = [["left", shown.left]];
		if (shown.right) sides.push(["right", shown.right]);
		const mine = pointAt(state.person, session.number());
		const heat = mine && state.heats.get(mine[2]);
		const both = duo?.moment.first && duo.moment.second;
		return /* @__PURE__ */ h("div", { className: "mf-pictures mf-screens" }, sides.map(([name, side], i) => {
			const film = films[name];
			const number = session.numberOf(name, index);
			const at = film && film.table.indexOf(number);
			const seconds = side.kind === "video" && film ? film.table.times[at] : null;
			const point = name === "left" ? mine : pointAt(shown.reals[0], number);
			const called = shown.names[i] ?? "";
			return /* @__PURE__ */ h(Canvas, {
				key: name,
				session,
				name,
				title: (MARK[called] ?? "") + called,
				label: called + ", " + side.video + ", frame " + number,
				under: /* @__PURE__ */ h("span", {
					title: side.video,
					"data-cy": `mf-player-${name}-under`,
					"data-number": number
				}, film ? under(number, seconds, point) : side.video, side.why && film ? /* @__PURE__ */ h("div", null, side.why) : null),
				film,
				instead: film ? film.failed ? film.words : void 0 : side.why || "Nothing to show."
			});
		}), state.difference && films.left && films.right && /* @__PURE__ */ h(Canvas, {
			session,
			name: "difference",
			title: "Fake minus real",
			label: "Difference of both frames: grey where they are equal",
			under: !both ? "needs both frames" : Number.isNaN(state.mean) ? "The pixels cannot be read: the files come from another server." : `grey is equal, ${state.gain}× · mean ${state.mean.toFixed(1)} of 255`
		}), state.heat && /* @__PURE__ */ h(Canvas, {
			session,
			name: "heat",
			title: "Heatmap",
			label: "Frame with what moved the score towards fake",
			under: typeof heat === "string" ? heat : heat ? "what moved this frame's score" : mine ? /* @__PURE__ */ h("span", null, "This face has none.", " ", /* @__PURE__ */ h("button", {
				className: "mf-link",
				onClick: session.explain
			}, "Explain faces …")) : "No face of this person in this frame."
		}));
	}
	// src/player/player.tsx
	/** The player: a fake and its real side by side, by frame, with their scores below. */
	var RATES = [
		.1,
		.25,
		.5,
		1,
		2
	];
	var LEAP = 10;
	function SideBySide({ data, schema }) {
		const on = schema.view;
		const session = useSession(on, data);
		const root = useRef(null);
		const [help, setHelp] = useState(false);
		const [going, setGoing] = useState(false);
		const { state } = session;
		const { shown, duo, person, refused } = state;
		useEffect(() => {
			if (shown && !typed(document.activeElement)) root.current?.focus({ preventScroll: true });
		}, [!!shown]);
		useEffect(() => {
			session.paint();
			if (state.difference) session.redraw();
		}, [
			state.zoom,
			state.boxes,
			state.difference,
			state.heat
		]);
		const index = duo?.moment.index ?? 0;
		const go = (i) => {
			if (!duo) return;
			if (duo.playing) duo.pause().then(() => duo.seek(i));
			else duo.seek(i);
		};
		const goTo = (number) => duo && go(duo.table.indexOf(number));
		const toFace = (by) => {
			const number = session.number();
			const scored = (person?.points ?? []).map(([frame]) => frame);
			const next = by > 0 ? scored.find((f) => f > number) : [...scored].reverse().find((f) => f < number);
			if (next !== void 0) goTo(next);
		};
		const span = (from, to) => session.loop(from <= to ? [from, to] : [to, from]);
		const middle = [.5, .5];
		const zoom = (by) => session.set({ zoom: closer(state.zoom, by, middle, [1, 1], [1, 1]) });
		const rate = (by) => {
			const at = RATES.indexOf(duo?.rate ?? 1) + by;
			if (duo && RATES[at]) duo.setRate(RATES[at]);
		};
		const commands = {
			play: () => void (duo?.playing ? duo.pause() : duo?.play()),
			forward: () => go(index + 1),
			back: () => go(index - 1),
			leap: () => go(index + LEAP),
			leapBack: () => go(index - LEAP),
			nextFace: () => toFace(1),
			lastFace: () => toFace(-1),
			first: () => go(0),
			last: () => duo && go(duo.table.length - 1),
			goto: () => setGoing(!!duo),
			loopFrom: () => duo && span(index, duo.loop ? Math.max(index, duo.loop[1]) : duo.table.length - 1),
			loopTo: () => duo && span(duo.loop ? Math.min(index, duo.loop[0]) : 0, index),
			loopOff: () => session.loop(null),
			closer: () => zoom(1.5),
			wider: () => zoom(1 / 1.5),
			whole: () => session.set({ zoom: WHOLE }),
			face: () => {
				const number = session.number();
				const box = (person?.points.filter(([, , , box]) => box).reduce((a, b) => Math.abs(b[0] - number) < Math.abs(a[0] - number) ? b : a, person.points[0]))?.[3];
				if (box) session.set({ zoom: onto(box) });
			},
			difference: () => session.set({ difference: !state.difference }),
			heat: () => session.set({ heat: !state.heat }),
			boxes: () => session.set({ boxes: !state.boxes }),
			person: () => session.choose(),
			fake: () => {
				const fakes = shown?.fakes ?? [];
				const next = fakes[(fakes.indexOf(shown?.left.video ?? "") + 1) % fakes.length];
				if (next && fakes.length > 1) session.open({ video: next });
			},
			slower: () => rate(-1),
			faster: () => rate(1),
			nextVideo: () => session.next(1),
			lastVideo: () => session.next(-1),
			help: () => setHelp(!help)
		};
		const press = (e) => {
			if (e.key === " " && e.target instanceof Element && e.target.closest("button")) return;
			const command = commandOf(e);
			if (!command) return;
			e.preventDefault();
			e.stopPropagation();
			if (!e.repeat || [
				"forward",
				"back",
				"leap",
				"leapBack",
				"nextFace",
				"lastFace",
				"closer",
				"wider"
			].includes(command)) commands[command]();
		};
		const back = () => root.current?.focus();
		if (refused) return /* @__PURE__ */ h("div", {
			className: "mf mf-says mf-warn",
			role: "alert",
			"data-cy": "mf-player-refused"
		}, refused.message + " " + refused.hint, " ", /* @__PURE__ */ h("button", { onClick: () => session.open({}) }, "Look again"));
		if (!shown) return /* @__PURE__ */ h("div", { className: "mf mf-dim" }, "Reading the video …");
		const number = session.number();
		const point = pointAt(person, number);
		const table = duo?.table;
		const range = table ? [table.numberOf(0), table.numberOf(table.length - 1)] : [1, Math.max(1, ...(person?.points ?? []).map(([frame]) => frame))];
		const heard = "frame " + number + " of " + range[1] + (point?.[1] != null ? ", p_fake " + point[1].toFixed(3) : "");
		const title = shown.right ? shown.left.video + " and " + shown.right.video : shown.left.video;
		return /* @__PURE__ */ h("div", {
			ref: root,
			className: "mf mf-player",
			tabIndex: 0,
			role: "group",
			"aria-label": "Player. Space plays, arrows step by frame, question mark lists all keys",
			"aria-busy": state.busy,
			onKeyDown: press,
			onClick: (e) => {
				if (e.detail && e.target instanceof Element && e.target.closest("button, canvas, .mf-scores")) back();
			},
			"data-cy": "mf-player-panel"
		}, /* @__PURE__ */ h("div", {
			className: "mf-title",
			"data-cy": "mf-player-title"
		}, /* @__PURE__ */ h("b", null, title)), /* @__PURE__ */ h(Screens, { session }), /* @__PURE__ */ h("div", {
			className: "mf-heard",
			role: "status"
		}, duo?.playing ? "playing" : heard), /* @__PURE__ */ h(Bar, {
			session,
			going,
			help,
			onDo: (command) => commands[command](),
			onGo: goTo,
			onDone: () => {
				setGoing(false);
				back();
			}
		}), shown.people.length || shown.gaps.length ? /* @__PURE__ */ h(Scores, {
			shown,
			person,
			range,
			number,
			words: heard,
			loop: duo?.loop && table ? [table.numberOf(duo.loop[0]), table.numberOf(duo.loop[1])] : null,
			onGo: goTo
		}) : null, state.said && /* @__PURE__ */ h("div", {
			className: "mf-says mf-warn",
			role: "alert"
		}, state.said), /* @__PURE__ */ h("div", {
			className: "mf-says",
			"data-cy": "mf-player-words"
		}, [
			shown.together,
			shown.alone,
			shown.words
		].filter(Boolean).join(" "), shown.threshold !== null && /* @__PURE__ */ h("div", { className: "mf-dim mf-small" }, "Threshold " + shown.threshold.toFixed(3) + " of " + shown.key + ": " + shown.provenance)), help && /* @__PURE__ */ h(Help, null));
	}
	// src/timeline/player.tsx
	/** Moves the open video's player, or the panel that plays videos, to data.frame at each data.when. */
	var BY_HAND = "This version of the App does not let a plugin move its player: go to the frame by hand.";
	var BESIDE = "Put this panel beside the player (split it, next to its tab): a click on a point then moves the player to its frame.";
	var BESIDE_GRID = "Click a point: the panel Player shows it.";
	var CLICK = "Click a point: the player goes to its frame.";
	function Player({ data, schema }) {
		const player = usePlayer();
		const frame = data?.frame;
		const sample = data?.sample;
		const able = !!player?.updater;
		const played = useRef(data?.when);
		useEffect(() => {
			if (data?.when === played.current) return;
			played.current = data?.when;
			if (sample) playIt({
				sample,
				frame: frame ?? void 0
			});
			else if (frame && able) player.updater({
				playing: false,
				frameNumber: frame
			});
		}, [data?.when]);
		const seen = able && document.querySelector("[data-cy=\"modal-looker-container\"]");
		return /* @__PURE__ */ h("div", {
			className: "mf mf-dim",
			role: "status",
			"data-cy": "mf-player"
		}, schema.view.beside ? BESIDE_GRID : player === void 0 ? BY_HAND : !seen ? BESIDE : frame ? "The player is at frame " + number(frame) + "." : CLICK);
	}
	// src/index.ts
	/** Registers the components of @mediaforensics/deepfake with the App. */
	putStyle();
	window.addEventListener("keydown", enterClicks, true);
	register("MediaForensicsAuditHeader", AuditHeader);
	register("MediaForensicsAuditTable", AuditTable);
	register("MediaForensicsPlayer", Player);
	register("MediaForensicsReview", Review);
	register("MediaForensicsSideBySide", SideBySide);
	register("MediaForensicsSphere", Object.assign(Sphere, { parts: {
		Painter,
		CanvasDots,
		GlDots,
		measure,
		unpack,
		colouring
	} }));
})();
