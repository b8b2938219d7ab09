import { box, inside, nearest } from "../../../src/sphere/picking.ts";
import type { At } from "../../../src/sphere/view.ts";
import { random } from "./random.ts";

const N = 3000;

function screen() {
  const next = random(7);
  const column = () => Float32Array.from({ length: N }, next);
  return {
    U: column().map((v) => 760 * v),
    V: column().map((v) => 470 * v),
    W: column().map((v) => v - 0.7),
  };
}

const all = () => true;
const front = ({ W }: { W: Float32Array }) => [...W.keys()].filter((i) => W[i] <= 0);

/** How often a polygon goes around a place: another rule than that of the code. */
function turns(polygon: At[], x: number, y: number): number {
  let angle = 0;
  polygon.forEach(([ax, ay], k) => {
    const [bx, by] = polygon[(k + 1) % polygon.length];
    const cross = (ax - x) * (by - y) - (ay - y) * (bx - x);
    angle += Math.atan2(cross, (ax - x) * (bx - x) + (ay - y) * (by - y));
  });
  return Math.round(angle / (2 * Math.PI));
}

test("a box takes what lies between its corners and in front", () => {
  const to = screen();
  const wanted = front(to).filter(
    (i) => to.U[i] > 100 && to.U[i] < 300 && to.V[i] > 50 && to.V[i] < 400,
  );
  expect(wanted.length).toBeGreaterThan(100);
  // whichever corners it was drawn from
  expect(inside(to, N, box([100, 50], [300, 400]), all)).toEqual(wanted);
  expect(inside(to, N, box([300, 50], [100, 400]), all)).toEqual(wanted);
});

test("a lasso takes what it goes around an odd number of times", () => {
  const to = screen();
  const star = Array.from({ length: 5 }, (_, k): At => {
    const t = (4 * Math.PI * k) / 5;
    return [380 + 220 * Math.cos(t), 235 + 220 * Math.sin(t)];
  });
  const wanted = front(to).filter((i) => turns(star, to.U[i], to.V[i]) % 2 !== 0);
  const found = inside(to, N, star, all);
  expect(found).toEqual(wanted);
  const middle = front(to).filter((i) => turns(star, to.U[i], to.V[i]) === 2);
  expect(middle.length).toBeGreaterThan(10); // inside the star's middle, which is gone around twice
  expect(found.some((i) => middle.includes(i))).toBe(false);
});

test("hidden points and those behind are not taken", () => {
  const to = screen();
  const even = (i: number) => i % 2 === 0;
  const found = inside(to, N, box([0, 0], [760, 470]), even);
  expect(found).toEqual(front(to).filter(even));
});

test("the nearest point in front within reach", () => {
  const to = screen();
  const even = (i: number) => i % 2 === 0;
  const next = random(3);
  for (let k = 0; k < 50; k++) {
    const at: At = [760 * next(), 470 * next()];
    const far = (i: number) => Math.hypot(to.U[i] - at[0], to.V[i] - at[1]);
    const best = front(to).filter(even).reduce((a, b) => (far(b) < far(a) ? b : a));
    expect(nearest(to, N, at, 1e5, even)).toBe(best);
    expect(nearest(to, N, at, far(best) * 0.99, even)).toBe(-1);
  }
});
