/** When each frame of a video is shown: the only place where times, indices and numbers meet.
 *
 * Indices count from 0, as decoders do; numbers are what people read, from 1 as FiftyOne counts, or
 * the numbers of a sequence of pictures. */
import type { Side } from "../sent/player.ts";

/** s; how far a player may round a time */
const ROUNDING = 0.0006;

export interface Near {
  index: number;
  /** whether the time is that of the frame, and no other time in between */
  exact: boolean;
}

/** The float64s of a base64 text. */
export function unpackTimes(text: string): Float64Array {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length >> 3 }, (_, i) => view.getFloat64(8 * i, true));
}

export class Table {
  /** s of each frame, ascending; of pictures without times one a tick */
  readonly times: ArrayLike<number>;
  /** number of each picture of a sequence, ascending; none for a video */
  private readonly numbers: readonly number[];

  constructor(times: ArrayLike<number>, numbers: readonly number[] = []) {
    this.times = times;
    this.numbers = numbers;
  }

  static of(side: Side): Table {
    if (side.kind === "video") return new Table(unpackTimes(side.times));
    return new Table(
      side.numbers.map((_, i) => i / PICTURES_A_SECOND),
      side.numbers,
    );
  }

  get length(): number {
    return this.times.length;
  }

  clamp(index: number): number {
    return Math.max(0, Math.min(this.length - 1, index));
  }

  numberOf(index: number): number {
    return this.numbers[index] ?? index + 1;
  }

  /** The frame with a number, or the last one before it. */
  indexOf(number: number): number {
    if (!this.numbers.length) return this.clamp(Math.round(number) - 1);
    return this.clamp(lastAtMost(this.numbers, number));
  }

  /** s of the moment half-way through the time in which a frame is shown */
  middle(index: number): number {
    return (this.times[index]! + this.end(index)) / 2;
  }

  /** s; the last frame is taken to be shown as long as the one before */
  end(index: number): number {
    if (index + 1 < this.length) return this.times[index + 1]!;
    const before = index > 0 ? this.times[index]! - this.times[index - 1]! : 0.04;
    return this.times[index]! + before;
  }

  /** The frame that is shown at a time. */
  at(seconds: number): number {
    return this.clamp(lastAtMost(this.times, seconds + ROUNDING));
  }

  /** The frame whose time this is. */
  nearest(seconds: number): Near {
    const low = this.at(seconds);
    const next = this.clamp(low + 1);
    const off = (i: number) => Math.abs(this.times[i]! - seconds);
    const index = off(next) < off(low) ? next : low;
    const gaps = [this.end(index) - this.times[index]!];
    if (index > 0) gaps.push(this.times[index]! - this.times[index - 1]!);
    return { index, exact: off(index) <= Math.max(ROUNDING, 0.25 * Math.min(...gaps)) };
  }
}

export const PICTURES_A_SECOND = 10;

/** Position of the last value that is not above `limit`; -1 if there is none. */
export function lastAtMost(values: ArrayLike<number>, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const half = (low + high) >> 1;
    if (values[half]! <= limit) low = half + 1;
    else high = half;
  }
  return low - 1;
}

/** The frame of `other` that goes with frame `index` of `table`. */
export function partner(
  table: Table,
  other: Table,
  sync: "number" | "time",
  index: number,
): number {
  if (sync === "number") return other.indexOf(table.numberOf(index));
  return other.at(table.times[index]! - table.times[0]! + other.times[0]!);
}
