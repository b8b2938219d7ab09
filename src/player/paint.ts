/** Draws frames, their difference and heatmaps into canvases, all with the same zoom. */
import type { Box } from "../sent/player.ts";
import { placeOf, type Place, type Size, type Zoom } from "./zoom.ts";

const BOX = "#F0E442";
/** pixels of the wider side of a difference */
const DIFFERENCE = 480;
const GREY = 128;

/** Fits a canvas to its place in the page and clears it; null while it has no place. */
function fresh(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return null;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const g = canvas.getContext("2d")!;
  g.setTransform(1, 0, 0, 1, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

function lay(
  g: CanvasRenderingContext2D,
  picture: HTMLCanvasElement,
  zoom: Zoom,
  canvas: Size,
): Place {
  const place = placeOf(zoom, [picture.width, picture.height], canvas);
  // enlarged pixels are shown as they are
  g.imageSmoothingEnabled = place.width < 2 * picture.width;
  g.drawImage(picture, place.left, place.top, place.width, place.height);
  return place;
}

export function paintFrame(
  canvas: HTMLCanvasElement | null,
  picture: HTMLCanvasElement | undefined,
  zoom: Zoom,
  box: Box | null,
): void {
  const g = canvas && fresh(canvas);
  if (!g || !picture) return;
  const place = lay(g, picture, zoom, [canvas.width, canvas.height]);
  if (!box) return;
  const [x, y, w, h] = box;
  const corners = [
    place.left + x * place.width,
    place.top + y * place.height,
    w * place.width,
    h * place.height,
  ] as const;
  for (const [style, wide] of [["#000a", 4], [BOX, 2]] as const) {
    g.strokeStyle = style;
    g.lineWidth = wide;
    g.strokeRect(...corners);
  }
}

/** Grey where both are equal, brighter where the first is. Returns the mean difference, 0 to 255;
 * NaN if the browser does not let the pixels be read. */
export function paintDifference(
  canvas: HTMLCanvasElement | null,
  first: HTMLCanvasElement,
  second: HTMLCanvasElement,
  zoom: Zoom,
  gain: number,
): number {
  const g = canvas && fresh(canvas);
  if (!g) return NaN;
  const share = Math.min(1, DIFFERENCE / Math.max(canvas.width, canvas.height));
  const size: Size = [
    Math.max(1, Math.round(canvas.width * share)),
    Math.max(1, Math.round(canvas.height * share)),
  ];
  const a = pixels(first, zoom, size);
  const b = pixels(second, zoom, size);
  if (!a || !b) return NaN;
  const { mean, out } = difference(a, b, gain);
  const small = document.createElement("canvas");
  [small.width, small.height] = size;
  small.getContext("2d")!.putImageData(new ImageData(out, size[0], size[1]), 0, 0);
  g.imageSmoothingEnabled = false;
  g.drawImage(small, 0, 0, canvas.width, canvas.height);
  return mean;
}

function pixels(picture: HTMLCanvasElement, zoom: Zoom, size: Size): Uint8ClampedArray | null {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = size;
  const g = canvas.getContext("2d", { willReadFrequently: true })!;
  lay(g, picture, zoom, size);
  try {
    return g.getImageData(0, 0, size[0], size[1]).data;
  } catch {
    return null; // the pictures come from another server
  }
}

/** The difference of two pictures (RGBA), and its mean over what both show. */
export function difference(
  a: Uint8ClampedArray,
  b: Uint8ClampedArray,
  gain: number,
): { mean: number; out: Uint8ClampedArray<ArrayBuffer> } {
  const out = new Uint8ClampedArray(a.length);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < a.length; i += 4) {
    if (!a[i + 3] || !b[i + 3]) continue; // beside one of the pictures
    for (let c = i; c < i + 3; c++) {
      const off = a[c]! - b[c]!;
      out[c] = GREY + gain * off;
      sum += Math.abs(off);
    }
    out[i + 3] = 255;
    count += 3;
  }
  return { mean: count ? sum / count : NaN, out };
}

/** The frame with a heatmap over its face. */
export function paintHeat(
  canvas: HTMLCanvasElement | null,
  picture: HTMLCanvasElement | undefined,
  zoom: Zoom,
  heat: HTMLCanvasElement | undefined,
  place: readonly number[],
): void {
  const g = canvas && fresh(canvas);
  if (!g || !picture) return;
  const at = lay(g, picture, zoom, [canvas.width, canvas.height]);
  const [x, y, rightX, rightY, downX, downY] = place;
  if (!heat || downY === undefined) return;
  // from the map's unit square to the frame, and from the frame to the canvas
  g.setTransform(
    (rightX! * at.width) / heat.width,
    (rightY! * at.height) / heat.width,
    (downX! * at.width) / heat.height,
    (downY * at.height) / heat.height,
    at.left + x! * at.width,
    at.top + y! * at.height,
  );
  g.imageSmoothingEnabled = true;
  g.drawImage(heat, 0, 0);
}
