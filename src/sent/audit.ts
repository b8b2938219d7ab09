/** What the error audit's panel sends. tests/test_component.py compares each interface with the
 * Python that its "Sent by" names. */

export type Option = [id: string, text: string];

/** Of a unit: a face, a video or a person. */
export type Kind = "all" | "real" | "fake" | "fp" | "fn" | "errors" | "lost";

/** Sent by: detector/audit/table.py Cell */
export interface Cell {
  hits: number;
  trials: number;
  rate: number;
  low: number | null;
  high: number | null;
  why: string;
  rest: number | null;
  excess: number | null;
  stands_out: boolean;
  small: boolean;
}

/** Sent by: detector/audit/table.py Area */
export interface Area {
  value: number;
  low: number | null;
  high: number | null;
  how: string;
}

/** Sent by: detector/audit/table.py Row; detector/audit/table.py Row.to_json */
export interface Row {
  index: number;
  name: string[];
  real: number;
  fake: number;
  scored_real: number;
  scored_fake: number;
  lost: [reason: string, count: number][];
  unlabelled: number;
  fpr: Cell | null;
  fnr: Cell | null;
  auroc: Area | null;
  seen: number;
  coverage: number;
}

/** Sent by: detector/audit/threshold.py Threshold */
export interface Threshold {
  value: number;
  source: string;
  provenance: string;
  honest: boolean;
  rule: string;
}

export type Control = "key" | "level" | "scope" | "source";

/** Sent by: operators/panels/audit/payload.py header; operators/panels/audit/error_audit.py _show header */
export interface Header {
  choice: Record<Control, string>;
  options: Record<Control, Option[]>;
  threshold: Threshold;
  unit: string;
  rule: string;
  outliers: string;
  coverage: string;
  total: Row;
  shown: string | null;
  shows_faces: boolean;
  intro: string[] | null;
  rev: number | null;
}

/** Sent by: operators/panels/audit/payload.py table; operators/panels/audit/tabs.py contents */
export interface Table {
  rows: Row[];
  total: Row;
  unit: string;
  group: string;
  groups: Option[];
  columns: string[];
  tab: string;
  tabs: Option[];
  cells: Cells | null;
  slices: Slices | null;
  transfer: Transfer | null;
  compare: Compare | null;
  pairs: Pairs | null;
}

/** A rate in a grid of many, see operators/panels/audit/cells.py `_plain`; mark: 1 few, 2 stands out. */
export type Strip = [
  hits: number,
  trials: number,
  rate: number,
  low: number | null,
  high: number | null,
  rest: number | null,
  excess: number | null,
  mark: 0 | 1 | 2,
];

/** Sent by: operators/panels/audit/cells.py contents */
export interface Cells {
  words: string;
  fields: [down: string, across: string];
  down: string[];
  across: string[];
  cells: [
    down: number,
    across: number,
    row: number,
    fpr: Strip | null,
    fnr: Strip | null,
    units: number,
    lost: number,
  ][];
  total: [fpr: Strip | null, fnr: Strip | null];
  scale: number;
}

/** Sent by: detector/audit/slices.py Slice */
export interface Slice {
  conditions: [field: string, row: number][];
  name: string[];
  kind: "fp" | "fn";
  hits: number;
  trials: number;
  rate: number;
  low: number;
  high: number;
  rest: number;
  lift: number | null;
  excess: number;
}

/** Sent by: operators/panels/audit/tabs.py _slices */
export interface Slices {
  rows: Slice[];
  words: string;
  regions: boolean;
  can_regions: boolean;
}

/** Sent by: detector/audit/transfer.py transfer */
export interface Transferred {
  index: number;
  name: string;
  fpr: Cell | null;
  fnr: Cell | null;
  half: [fpr: number | null, fnr: number | null];
  oracle: { threshold: number; fpr: number; fnr: number } | null;
  why: string;
  reals: [median: number, high: number] | null;
}

/** Sent by: operators/panels/audit/tabs.py _transfer */
export interface Transfer {
  rows: Transferred[];
  words: string;
  target: number;
  provenance: string;
}

export type Change = "fixed" | "broken";

/** Sent by: detector/audit/compare.py rows */
export interface Compared {
  index: number;
  name: string[];
  fixed: [real: number, fake: number];
  broken: [real: number, fake: number];
  units: number;
}

/** Sent by: detector/audit/compare.py changed */
export interface Changed {
  unit: number;
  video: string;
  label: 0 | 1;
  p: [first: number, second: number];
}

/** Sent by: operators/panels/audit/tabs.py _compare */
export interface Compare {
  words: string;
  rows: Compared[];
  others: Option[];
  key: string | null;
  list: Partial<Record<Change, Changed[]>>;
  columns?: number;
}

/** Sent by: operators/panels/audit/tabs.py _pairs */
export interface Pairs {
  words: string;
}
