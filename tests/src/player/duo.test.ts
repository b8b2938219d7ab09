import { Duo, type Moment } from "../../../src/player/duo.ts";
import type { Film, Picture } from "../../../src/player/film.ts";
import { Table } from "../../../src/player/table.ts";

/** A film whose frames come when they are told to. */
class Told implements Film {
  words = "";
  failed = false;
  ended = false;
  kept: Picture[] = [];
  followed: number[] = [];
  asked: number[] = [];
  side = {} as Film["side"];
  table = new Table(Array.from({ length: 20 }, (_, i) => i / 25));
  onFrame = (_: number): void => undefined;
  onChange = (): void => undefined;
  async show(index: number): Promise<number> {
    this.asked.push(index);
    await Promise.resolve();
    this.come(index, false);
    return index;
  }
  come(index: number, tell = true): void {
    this.kept.unshift({ index, canvas: {} as HTMLCanvasElement });
    if (tell) this.onFrame(index);
  }
  picture(index: number): Picture | undefined {
    return this.kept.find((p) => p.index === index);
  }
  async play(): Promise<void> {}
  pause(): void {}
  follow(index: number): void {
    this.followed.push(index);
  }
  close(): void {}
}

function made() {
  const [lead, beside] = [new Told(), new Told()];
  const moments: Moment[] = [];
  const duo = new Duo(lead, beside, "number", (m) => moments.push(m), () => undefined);
  return { lead, beside, moments, duo };
}

test("of several seeks the last one is shown, by both", async () => {
  const { lead, beside, moments, duo } = made();
  await Promise.all([duo.seek(3), duo.seek(9), duo.seek(14)]);
  expect(moments.at(-1)).toMatchObject({ index: 14, first: { index: 14 }, second: { index: 14 } });
  expect(lead.asked).toEqual([3, 14]);
  expect(beside.asked).toEqual([3, 14]);
  await duo.seek(99);
  expect(duo.moment.index).toBe(19);
});

test("while it plays, a pair is shown only when both frames are there", async () => {
  const { lead, beside, moments, duo } = made();
  await duo.seek(2);
  await duo.play();
  moments.length = 0;
  lead.come(3);
  lead.come(4);
  expect(moments).toEqual([]);
  beside.come(3);
  expect(moments.map((m) => [m.index, m.second?.index])).toEqual([[3, 3]]);
  beside.come(4);
  expect(moments.map((m) => m.index)).toEqual([3, 4]);
  expect(beside.followed).toEqual([3, 4]);
});

test("a span begins again, and the last frame stops", async () => {
  const { lead, duo } = made();
  duo.loop = [5, 8];
  await duo.play();
  expect(duo.moment.index).toBe(5);
  lead.come(8);
  await new Promise((done) => setTimeout(done));
  expect(lead.asked.at(-1)).toBe(5);
  expect(duo.playing).toBe(true);
  duo.loop = null;
  lead.come(19);
  await new Promise((done) => setTimeout(done));
  expect(duo.playing).toBe(false);
});
