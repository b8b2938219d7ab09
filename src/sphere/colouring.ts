/** What colours the points: codes per point, and per code a name, a colour and a count. */
import { FAKE, REAL, hexOf, mix, rgb, type Rgb } from "../app/colours.ts";
import type { Field } from "../sent/sphere.ts";
import { NO_SCORE, type Points } from "./data.ts";

export interface Group {
  name: string;
  colour: string;
  count: number;
}

export interface Colouring {
  codes: Uint8Array | Uint16Array;
  groups: Group[];
  /** A scale of the score rather than groups. */
  scale?: boolean;
  /** Codes in the order of the legend. */
  order?: number[];
}

/** A field to colour by, its codes unpacked. */
export type Coded = Pick<Field, "values" | "ordered"> & { codes: Uint8Array | Uint16Array };

/** Okabe & Ito's palette; past its end everything is "other" in grey. */
const PALETTE = [
  "#0072B2",
  "#E69F00",
  "#009E73",
  "#CC79A7",
  "#56B4E9",
  "#D55E00",
  "#F0E442",
  "#AA4499",
];
/** Low to high. */
const ORDERED = ["#4575b4", "#74add1", "#e6d98c", "#f46d43", "#b2182b"];
const OTHER = "#8c8c8c";
/** Of the score's colour scale. */
export const STEPS = 64;

const FIXED = ["label", "prediction", "error", "score"];

/** Whether `by` is a field that Python must be asked for. */
export const isField = (by: string): boolean => !FIXED.includes(by);

function counted(codes: Uint8Array | Uint16Array, size: number): number[] {
  const out = new Array<number>(size).fill(0);
  for (let i = 0; i < codes.length; i++) out[codes[i]]++;
  return out;
}

function grouped(codes: Uint8Array | Uint16Array, names: string[], colours: string[]): Colouring {
  const counts = counted(codes, names.length);
  return {
    codes,
    groups: names.map((name, i) => ({ name, colour: colours[i], count: counts[i] })),
  };
}

function byScore(points: Points): Colouring {
  const codes = points.score.map((v) =>
    v === NO_SCORE ? STEPS : Math.min(STEPS - 1, Math.floor((v / 254) * STEPS)),
  );
  const middle = rgb("#c9c9c9");
  const scale = (t: number): Rgb =>
    t < 0.5 ? mix(rgb(REAL), middle, 2 * t) : mix(middle, rgb(FAKE), 2 * t - 1);
  const groups = Array.from({ length: STEPS }, (_, i) => ({
    name: (i / STEPS).toFixed(2),
    colour: hexOf(scale((i + 0.5) / STEPS)),
    count: 0,
  }));
  const without = { name: "not scored", colour: OTHER, count: 0 };
  return { codes, scale: true, groups: [...groups, without] };
}

function byField({ codes, values, ordered }: Coded): Colouring {
  const counts = counted(codes, values.length);
  const colours = new Array<string>(values.length).fill(OTHER);
  let order = counts.map((_, i) => i).sort((a, b) => counts[b] - counts[a]);
  if (ordered) {
    const last = values.length - 1 - (values[values.length - 1] === "no value" ? 1 : 0);
    order = counts.map((_, i) => i);
    for (let i = 0; i <= last; i++) {
      colours[i] = ORDERED[last ? Math.round((i / last) * (ORDERED.length - 1)) : 0];
    }
  } else {
    order.slice(0, PALETTE.length).forEach((code, rank) => {
      colours[code] = PALETTE[rank];
    });
  }
  return { ...grouped(codes, values, colours), order };
}

/** Colours of `points` by label, prediction, error or score, else by `field`. */
export function colouring(points: Points, by: string, field?: Coded | null): Colouring {
  if (by === "label") {
    return grouped(points.label, ["real", "fake", "unknown"], [REAL, FAKE, OTHER]);
  }
  if (by === "prediction") {
    const codes = points.error.map((e, i) => (e === 5 ? 2 : points.call[i]));
    return grouped(codes, ["called real", "called fake", "not scored"], [REAL, FAKE, OTHER]);
  }
  if (by === "error") {
    // colour says what the detector said, shape what is true: errors are the loud ones
    return grouped(
      points.error,
      [
        "real, right",
        "fake, right",
        "false positive",
        "false negative",
        "no ground truth",
        "not scored",
      ],
      ["#8fa7b8", "#b8a08f", FAKE, REAL, OTHER, "#6b6b6b"],
    );
  }
  return by === "score" || !field ? byScore(points) : byField(field);
}
