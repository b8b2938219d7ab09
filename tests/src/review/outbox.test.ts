import { LOST, MOST, Outbox, PAUSE, type Desk, type Entry } from "../../../src/review/outbox.ts";
import type { Decided } from "../../../src/sent/review.ts";

const ADA: Desk = { dataset: "d", reviewer: "ada", key: "det" };

class Memory {
  readonly values = new Map<string, string>();
  get length() {
    return this.values.size;
  }
  key = (i: number) => [...this.values.keys()][i] ?? null;
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => void this.values.set(name, value);
  removeItem = (name: string) => void this.values.delete(name);
}

interface Sent {
  desk: Desk;
  marks: string[];
  ago: number[];
  answer: (works?: boolean, count?: number) => void;
  park: () => void;
}

function box(store?: Memory) {
  const sent: Sent[] = [];
  const stored: Decided[] = [];
  const outbox = new Outbox(
    (desk, entries, then) => {
      const all = entries.map(({ mark }) => ({ mark, face: "f", turned: [], was: [], why: "" }));
      const answer = (works = true, count = all.length) => {
        const busy = count < all.length ? "held" : "";
        then(works ? { ...none, done: all.slice(0, count), busy } : undefined);
      };
      const none = { done: [], said: {}, cards: [], busy: "", absent: false };
      const marks = entries.map((entry) => entry.mark);
      const ago = entries.map((entry) => entry.ago!);
      sent.push({ desk, marks, ago, answer, park: () => then({ ...none, absent: true }) });
    },
    (answer) => stored.push(answer),
    () => {},
    store,
  );
  const add = (mark: string, desk = ADA) =>
    outbox.add(desk, { mark, what: "unusable", face: "f" } satisfies Entry);
  outbox.start();
  return { outbox, sent, stored, add };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("one request at a time; what came meanwhile leaves together, in its order", () => {
  const { outbox, sent, add } = box();
  ["a", "b", "c"].forEach((mark) => add(mark));
  expect(sent.map((one) => one.marks)).toEqual([["a"]]);
  sent[0]!.answer();
  expect(sent[1]!.marks).toEqual(["b", "c"]);
  sent[1]!.answer();
  expect([outbox.length, outbox.failing]).toEqual([0, false]);
});

test("without an answer the same decisions leave again, under the same marks", () => {
  const { outbox, sent, stored, add } = box();
  add("a");
  vi.advanceTimersByTime(LOST);
  expect(outbox.failing).toBe(true);
  add("b");
  vi.advanceTimersByTime(PAUSE);
  expect(sent.map((one) => one.marks)).toEqual([["a"], ["a", "b"]]);
  sent[0]!.answer(); // too late, and not counted twice
  expect([outbox.length, stored.length]).toEqual([2, 0]);
  sent[1]!.answer(false);
  vi.advanceTimersByTime(2 * PAUSE);
  sent[2]!.answer();
  expect([outbox.length, outbox.failing]).toEqual([0, false]);
});

test("a page that was closed sends what it had not stored when it is opened again", () => {
  const store = new Memory();
  const before = box(store);
  ["a", "b"].forEach((mark) => before.add(mark));
  before.outbox.close();
  const after = box(store);
  expect(after.sent[0]!.marks).toEqual(["a", "b"]);
  after.sent[0]!.answer();
  expect(store.values.size).toBe(0);
});

test("decisions of different reviewers never share a request", () => {
  const { sent, add } = box();
  add("a");
  add("b");
  add("c", { ...ADA, reviewer: "bob" });
  sent[0]!.answer();
  expect([sent[1]!.desk.reviewer, sent[1]!.marks]).toEqual(["ada", ["b"]]);
  sent[1]!.answer();
  expect([sent[2]!.desk.reviewer, sent[2]!.marks]).toEqual(["bob", ["c"]]);
});

test("what Python could not store now leaves again: the rest of a part at once, else later", () => {
  const { outbox, sent, add } = box();
  ["a", "b", "c"].forEach((mark) => add(mark));
  sent[0]!.answer();
  sent[1]!.answer(true, 1);
  expect(sent[2]!.marks).toEqual(["c"]);
  sent[2]!.answer(true, 0);
  expect([outbox.length, outbox.failing, sent.length]).toEqual([1, true, 3]);
  vi.advanceTimersByTime(PAUSE);
  expect(sent[3]!.marks).toEqual(["c"]);
});

test("two tabs keep their own decisions in one store", () => {
  const store = new Memory();
  const [one, two] = [box(store), box(store)];
  one.add("a");
  two.add("b");
  two.sent[0]!.answer();
  expect(store.length).toBe(1);
  const next = box(store); // a page that is opened meanwhile: Python stores a mark once
  expect(next.sent[0]!.marks).toEqual(["a"]);
});

test("a request holds so many at most, and what is broken in the store is left out", () => {
  const store = new Memory();
  store.values.set("media-forensics-review:x", "{cut");
  store.values.set("of-another", "{}");
  const { sent, add } = box(store);
  for (let i = 0; i <= MOST + 1; i++) add("m" + i);
  sent[0]!.answer();
  expect(sent[1]!.marks.length).toBe(MOST);
  expect(store.values.has("of-another")).toBe(true);
});

test("what is of a dataset that is not here waits in the store and holds up nothing", () => {
  const store = new Memory();
  const { outbox, sent, add } = box(store);
  add("a", { ...ADA, dataset: "elsewhere" });
  add("b", { ...ADA, dataset: "elsewhere" });
  add("c");
  sent[0]!.park();
  expect(sent[1]!.marks).toEqual(["c"]);
  sent[1]!.answer();
  expect([outbox.length, outbox.parked, outbox.failing, store.length]).toEqual([0, 2, false, 2]);
  expect(box(store).sent[0]!.marks).toEqual(["a", "b"]); // the next page asks again
});

test("a decision says how long ago it was made", () => {
  const { sent, add } = box();
  add("a");
  add("b");
  vi.advanceTimersByTime(LOST + PAUSE);
  expect(sent[0]!.ago[0]).toBe(0);
  expect(sent[1]!.ago[0]).toBe(LOST + PAUSE);
});
