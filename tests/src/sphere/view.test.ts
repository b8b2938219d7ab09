import { niceStep } from "../../../src/sphere/axes.ts";
import { cardPlace } from "../../../src/sphere/card.tsx";
import type { Points } from "../../../src/sphere/data.ts";
import { ringsOf } from "../../../src/sphere/globe.ts";
import { wheelZoom } from "../../../src/sphere/gestures.ts";
import { stepOf } from "../../../src/sphere/painter.ts";
import { View, type Mode } from "../../../src/sphere/view.ts";
import { random } from "./random.ts";

const N = 200;

function points(): Points {
  const next = random(1);
  const xyz = Int16Array.from({ length: 3 * N }, () => Math.round(18000 * (2 * next() - 1)));
  const none = new Uint8Array(N);
  return { n: N, xyz, score: none, label: none, error: none, call: none, stretch: 3, boundary: 0.1 };
}

function viewOf(mode: Mode): View {
  const view = new View();
  Object.assign(view, { mode, w: 1520, h: 940, ratio: 2, turn: [1.1, -0.4], zoom: 1.7 });
  view.pan = [30, -20];
  view.place(points(), null);
  return view;
}

const screen = () => ({
  U: new Float32Array(N),
  V: new Float32Array(N),
  W: new Float32Array(N),
});

test("all points at once lie where each lies by itself", () => {
  const view = viewOf("3d");
  const to = screen();
  const alone = screen();
  view.project(to, N, 1);
  for (let i = 0; i < N; i++) {
    view.projectOne(alone, i);
    expect([alone.U[i], alone.V[i], alone.W[i]]).toEqual([to.U[i], to.V[i], to.W[i]]);
    const [u, v, w] = view.at(view.P[3 * i], view.P[3 * i + 1], view.P[3 * i + 2]);
    expect(to.U[i]).toBeCloseTo(u, 2);
    expect(to.V[i]).toBeCloseTo(v, 2);
    expect(to.W[i]).toBeCloseTo(w, 5);
  }
});

test("a flat map's places go back to their values", () => {
  const view = viewOf("2d");
  const to = screen();
  view.project(to, N, 1);
  const frame = view.frame2d();
  for (let i = 0; i < N; i++) {
    expect(frame.angle(to.U[i])).toBeCloseTo(view.P[3 * i], 2);
    expect(frame.value(to.V[i])).toBeCloseTo(view.P[3 * i + 1], 4);
    expect(view.P[3 * i]).toBeCloseTo((Math.acos(points().xyz[3 * i] / 32767) * 180) / Math.PI, 3);
  }
});

test("on the surface the threshold stays, and angles beside it are stretched", () => {
  const view = viewOf("3d");
  const centre = (Math.acos(0.1) * 180) / Math.PI;
  expect(view.centre).toBeCloseTo(centre);
  expect(view.latitude(centre)).toBeCloseTo(Math.acos(0.1));
  expect((view.latitude(centre + 5) * 180) / Math.PI).toBeCloseTo(centre + 15);
  expect(view.latitude(500)).toBeCloseTo(Math.PI);
  for (let i = 0; i < N; i++) {
    expect(Math.hypot(...view.P.subarray(3 * i, 3 * i + 3))).toBeCloseTo(1, 4);
  }
});

test("a face that the UMAP has not lies behind", () => {
  const view = viewOf("umap");
  const map = new Int16Array(2 * N).fill(16384);
  map[0] = -32768;
  view.place(points(), map);
  expect(view.P[2]).toBe(1);
  expect([...view.P.subarray(3, 6)]).toEqual([expect.closeTo(-0.5, 3), expect.closeTo(0.5, 3), -1]);
});

test("zooming keeps the place under the mouse, within limits", () => {
  const view = viewOf("3d");
  const place = () => view.at(0.3, 0.2, -0.5);
  const [x, y] = place();
  view.zoomBy(1.3, [(x - view.w / 2) / view.ratio, (y - view.h / 2) / view.ratio]);
  expect(place()[0]).toBeCloseTo(x);
  expect(place()[1]).toBeCloseTo(y);
  for (let k = 0; k < 50; k++) view.zoomBy(wheelZoom(-400), [0, 0]);
  expect(view.zoom).toBe(40);
  view.turnBy(0, 9);
  expect(view.turn[1]).toBe(1.57);
});

test("a moving picture holds what a frame has time for, in powers of two", () => {
  expect(stepOf(25_000, 1, 1)).toBe(1);
  expect(stepOf(1_000_000, 1e-9, 1)).toBe(1);
  expect(stepOf(1_000_000, 9 / 200_000, 1)).toBe(8);
  expect(stepOf(1_000_000, 9 / 200_000, 2)).toBe(16);
  expect(stepOf(1_000_000, 1, 1)).toBe(32);
});

test("rings and axes are at round numbers and few", () => {
  expect(ringsOf({ surface: true, factor: 1, centre: 90 })).toEqual([30, 60, 90, 120, 150]);
  expect(ringsOf({ surface: true, factor: 200, centre: 85.3 }).length).toBeGreaterThan(3);
  for (const span of [0.01, 0.3, 7, 180]) {
    expect(span / niceStep(span)).toBeLessThanOrEqual(7);
    expect(span / niceStep(span)).toBeGreaterThan(2);
  }
});

test("a card lies inside the canvas", () => {
  expect(cardPlace([10, 10], [760, 470])).toEqual({ left: 24, top: 4 });
  expect(cardPlace([700, 460], [760, 470])).toEqual({ left: 454, top: 342 });
});
