/** Draws points on a plain canvas, one by one into its pixels. */
import { blend } from "../app/colours.ts";
import { BORDER, type Dots, type Scene } from "./dots.ts";
import type { Sprite } from "./sprite.ts";

/** A sprite as offsets in an image: of solid pixels, and pairs of offset and coverage. */
interface Stamp {
  solid: Int32Array;
  edge: Int32Array;
  dark: Int32Array;
}

function stampOf({ size, fill, rim }: Sprite, width: number): Stamp {
  const wide = 2 * size + 1;
  const solid: number[] = [];
  const edge: number[] = [];
  const dark: number[] = [];
  for (let at = 0; at < fill.length; at++) {
    const offset = (Math.floor(at / wide) - size) * width + (at % wide) - size;
    if (rim[at]) dark.push(offset, rim[at]);
    if (fill[at] === 256) solid.push(offset);
    else if (fill[at]) edge.push(offset, fill[at]);
  }
  return {
    solid: Int32Array.from(solid),
    edge: Int32Array.from(edge),
    dark: Int32Array.from(dark),
  };
}

export class CanvasDots implements Dots {
  readonly onPixels = true;
  private order = new Uint32Array(0);

  draw(g: CanvasRenderingContext2D, scene: Scene): undefined {
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

    const stamp = (i: number, colour: number, front: boolean) => {
      const u = Math.round(U[i]);
      const v = Math.round(V[i]);
      if (u < BORDER || v < BORDER || u >= w - BORDER || v >= h - BORDER) return;
      const { solid, edge, dark } = stamps[label[i] === 1 ? 1 : 0];
      const q = v * w + u;
      if (front) {
        for (let k = 0; k < dark.length; k += 2) {
          px[q + dark[k]] = blend(px[q + dark[k]], rim, dark[k + 1]);
        }
      }
      for (let k = 0; k < solid.length; k++) px[q + solid[k]] = colour;
      for (let k = 0; k < edge.length; k += 2) {
        px[q + edge[k]] = blend(px[q + edge[k]], colour, edge[k + 1]);
      }
    };

    // far points first, then those in front; where some are lit, these above all others
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
      for (let k = n - 1; k >= lit; k--) {
        if (W[order[k]] > 0) stamp(order[k], far[look[order[k]]], false);
      }
    }
    for (let k = n - 1; k >= lit; k--) {
      if (W[order[k]] <= 0) stamp(order[k], near[look[order[k]]], true);
    }
    g.putImageData(image, 0, 0);
  }

  dispose(): void {
    this.order = new Uint32Array(0);
  }
}
