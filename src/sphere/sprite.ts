/** The shape of a point in pixels. */

export const DISC = 0;
export const TRIANGLE = 1;
export type Shape = typeof DISC | typeof TRIANGLE;

/** Coverage of pixels around a point's middle, of 256: of the shape, and of a dark rim around it. */
export interface Sprite {
  /** Pixels to each side of the middle; rows are 2 * size + 1 wide. */
  size: number;
  fill: Uint16Array;
  rim: Uint16Array;
}

/** A disc or triangle of radius `r`; `plain`: without an edge of partly covered pixels. */
export function sprite(shape: Shape, r: number, rim: boolean, plain: boolean): Sprite {
  const outer = r + (rim ? 1 : 0);
  const size = Math.ceil(outer) + 1;
  const wide = 2 * size + 1;
  const out: Sprite = {
    size,
    fill: new Uint16Array(wide * wide),
    rim: new Uint16Array(wide * wide),
  };
  const inside = (x: number, y: number, radius: number) =>
    shape === DISC
      ? x * x + y * y <= radius * radius
      : y <= radius * 0.72 && y >= 2 * Math.abs(x) * 0.86 - radius * 1.18;
  for (let y = -size; y <= size; y++) {
    for (let x = -size; x <= size; x++) {
      let fill = 0;
      let around = 0;
      for (let j = 0; j < 16; j++) {
        const sx = x + ((j & 3) - 1.5) / 4;
        const sy = y + ((j >> 2) - 1.5) / 4;
        if (inside(sx, sy, r)) fill++;
        else if (rim && inside(sx, sy, outer + 0.3)) around++;
      }
      const at = (y + size) * wide + x + size;
      out.rim[at] = around * 16;
      if (fill === 16 || (plain && fill > 6)) out.fill[at] = 256;
      else if (!plain) out.fill[at] = fill * 16;
    }
  }
  return out;
}
