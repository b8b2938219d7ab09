/** What the review's panel sends. tests/test_component.py compares each interface with the Python
 * that its "Sent by" names. */
import type { Option } from "./audit.ts";

/** Sent by: operators/panels/review/review.py _show panel */
export interface About {
  dataset: string;
  when: number;
}

/** Sent by: operators/panels/choice_panel.py answering refused */
export interface Refused {
  message: string;
  hint: string;
}

/** What every answer may be instead. */
export type Answer<T> = T | { refused: Refused };

/** Sent by: operators/panels/review/worklist.py Asked */
export interface Asked {
  queue: string;
  show: string;
  order: string;
  truth: string;
}

/** face -> reviewer -> decision */
export type Said = Record<string, Record<string, string>>;

/** Sent by: operators/panels/review/review.py on_open */
export interface Opened {
  dataset: string;
  reviewer: string;
  asked: Asked;
  queues: Option[];
  shows: Option[];
  orders: Option[];
  truths: Option[];
  notice: string;
  aside: string;
  key: string;
  threshold: number;
  provenance: string;
  ids: string[];
  start: number;
  listed: number;
  faces: number;
  decided: number;
  conflicts: number;
  said: Said;
  cards: Card[];
}

/** Sent by: operators/panels/review/cards.py Card */
export interface Card {
  id: string;
  path: string;
  video: string | null;
  frame: number | null;
  box: number[];
  label: string | null;
  score: number | null;
  facts: [name: string, value: string][];
  why: [queue: string, rank: number, words: string][];
  person: [frame: number, score: number][];
  pair: Pair | null;
  stands: Beside;
  own: Beside;
  heat: string;
}

/** Sent by: operators/panels/review/cards.py Beside */
export interface Beside {
  keep: boolean | null;
  note: string | null;
}

/** Sent by: operators/panels/review/cards.py Pair */
export interface Pair {
  path: string;
  video: string;
  frame: number | null;
  label: string | null;
  score: number | null;
  same: boolean;
}

/** Sent by: operators/panels/review/review.py on_decide */
export interface Decided {
  done: Done[];
  said: Said;
  cards: Card[] | null;
  busy: string;
  absent: boolean;
}

/** Sent by: operators/panels/review/review.py _one */
export interface Done {
  mark: string;
  face: string;
  turned: string[];
  was: string[];
  why: string;
}

/** Sent by: operators/panels/review/review.py on_cards */
export interface Cards {
  cards: Card[];
}

/** Sent by: operators/panels/review/review.py on_frames */
export interface Frames {
  frames: Frame[];
}

/** Sent by: operators/panels/review/face_pictures.py _picture */
export interface Frame {
  id: string;
  uri: string;
  why: string;
}

/** Sent by: operators/panels/stored_heat.py heat_of */
export interface Heat {
  id: string;
  rows: number;
  columns: number;
  values: string;
}

/** Sent by: operators/review/reviewer_agreement.py agreement */
export interface Agreement {
  rows: Pairing[];
  conflicts: number;
  settled: number;
}

/** Sent by: operators/review/reviewer_agreement.py _row */
export interface Pairing {
  who: string;
  faces: number;
  equal: number | null;
  kappa: number | null;
  low: number | null;
  high: number | null;
  why: string;
}

/** Sent by: operators/panels/review/review.py on_export */
export interface Exported {
  name: string;
  rows: number;
  text: string;
}

/** Sent by: operators/review/exchange.py merge */
export interface Imported {
  added: number;
  there: number;
  left_out: Record<string, number>;
}
