/** What is played, video or pictures, and the frames that were caught of it.
 *
 * Caught frames are kept for a moment, so that two films show the same pair. */
import type { Side } from "../sent/player.ts";
import type { Table } from "./table.ts";

/** frames that a film keeps */
const KEPT = 8;
/** pixels of the longer side of a kept frame */
const LONGEST = 1920;

export interface Picture {
  /** -1 once its canvas holds another frame */
  index: number;
  canvas: HTMLCanvasElement;
}

export interface Film {
  readonly side: Side;
  readonly table: Table;
  /** what a person should know: a preview, a doubt, why nothing is shown */
  words: string;
  /** it cannot be shown at all */
  failed: boolean;
  /** called with each frame that is caught */
  onFrame: (index: number) => void;
  onChange: () => void;
  /** ends when frame `index` is there, or cannot be had; tells which one is there */
  show(index: number): Promise<number>;
  play(rate: number): Promise<void>;
  pause(): void;
  /** nothing comes after the newest frame, in this preview or at all */
  readonly ended: boolean;
  /** goes on from another frame while it plays, or plays faster */
  follow(index: number, late: number, rate: number): void;
  picture(index: number): Picture | undefined;
  /** the frames that are kept, newest first */
  readonly kept: readonly Picture[];
  close(): void;
}

/** Pictures that were caught, newest first; a canvas is used again. */
export class Ring {
  readonly kept: Picture[] = [];

  catch(index: number, source: CanvasImageSource, width: number, height: number): Picture {
    const old = this.kept.findIndex((p) => p.index === index);
    const at = old >= 0 ? old : this.kept.length >= KEPT ? KEPT - 1 : -1;
    const [reused] = at >= 0 ? this.kept.splice(at, 1) : [];
    if (reused) reused.index = -1;
    const canvas = reused?.canvas ?? document.createElement("canvas");
    const share = Math.min(1, LONGEST / Math.max(width, height, 1));
    const size = [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    canvas.getContext("2d")!.drawImage(source, 0, 0, canvas.width, canvas.height);
    const picture = { index, canvas };
    this.kept.unshift(picture);
    return picture;
  }

  get(index: number): Picture | undefined {
    return this.kept.find((p) => p.index === index);
  }

  clear(): void {
    this.kept.length = 0;
  }
}
