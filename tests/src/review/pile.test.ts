import { AHEAD, Pile, timeLeft } from "../../../src/review/pile.ts";
import type { Card, Opened } from "../../../src/sent/review.ts";

const card = (id: string): Card => ({
  id,
  path: "/" + id,
  video: "v",
  frame: 1,
  box: [],
  label: "real",
  score: 0.9,
  facts: [],
  why: [],
  person: [],
  pair: null,
  stands: { keep: null, note: null },
  own: { keep: null, note: null },
  heat: "",
});

function pile(count: number, more: Partial<Opened> = {}): Pile {
  const ids = Array.from({ length: count }, (_, i) => "f" + i);
  return new Pile({
    dataset: "d",
    reviewer: "ada",
    asked: { queue: "all", show: "open", order: "queue", truth: "any" },
    queues: [],
    shows: [],
    orders: [],
    truths: [],
    notice: "",
    aside: "",
    key: "det",
    threshold: 0.5,
    provenance: "",
    ids,
    start: 0,
    listed: count,
    faces: count,
    decided: 0,
    conflicts: 0,
    said: {},
    cards: ids.slice(0, AHEAD + 1).map(card),
    ...more,
  });
}

const turned = (id: string, said: Record<string, string>, was = "") => ({
  done: [{ mark: "m", face: "", turned: [id], was: [was], why: "" }],
  said: { [id]: said },
  cards: [],
  busy: "",
  absent: false,
});

test("a decision goes on, other actions stay", () => {
  const p = pile(3);
  p.act("wrong_label", 0);
  expect([p.at, p.mine("f0"), p.decided]).toEqual([1, "wrong_label", 1]);
  p.act("keep", 0);
  expect([p.at, p.beside(p.card!).keep, p.decided]).toEqual([1, true, 1]);
  p.move(-1);
  p.act("unusable", 0); // another decision on the same face
  expect([p.mine("f0"), p.decided]).toEqual(["unusable", 1]);
  p.move(-1);
  p.act("clear", 0);
  expect([p.at, p.mine("f0"), p.decided]).toEqual([0, undefined, 0]);
});

test("an undo shows its face again, also one of an earlier list", () => {
  const p = pile(3);
  p.act("unusable", 0);
  p.take(turned("f0", {}));
  expect([p.at, p.mine("f0"), p.decided]).toEqual([0, undefined, 0]);
  p.take(turned("f0", { ada: "unusable" }));
  expect([p.at, p.decided]).toEqual([0, 1]);
  p.move(2);
  p.take({ ...turned("other", {}, "unusable"), cards: [card("other")] });
  expect([p.id, p.ids.length, p.decided]).toEqual(["other", 4, 0]);
});

test("a decision that was refused counts no more", () => {
  const p = pile(3);
  p.act("unusable", 0);
  const done = [{ mark: "m", face: "f0", turned: [], was: [], why: "This face is gone." }];
  p.take({ done, said: { f0: {} }, cards: [], busy: "", absent: false });
  expect([p.at, p.mine("f0"), p.decided]).toEqual([1, undefined, 0]);
});

test("what others said is hidden until one's own decision", () => {
  const p = pile(2, { said: { f0: { bob: "unusable" } } });
  expect(p.others("f0")).toEqual([]);
  p.act("confirm_label", 0);
  expect(p.others("f0")).toEqual([["bob", "unusable"]]);
});

test("a list of differences shows everybody, and a decision there is nobody's opinion", () => {
  const said = { f0: { ada: "confirm_label", bob: "unusable" } };
  const asked = { queue: "all", show: "conflicts", order: "queue", truth: "any" };
  const p = pile(1, { said, asked });
  expect(p.others("f0").length).toBe(2);
  expect(p.mine("f0")).toBe(undefined);
  p.act("unusable", 0);
  expect([p.mine("f0"), p.said.f0!.ada, p.open]).toEqual(["unusable", "confirm_label", 0]);
  expect([p.decided, p.faces]).toEqual([1, 1]);
});

test("each card is asked for once, before it is needed; a face without one is gone", () => {
  const p = pile(20);
  expect(p.wanted()).toEqual([]);
  p.act("unusable", 0);
  expect(p.wanted()).toEqual(["f9"]);
  expect(p.wanted()).toEqual([]);
  p.forget(["f9"]);
  expect(p.wanted()).toEqual(["f9"]);
  p.gone(["f9"]);
  p.move(8);
  expect([p.id, p.lost, p.card]).toEqual(["f9", true, undefined]);
});

test("the next list begins after what was skipped", () => {
  const p = pile(5, { listed: 9 });
  p.act("unusable", 0);
  p.move(9);
  expect([p.id, p.open, p.next]).toEqual([undefined, 4, 4]);
  const done = pile(2, { listed: 2 });
  done.act("unusable", 0);
  done.act("unusable", 0);
  expect(done.next).toBe(0);
  const all = pile(5, { listed: 9, asked: { ...p.opened.asked, show: "every" } });
  expect(all.next).toBe(5);
});

test("time left from the middle of the last decisions, without pauses", () => {
  const p = pile(100);
  expect(p.secondsLeft()).toBe(null);
  for (const at of [1e6, 1.002e6, 1.004e6, 2e6, 2.002e6, 2.1e6]) p.act("unusable", at);
  expect(p.secondsLeft()).toBe(2 * 94);
  expect(timeLeft(188)).toBe("about 3 min left");
  expect([timeLeft(null), timeLeft(20), timeLeft(7200)]).toEqual([
    "",
    "about 20 s left",
    "about 2.0 h left",
  ]);
});

test("the note of another person is hidden until one has decided", () => {
  const p = pile(3);
  const first = p.card!;
  first.stands = { keep: true, note: "odd" };
  expect(p.beside(first)).toEqual({ keep: null, note: null });
  p.say(first, { keep: false });
  expect(p.beside(first)).toEqual({ keep: false, note: null });
  p.act("confirm_label", 0);
  expect(p.beside(first)).toEqual({ keep: false, note: "odd" });
});
