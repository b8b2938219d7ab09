/** Where points lie on the canvas: the arithmetic of turning, moving and zooming. */
import { clampCosine, degrees, STEP, type Points } from "./data.ts";

export type Mode = "3d" | "2d" | "umap";
export type At = [x: number, y: number];
export type At3 = [x: number, y: number, depth: number];

/** Screen positions in device pixels, and depth: <= 0 is in front. */
export interface Screen {
  U: Float32Array;
  V: Float32Array;
  W: Float32Array;
}

/** The frame around a flat map, and its axes. */
export interface Frame {
  left: number;
  right: number;
  top: number;
  bottom: number;
  W: number;
  H: number;
  x: (angle: number) => number;
  y: (value: number) => number;
  angle: (x: number) => number;
  value: (y: number) => number;
}

const START: At = [0.55, 0.32];

export class View {
  turn: At = [...START];
  zoom = 1;
  pan: At = [0, 0];
  mode: Mode = "3d";
  /** On the surface of the ball by the angle to the fake axis, or inside it by projection. */
  surface = true;
  /** Whether angles are stretched around the threshold. */
  stretch = true;
  /** Device pixels for a CSS pixel, and the canvas's size in device pixels. */
  ratio = 1;
  w = 0;
  h = 0;
  /** Degrees to the fake axis of the threshold, and the factor of the stretch. */
  centre = 90;
  factor = 1;
  /** Positions in the unit ball (3-D), in degrees and residual (2-D), or on the UMAP. */
  P = new Float32Array(0);
  range = { lo: 0, hi: 180, top: 1 };

  reset(): void {
    this.turn = [...START];
    this.zoom = 1;
    this.pan = [0, 0];
  }

  /** Look at `points` as `mode`, `surface` and `stretch` say. */
  place(points: Points, map: Int16Array | null | undefined): void {
    const { n, xyz, boundary } = points;
    const P = (this.P = new Float32Array(3 * n));
    this.centre = boundary != null ? degrees(Math.acos(boundary)) : 90;
    this.factor = this.stretch ? points.stretch : 1;
    let lo = 180;
    let hi = 0;
    let top = 1e-3;
    for (let i = 0; i < n; i++) {
      const c = clampCosine(xyz[3 * i]);
      const a = xyz[3 * i + 1] / STEP;
      const b = xyz[3 * i + 2] / STEP;
      if (this.mode === "umap") {
        const there = map && map[2 * i] > -STEP - 1;
        P[3 * i] = there ? -map[2 * i] / STEP : 0;
        P[3 * i + 1] = there ? map[2 * i + 1] / STEP : 0;
        P[3 * i + 2] = there ? -1 : 1;
      } else if (this.mode === "2d") {
        const angle = degrees(Math.acos(c));
        P[3 * i] = angle;
        P[3 * i + 1] = a;
        P[3 * i + 2] = -1;
        lo = Math.min(lo, angle);
        hi = Math.max(hi, angle);
        top = Math.max(top, Math.abs(a));
      } else if (this.surface) {
        // the angle to the axis is kept; the residual only gives the direction
        const t = this.latitude(degrees(Math.acos(c)));
        const s = Math.sin(t);
        const r = Math.hypot(a, b) || 1;
        P[3 * i] = Math.cos(t);
        P[3 * i + 1] = (s * a) / r;
        P[3 * i + 2] = (s * b) / r;
      } else {
        P[3 * i] = c;
        P[3 * i + 1] = a;
        P[3 * i + 2] = b;
      }
    }
    const edge = Math.max(2, 0.04 * (hi - lo));
    this.range =
      this.mode === "umap"
        ? { lo: -1.06, hi: 1.06, top: 1.06 }
        : { lo: Math.max(0, lo - edge), hi: Math.min(180, hi + edge), top: 1.08 * top };
  }

  /** Where an angle to the fake axis (degrees) is drawn (radians): stretched around the threshold. */
  latitude(angle: number): number {
    const stretched = this.mode === "3d" && this.surface;
    const drawn = stretched ? this.centre + this.factor * (angle - this.centre) : angle;
    return (Math.max(0, Math.min(180, drawn)) * Math.PI) / 180;
  }

  /** Radius of the ball in device pixels. */
  get scale(): number {
    return Math.min(this.w, this.h) * 0.42 * this.zoom;
  }

  /** Middle of the ball in device pixels. */
  get middle(): At {
    return [this.w / 2 + this.pan[0] * this.ratio, this.h / 2 + this.pan[1] * this.ratio];
  }

  /** Screen position (device px) and depth (< 0 is in front) of a point of the unit ball. */
  at(x: number, y: number, z: number): At3 {
    const [yaw, pitch] = this.turn;
    const cy = Math.cos(yaw);
    const sy = Math.sin(yaw);
    const cp = Math.cos(pitch);
    const sp = Math.sin(pitch);
    const x1 = cy * x + sy * z;
    const z1 = -sy * x + cy * z;
    const [ox, oy] = this.middle;
    return [ox + this.scale * x1, oy - this.scale * (cp * y - sp * z1), sp * y + cp * z1];
  }

  frame2d(): Frame {
    const left = 58 * this.ratio;
    const right = 14 * this.ratio;
    const top = 14 * this.ratio;
    const bottom = 42 * this.ratio;
    const W = this.w - left - right;
    const H = this.h - top - bottom;
    const { lo, hi, top: t } = this.range;
    const z = this.zoom;
    const mx = left + W / 2 + this.pan[0] * this.ratio;
    const my = top + H / 2 + this.pan[1] * this.ratio;
    return {
      left,
      right,
      top,
      bottom,
      W,
      H,
      x: (angle) => mx + z * W * ((hi - angle) / (hi - lo) - 0.5),
      y: (value) => my - (z * H * value) / (2 * t),
      angle: (x) => hi - (hi - lo) * ((x - mx) / (z * W) + 0.5),
      value: (y) => ((my - y) * 2 * t) / (z * H),
    };
  }

  /** What a position is multiplied with to lie on the screen: rows of [x, y, z, 1] to U, V, W. */
  matrix(): number[] {
    if (this.mode !== "3d") {
      const f = this.frame2d();
      const ax = f.x(0);
      const ay = f.y(0);
      return [f.x(1) - ax, 0, 0, ax, 0, f.y(1) - ay, 0, ay, 0, 0, 1, 0];
    }
    const [yaw, pitch] = this.turn;
    const cy = Math.cos(yaw);
    const sy = Math.sin(yaw);
    const cp = Math.cos(pitch);
    const sp = Math.sin(pitch);
    const s = this.scale;
    const [ox, oy] = this.middle;
    return [s * cy, 0, s * sy, ox, -s * sp * sy, -s * cp, s * sp * cy, oy, -cp * sy, sp, cp * cy, 0];
  }

  /** Screen positions of every `step`-th of n points into `to`. */
  project(to: Screen, n: number, step: number): void {
    const { P } = this;
    const { U, V, W } = to;
    const [a, b, c, d, e, f, g, k, p, q, r, s] = this.matrix();
    for (let i = 0; i < n; i += step) {
      const x = P[3 * i];
      const y = P[3 * i + 1];
      const z = P[3 * i + 2];
      U[i] = a * x + b * y + c * z + d;
      V[i] = e * x + f * y + g * z + k;
      W[i] = p * x + q * y + r * z + s;
    }
  }

  /** Screen position of one point into `to`. */
  projectOne(to: Screen, i: number): void {
    const [x, y, z] = this.P.subarray(3 * i, 3 * i + 3);
    const [a, b, c, d, e, f, g, k, p, q, r, s] = this.matrix();
    to.U[i] = a * x + b * y + c * z + d;
    to.V[i] = e * x + f * y + g * z + k;
    to.W[i] = p * x + q * y + r * z + s;
  }

  turnBy(x: number, y: number): void {
    this.turn = [this.turn[0] + x, Math.max(-1.57, Math.min(1.57, this.turn[1] + y))];
  }

  panBy(x: number, y: number): void {
    this.pan = [this.pan[0] + x, this.pan[1] + y];
  }

  /** Zoom by `factor`, so that the place (css px from the canvas's middle) stays. */
  zoomBy(factor: number, [dx, dy]: At): void {
    const next = Math.min(40, Math.max(0.5, this.zoom * factor));
    const k = next / this.zoom;
    this.pan = [dx - (dx - this.pan[0]) * k, dy - (dy - this.pan[1]) * k];
    this.zoom = next;
  }

  /** Look from where `other` does. */
  follow(other: View): void {
    this.turn = other.turn;
    this.zoom = other.zoom;
    this.pan = other.pan;
  }
}
