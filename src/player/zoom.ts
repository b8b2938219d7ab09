/** Which part of the pictures is seen: the same of all of them. */

/** `x`, `y`: the point of the picture, 0 to 1, that lies in the middle; `k`: how many times closer */
export interface Zoom {
  k: number;
  x: number;
  y: number;
}

export const WHOLE: Zoom = { k: 1, x: 0.5, y: 0.5 };
export const CLOSEST = 32;

export type Size = readonly [width: number, height: number];

/** Where a picture lies in a canvas, in pixels of the canvas. */
export interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function placeOf(zoom: Zoom, picture: Size, canvas: Size): Place {
  const scale = zoom.k * Math.min(canvas[0] / picture[0], canvas[1] / picture[1]);
  const [width, height] = [picture[0] * scale, picture[1] * scale];
  return {
    left: canvas[0] / 2 - zoom.x * width,
    top: canvas[1] / 2 - zoom.y * height,
    width,
    height,
  };
}

/** Closer by a factor, so that what is under `at` (0 to 1 of the canvas) stays there. */
export function closer(zoom: Zoom, by: number, at: Size, picture: Size, canvas: Size): Zoom {
  const k = Math.max(1, Math.min(CLOSEST, zoom.k * by));
  const before = placeOf(zoom, picture, canvas);
  const point = [
    (at[0] * canvas[0] - before.left) / before.width,
    (at[1] * canvas[1] - before.top) / before.height,
  ];
  const after = placeOf({ ...zoom, k }, picture, canvas);
  const x = point[0]! - (at[0] * canvas[0] - canvas[0] / 2) / after.width;
  const y = point[1]! - (at[1] * canvas[1] - canvas[1] / 2) / after.height;
  return within({ k, x, y });
}

/** Moved by parts of the canvas. */
export function moved(zoom: Zoom, by: Size, picture: Size, canvas: Size): Zoom {
  const { width, height } = placeOf(zoom, picture, canvas);
  return within({
    k: zoom.k,
    x: zoom.x - (by[0] * canvas[0]) / width,
    y: zoom.y - (by[1] * canvas[1]) / height,
  });
}

/** So close that a box (x, y, width, height) fills half of the view. */
export function onto([x, y, width, height]: readonly number[]): Zoom {
  const k = Math.min(CLOSEST, 0.5 / Math.max(width!, height!, 1e-3));
  return within({ k: Math.max(1, k), x: x! + width! / 2, y: y! + height! / 2 });
}

function within({ k, x, y }: Zoom): Zoom {
  const edge = 0.5 / k;
  const inside = (v: number) => Math.max(edge, Math.min(1 - edge, v));
  return { k, x: inside(x), y: inside(y) };
}
