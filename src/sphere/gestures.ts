/** Mouse and keyboard on the sphere's canvas. */
import type { Painter } from "./painter.ts";
import { box } from "./picking.ts";
import type { At } from "./view.ts";

export type Tool = "" | "lasso" | "box";

/** What a gesture does beside moving the picture. */
export interface Acts {
  /** Take a tool, or lay it down. */
  setTool: (tool: Tool) => void;
  /** The user picked points by clicking or with a tool. */
  pick: (list: number[], tool?: Tool) => void;
  /** Show everything again. */
  clear: () => void;
  /** The mouse is on a point, -1: on none. */
  hover: (point: number) => void;
  showCard: (point: number) => void;
  hideCard: () => void;
}

/** As much of an event as is used. */
interface Key {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

interface Drag {
  x: number;
  y: number;
  from: At;
  far: number;
  tool: Tool;
}

const ARROWS: Record<string, At> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Zoom of a turn of the wheel by `delta` px. */
export const wheelZoom = (delta: number): number => Math.exp(-delta * 0.0012);

export class Gestures {
  readonly painter: Painter;
  tool: Tool = "";
  private drag: Drag | null = null;

  constructor(painter: Painter) {
    this.painter = painter;
  }

  /** Whether something is being dragged. */
  get dragging(): boolean {
    return !!this.drag;
  }

  /** Take `tool`; what was drawn with another is gone. */
  take(tool: Tool): void {
    const p = this.painter;
    this.tool = tool;
    p.path = p.cursor = null;
    p.corners = [];
    p.ask(true);
  }

  // -- mouse; places in css px

  down([x, y]: At, shift: boolean, acts: Acts): void {
    const p = this.painter;
    const tool = shift ? "lasso" : this.tool;
    this.drag = { x, y, from: [x, y], far: 0, tool };
    p.cursor = null;
    p.corners = [];
    acts.hideCard();
    if (tool) p.path = [[x, y]];
  }

  move([x, y]: At, acts: Acts): void {
    const p = this.painter;
    const { drag } = this;
    if (!drag) {
      this.hoverAt(x, y, acts);
      return;
    }
    const dx = x - drag.x;
    const dy = y - drag.y;
    const way = Math.abs(dx) + Math.abs(dy);
    drag.far += way;
    // fewer corners: a test of each point against all of them follows
    if (drag.tool === "lasso" && way < 3) return;
    drag.x = x;
    drag.y = y;
    if (drag.tool) {
      if (drag.tool === "box") p.path = box(drag.from, [x, y]);
      else p.path!.push([x, y]);
      p.ask(true);
    } else this.shift(dx, dy, 0.008, 1);
  }

  up(acts: Acts): void {
    const p = this.painter;
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    for (const each of [p, ...p.beside()]) each.rest();
    if (drag.tool && drag.far > 8 && p.path) {
      this.finish(p.path, drag.tool, acts);
      return;
    }
    p.path = null;
    p.ask(true);
    if (drag.far > 4) return;
    const point = p.nearest(drag.x, drag.y, 10);
    if (point >= 0) acts.pick([point]);
  }

  leave(acts: Acts): void {
    if (this.drag) return;
    this.painter.hover = -1;
    acts.hover(-1);
    acts.hideCard();
    this.painter.ask(true);
  }

  wheel(delta: number, at: At): void {
    this.zoom(wheelZoom(delta), at);
  }

  private hoverAt(x: number, y: number, acts: Acts): void {
    const p = this.painter;
    if (p.moving) return;
    const point = p.nearest(x, y, 9);
    if (point === p.hover) return;
    p.hover = point;
    p.ask(true);
    acts.hover(point);
  }

  private finish(path: At[], tool: Tool, acts: Acts): void {
    const list = this.painter.inside(path);
    acts.setTool("");
    acts.pick(list, tool);
  }

  // -- keyboard

  /** Returns whether the key was for the sphere. */
  key(event: Key, acts: Acts): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    return this.tool && this.keyOfTool(event, acts) ? true : this.keyOfView(event, acts);
  }

  /** With a tool the arrows move a cross. */
  private keyOfTool({ key, shiftKey }: Key, acts: Acts): boolean {
    const arrow = ARROWS[key];
    if (arrow) this.moveCross(arrow, shiftKey ? 40 : 8);
    else if (key === "Enter" || key === " ") this.corner(key === "Enter", acts);
    else if (key === "Escape") acts.setTool("");
    else return false;
    return true;
  }

  private keyOfView({ key }: Key, acts: Acts): boolean {
    const p = this.painter;
    const arrow = ARROWS[key];
    if (key === "l" || key === "b") this.toggle(key === "l" ? "lasso" : "box", acts);
    else if (arrow) this.shift(arrow[0], arrow[1], 0.12, -24);
    else if (key === "+" || key === "=") this.zoom(1.2);
    else if (key === "-") this.zoom(1 / 1.2);
    else if (key === "Escape") acts.clear();
    else if (key === "0") p.reset();
    else if (key === "Enter") this.pickMiddle(acts);
    else return false;
    return true;
  }

  private toggle(tool: Tool, acts: Acts): void {
    const p = this.painter;
    const next = tool === this.tool ? "" : tool;
    acts.setTool(next);
    if (next) p.cursor = p.centreOfCanvas;
    p.ask(true);
  }

  private pickMiddle(acts: Acts): void {
    const p = this.painter;
    const [x, y] = p.centreOfCanvas;
    const point = p.nearest(x, y, 1e5);
    if (point < 0) return;
    acts.pick([point]);
    p.hover = point;
    acts.showCard(point);
  }

  private moveCross([dx, dy]: At, far: number): void {
    const p = this.painter;
    const { clientWidth, clientHeight } = p.canvas;
    const [x, y] = p.cursor ?? p.centreOfCanvas;
    const cross: At = [
      Math.max(0, Math.min(clientWidth, x + far * dx)),
      Math.max(0, Math.min(clientHeight, y + far * dy)),
    ];
    p.cursor = cross;
    if (p.corners.length) {
      p.path = this.tool === "box" ? box(p.corners[0], cross) : [...p.corners, cross];
    }
    p.ask(true);
  }

  /** A corner where the cross is, or the end. */
  private corner(enter: boolean, acts: Acts): void {
    const p = this.painter;
    const cross = (p.cursor ??= p.centreOfCanvas);
    const { tool } = this;
    if (tool === "box" && p.corners.length) this.finish(box(p.corners[0], cross), tool, acts);
    else if (tool === "lasso" && enter && p.corners.length > 2) this.finish(p.corners, tool, acts);
    else {
      p.corners.push(cross);
      p.ask(true);
    }
  }

  // -- the picture

  /** Turn the ball by `turn` radians, or move the flat map by `pan` px, a step. */
  private shift(x: number, y: number, turn: number, pan: number): void {
    const p = this.painter;
    if (p.mode === "3d") p.turnBy(x * turn, y * turn);
    else p.panBy(x * pan, y * pan);
    p.move();
  }

  /** Zoom around a place in css px, else around the middle. */
  private zoom(factor: number, at?: At): void {
    const p = this.painter;
    const [cx, cy] = p.centreOfCanvas;
    p.zoomBy(factor, at ? [at[0] - cx, at[1] - cy] : [0, 0]);
    p.move();
  }
}
