/** Which painter draws many points faster on this machine, measured once for a page.
 *
 * With a graphics card that is WebGL. Without one WebGL is computed by the processor, ten times and
 * more slower than the plain canvas (benchmarks/sphere_frames.py). */
import { CanvasDots } from "./canvas_dots.ts";
import { paintOf, type Dots, type Scene } from "./dots.ts";
import { GlDots } from "./gl_dots.ts";
import { View } from "./view.ts";

/** Points up to which a plain canvas is fast enough anywhere: nothing is measured. */
const FEW = 25000;
/** Points of the measurement: few first, because without a graphics card they take long enough. */
const SAMPLES = [4000, 40000];
/** ms of a frame of WebGL after which no larger sample is tried */
const SLOW = 5;
const WIDTH = 760;
const HEIGHT = 470;

export type Kind = "canvas" | "webgl";

let measured: Record<Kind, number> | null = null;

/** N points all over the ball, as a scene. */
function sample(N: number): Scene {
  const view = new View();
  Object.assign(view, { w: WIDTH, h: HEIGHT });
  view.P = Float32Array.from({ length: 3 * N }, (_, k) => {
    const z = 1 - (2 * Math.floor(k / 3) + 1) / N;
    const around = Math.floor(k / 3) * 2.399963;
    const r = Math.sqrt(1 - z * z);
    return [r * Math.cos(around), z, r * Math.sin(around)][k % 3];
  });
  const label = Uint8Array.from({ length: N }, (_, i) => i & 1);
  const look = Uint16Array.from(label, (l) => l + 1);
  const groups = ["#0072B2", "#D55E00"].map((colour) => ({ name: "", colour, count: 0 }));
  const screen = { U: new Float32Array(N), V: new Float32Array(N), W: new Float32Array(N) };
  return {
    ...screen,
    points: { n: N, label },
    look,
    looked: look,
    groups: 2,
    faded: false,
    view,
    step: 1,
    paint: paintOf({ codes: label, groups }, N, view, [26, 26, 26]),
  };
}

/** ms of a frame. */
function timed(dots: Dots, scene: Scene): number {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const g = canvas.getContext("2d", { willReadFrequently: dots.onPixels })!;
  const frame = () => {
    const start = performance.now();
    scene.view.project(scene, scene.points.n, 1);
    return dots.draw(g, scene) ?? performance.now() - start;
  };
  // WebGL waits for its first frame by itself
  return dots.onPixels ? Math.min(frame(), frame()) : frame();
}

/** ms of a frame of the largest sample that was tried; infinite where there is no WebGL 2. */
export function measure(): Record<Kind, number> {
  if (measured) return measured;
  measured = { canvas: 0, webgl: Infinity };
  const canvas = new CanvasDots();
  const webgl = made();
  for (const n of webgl ? SAMPLES : []) {
    const scene = sample(n);
    measured = { canvas: timed(canvas, scene), webgl: timed(webgl!, scene) };
    if (measured.webgl > SLOW) break;
  }
  if (webgl?.lost) measured.webgl = Infinity;
  webgl?.dispose();
  return measured;
}

function made(onLost?: () => void): GlDots | null {
  try {
    return new GlDots(onLost);
  } catch {
    return null; // no WebGL 2, or as many pictures as the browser allows: the canvas is always there
  }
}

/** What draws n points fastest here. */
export function fasterFor(n: number): Kind {
  if (n <= FEW) return "canvas";
  const { canvas, webgl } = measure();
  return webgl < canvas ? "webgl" : "canvas";
}

/** A painter of points; `onLost`: the browser took the graphics card away. */
export const dotsOf =
  (kind: Kind) =>
  (onLost: () => void): Dots =>
    (kind === "webgl" && made(onLost)) || new CanvasDots();
