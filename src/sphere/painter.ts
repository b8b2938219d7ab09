/** The picture of the sphere: what is drawn when, and what lies where.
 *
 * A moving picture of very many points holds only as many as fit into the time of a frame; when it
 * rests, all are drawn. */
import { axes2d, axesUmap } from "./axes.ts";
import { CanvasDots } from "./canvas_dots.ts";
import type { Colouring } from "./colouring.ts";
import type { Points } from "./data.ts";
import { looksOf, paintOf, type Dots, type Light, type Scene } from "./dots.ts";
import { globe } from "./globe.ts";
import { MOST_MARKED, overlay, type Above } from "./overlay.ts";
import { Pen } from "./pen.ts";
import { box, inside, nearest } from "./picking.ts";
import { View, type At, type Screen } from "./view.ts";

/** ms for the points of a frame while they move; the rest of 16 ms is for the lines and the browser */
const BUDGET = 9;
/** points of a moving picture, however slow the machine is at the moment */
const LEAST = 25000;
/** ms without a move, after which all points are drawn */
const REST = 160;

/** Every how-many-th of n points is drawn while the picture moves, at `each` ms a point.
 *
 * Powers of two, so that the points that are left are always the same. */
export function stepOf(n: number, each: number, pictures: number): number {
  const most = Math.max(LEAST, BUDGET / each / pictures);
  if (n <= most) return 1;
  return 2 ** Math.min(Math.ceil(Math.log2(n / most)), Math.floor(Math.log2(n / LEAST)));
}

export class Painter extends View implements Screen, Light {
  /** Those that are drawn now. */
  static readonly open = new Set<Painter>();
  static readonly box = box;

  readonly canvas: HTMLCanvasElement;
  private readonly pen: Pen;
  /** The last full picture, for what only lies above it. */
  private readonly still = document.createElement("canvas");
  private dots: Dots;

  data: Points | null = null;
  colours: Colouring | null = null;
  map: Int16Array | null | undefined = null;
  hidden = new Set<number>();
  marked: Set<number> | null = null;
  chosen: Uint8Array | null = null;
  few: number[] | null = null;
  hover = -1;
  /** css px: the shape that is being drawn, the keyboard's cross and its corners */
  path: At[] | null = null;
  cursor: At | null = null;
  corners: At[] = [];

  U = new Float32Array(0);
  V = new Float32Array(0);
  W = new Float32Array(0);
  private look = new Uint16Array(0);
  private looked: unknown[] = [];
  private faded = false;

  dirty = false;
  moving = false;
  step = 1;
  /** The points moved on the screen since their positions were computed. */
  private stale = false;
  /** ms of the last full frame, and for a point as measured while it moves */
  ms = 0;
  each = 5e-5;
  private light = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(canvas: HTMLCanvasElement, dots: Dots = new CanvasDots()) {
    super();
    this.canvas = canvas;
    this.dots = dots;
    this.pen = new Pen(canvas.getContext("2d", { willReadFrequently: dots.onPixels })!);
  }

  /** One whose points are drawn by what `choose` makes, and on the plain canvas once that is lost. */
  static with(canvas: HTMLCanvasElement, choose: (onLost: () => void) => Dots): Painter {
    const onLost = () => {
      painter.dots = new CanvasDots();
      painter.ask();
    };
    const painter = new Painter(canvas, choose(onLost));
    return painter;
  }

  /** Go on where another left off, on a canvas that takes the place of its. */
  takeOver(other: Painter): void {
    this.follow(other);
    this.chosen = other.chosen;
    this.few = other.few;
    other.dispose();
  }

  setData(data: Points): void {
    const { n } = data;
    this.data = data;
    this.U = new Float32Array(n);
    this.V = new Float32Array(n);
    this.W = new Float32Array(n);
    this.look = new Uint16Array(n);
    this.looked = [];
    if (this.chosen && this.chosen.length < n) {
      const longer = new Uint8Array(n);
      longer.set(this.chosen);
      this.chosen = longer;
    }
    this.arrange();
  }

  /** Lay the points out anew: after another mode, shape or map. */
  arrange(): void {
    if (this.data) this.place(this.data, this.map);
    this.ask();
  }

  override reset(): void {
    super.reset();
    this.ask();
  }

  // -- when it is drawn

  /** Draw soon; lightly: only what lies above the points has changed. */
  ask(lightly = false): void {
    if (!lightly || this.moving) this.light = false;
    else if (!this.dirty) this.light = true;
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      this.draw();
    });
  }

  /** The view is changing: draw what a frame has time for, and all points when it rests. */
  move(following = false): void {
    this.moving = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), REST);
    this.ask();
    if (following) return;
    for (const other of this.beside()) {
      other.follow(this);
      other.move(true);
    }
  }

  rest(): void {
    clearTimeout(this.timer);
    if (!this.moving) return;
    this.moving = false;
    this.ask();
  }

  /** Spheres of other detectors that turn with this one. */
  beside(): Painter[] {
    return [...Painter.open].filter((p) => p !== this && p.mode === this.mode);
  }

  /** The picture is gone from the page. */
  dispose(): void {
    clearTimeout(this.timer);
    Painter.open.delete(this);
    this.dots.dispose();
  }

  // -- how it is drawn

  draw(): void {
    const { data, colours, canvas, pen } = this;
    if (!data || !colours || !canvas.clientWidth) return;
    const start = performance.now();
    const { g } = pen;
    this.measure();
    g.setTransform(1, 0, 0, 1, 0, 0);
    if (this.light) {
      this.light = false;
      g.drawImage(this.still, 0, 0);
      overlay(pen, this.above(data));
      return;
    }
    pen.readTheme();
    g.fillStyle = `rgb(${pen.theme.back.join(",")})`;
    g.fillRect(0, 0, this.w, this.h);
    this.step = this.moving ? stepOf(data.n, this.each, 1 + this.beside().length) : 1;
    if (this.mode === "3d") globe(pen, this, data.boundary, false);
    else if (this.mode === "2d") axes2d(pen, this, data.boundary);
    else axesUmap(pen, this);
    this.drawPoints(data, colours);
    if (this.mode === "3d") globe(pen, this, data.boundary, true);
    if (!this.moving) this.still.getContext("2d")!.drawImage(canvas, 0, 0);
    overlay(pen, this.above(data));
    this.ms = performance.now() - start;
  }

  /** Take the canvas's size. */
  private measure(): void {
    const { canvas, still } = this;
    this.ratio = this.pen.ratio = Math.min(2, window.devicePixelRatio || 1);
    const w = Math.round(canvas.clientWidth * this.ratio);
    const h = Math.round(canvas.clientHeight * this.ratio);
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = still.width = w;
      canvas.height = still.height = h;
      this.light = false;
    }
    this.w = w;
    this.h = h;
  }

  private drawPoints(data: Points, colours: Colouring): void {
    const start = performance.now();
    const { dots } = this;
    this.stale = !dots.onPixels && this.moving;
    if (!this.stale) this.project(this, data.n, this.step);
    const waited = dots.draw(this.pen.g, this.scene(data, colours));
    const took = performance.now() - start;
    if (waited !== undefined) this.each = (waited * this.step) / data.n;
    else if (dots.onPixels && this.moving) {
      this.each = 0.8 * this.each + (0.2 * took * this.step) / data.n;
    }
  }

  private scene(data: Points, colours: Colouring): Scene {
    const now = [colours, this.hidden, this.chosen, this.marked];
    if (now.some((part, i) => part !== this.looked[i])) {
      this.faded = looksOf(this.look, colours, this);
      this.looked = now;
    }
    return {
      U: this.U,
      V: this.V,
      W: this.W,
      points: data,
      look: this.look,
      looked: this.looked,
      groups: colours.groups.length,
      faded: this.faded,
      view: this,
      step: this.step,
      paint: paintOf(colours, data.n, this, this.pen.theme.back),
    };
  }

  private above(data: Points): Above {
    const few = this.chosen && this.few;
    if (this.stale || this.step > 1) {
      const marks = this.marked && this.marked.size <= MOST_MARKED ? [...this.marked] : [];
      for (const i of [...marks, ...(few ?? []), this.hover]) {
        if (i >= 0 && i < data.n) this.projectOne(this, i);
      }
    }
    const { U, V, W, mode, marked, hover, cursor, path, visible } = this;
    return { U, V, W, n: data.n, mode, visible, marked, few, hover, cursor, path };
  }

  // -- what lies where

  readonly visible = (i: number): boolean => !this.hidden.has(this.colours!.codes[i]);

  /** Make all positions those of the view as it is now. */
  private settle(): void {
    if (!this.data || (this.step === 1 && !this.stale)) return;
    this.project(this, this.data.n, 1);
    this.step = 1;
    this.stale = false;
    this.ask();
  }

  /** Middle of the canvas in css px. */
  get centreOfCanvas(): At {
    return [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
  }

  /** A point's place in css px. */
  placeOf(i: number): At {
    return [this.U[i] / this.ratio, this.V[i] / this.ratio];
  }

  /** Nearest visible point in front within reach (css px), or -1. */
  nearest(x: number, y: number, reach: number): number {
    if (!this.data) return -1;
    this.settle();
    const { ratio } = this;
    return nearest(this, this.data.n, [x * ratio, y * ratio], reach * ratio, this.visible);
  }

  /** Visible points in front inside a polygon of css px. */
  inside(path: At[]): number[] {
    if (!this.data) return [];
    this.settle();
    const polygon = path.map(([x, y]): At => [x * this.ratio, y * this.ratio]);
    return inside(this, this.data.n, polygon, this.visible);
  }

  /** Light the points of `list` and fade the others; null: fade none. */
  choose(list: number[] | null): void {
    this.chosen = list && new Uint8Array(this.data?.n ?? 0);
    for (const i of list ?? []) this.chosen![i] = 1;
    this.few = list && list.length <= 60 ? list : null;
    this.ask();
  }
}
