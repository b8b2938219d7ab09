/** How points look, for whichever painter draws them. */
import { mix, pack, rgb, type Rgb } from "../app/colours.ts";
import type { Colouring } from "./colouring.ts";
import type { Points } from "./data.ts";
import { DISC, sprite, TRIANGLE, type Sprite } from "./sprite.ts";
import type { Screen, View } from "./view.ts";

/** Device px at the canvas's border in which no point is drawn, so that none leaves it. */
export const BORDER = 8;

/** Colours and shapes of the points of a frame. */
export interface Paint {
  /** Of faces that are no fake, and of fakes. */
  shapes: [Sprite, Sprite];
  /** Packed colours by look, of points in front and behind. */
  near: Uint32Array;
  far: Uint32Array;
  rim: number;
}

/** What is drawn in a frame. */
export interface Scene extends Screen {
  points: Pick<Points, "n" | "label">;
  /** How each point looks, see `looksOf`; those over `groups` are faded where `faded`. */
  look: Uint16Array;
  /** Another value whenever `look` has other contents. */
  looked: unknown;
  groups: number;
  faded: boolean;
  view: View;
  /** Every step-th point is drawn. */
  step: number;
  paint: Paint;
}

/** Draws the points of a scene onto a canvas that holds what lies behind them. */
export interface Dots {
  /** Whether it works on the canvas's pixels, with the points' screen positions. */
  readonly onPixels: boolean;
  /** Returns the ms that a frame takes where it waited for one. */
  draw(g: CanvasRenderingContext2D, scene: Scene): number | undefined;
  dispose(): void;
}

/** What of points is hidden, lit or selected. */
export interface Light {
  hidden: Set<number>;
  /** 1 for points that were picked. */
  chosen: Uint8Array | null;
  /** Points of samples that are selected in the grid. */
  marked: Set<number> | null;
}

/** Into `look`: 0 hidden, else 1 + the group, + the number of groups where others are lit.
 *
 * Returns whether any point may be faded. */
export function looksOf(look: Uint16Array, colours: Colouring, light: Light): boolean {
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
const radiusOf = (n: number): number =>
  n <= 2000 ? 4 : n <= 8000 ? 3.2 : n <= 40000 ? 2.4 : n <= 150000 ? 1.7 : 1.1;

/** Colours and shapes of n points over the background `back`. */
export function paintOf(colours: Colouring, n: number, view: View, back: Rgb): Paint {
  const zoomed = Math.min(1.6, Math.max(1, Math.sqrt(view.zoom)));
  const radius = radiusOf(n) * view.ratio * zoomed;
  const rim = n <= 8000;
  const plain = n > 40000;
  const own = colours.groups.map((group) => rgb(group.colour));
  const table = (lit: number, faded: number) =>
    Uint32Array.from([
      0,
      ...own.map((colour) => pack(mix(colour, back, lit))),
      ...own.map((colour) => pack(mix(colour, back, faded))),
    ]);
  return {
    shapes: [sprite(DISC, radius, rim, plain), sprite(TRIANGLE, radius * 1.12, rim, plain)],
    near: table(0, 0.72),
    far: table(0.68, 0.86),
    rim: pack(mix(back, back[0] > 128 ? [255, 255, 255] : [0, 0, 0], 0.6)),
  };
}
