/** What the player's panel sends. */
import type { Heat } from "./review.ts";

/** Sent by: operators/panels/player/player.py _show panel */
export interface Start {
  dataset: string;
  sample: string | null;
  when: number;
}

/** Sent by: operators/panels/player/player.py on_open; operators/panels/player/player.py _scores */
export interface Shown {
  dataset: string;
  left: Side;
  right: Side | null;
  names: string[];
  alone: string;
  fakes: string[];
  sync: "number" | "time";
  together: string;
  at: number | null;
  on: "left" | "right";
  track: number | null;
  key: string;
  threshold: number | null;
  provenance: string;
  words: string;
  people: Track[];
  reals: Track[];
  gaps: [frame: number, reason: string][];
}

/** Sent by: operators/panels/player/sides.py Side */
export interface Side {
  video: string;
  label: string | null;
  kind: "video" | "pictures" | "none";
  why: string;
  path: string;
  type: string;
  times: string;
  start: number;
  numbers: number[];
  files: string[];
  crops: boolean;
  width: number;
  height: number;
}

export type Box = [x: number, y: number, width: number, height: number];
export type Point = [
  frame: number,
  score: number | null,
  face: string,
  box: Box | null,
  heat: string,
];

/** Sent by: operators/panels/player/people.py Track */
export interface Track {
  track: number;
  subject: boolean;
  points: Point[];
}

/** Sent by: operators/panels/player/previews.py Preview */
export interface Preview {
  video: string;
  path: string;
  first: number;
  frames: number;
  why: string;
  words: string;
}

/** A heatmap and its place: corner, and the steps to its right and lower ends, in parts of the
 * frame; empty if not known. */
export type Placed = Heat & { place: number[] };

/** Sent by: operators/panels/player/player.py on_next */
export interface Neighbour {
  video: string;
  place: number;
  of: number;
}
