import { LOST, PATIENCE, Queue } from "../../../src/app/queue.ts";
import type { Trigger } from "../../../src/app/given.ts";

interface Sent {
  uri: string;
  params: Record<string, unknown>;
  answer: (answer?: { result?: unknown }) => void;
}

function started() {
  const sent: Sent[] = [];
  const trigger = {
    current: ((uri, params, _, answer) =>
      sent.push({ uri, params: params as never, answer: answer! })) as Trigger,
  };
  const queue = new Queue();
  const close = queue.open();
  const add = (uri: string, params = {}, then?: (r: unknown) => void) =>
    queue.add(uri, params, then, trigger);
  const rev = (i: number) => sent[i].params.rev as number;
  return { queue, sent, add, close, rev };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("the next event leaves when the answer is in the data", () => {
  const { queue, sent, add, rev } = started();
  add("set", { name: "key" });
  add("show");
  expect(sent.length).toBe(1);
  sent[0].answer({});
  expect(sent.length).toBe(1);
  queue.saw(rev(0));
  expect(sent.map((event) => event.uri)).toEqual(["set", "show"]);
  expect(rev(1)).toBeGreaterThan(rev(0));
});

test("of several waiting changes of one control the newest counts", () => {
  const { queue, sent, add, rev } = started();
  for (const value of [1, 2, 3]) add("set", { name: "threshold", value });
  add("set", { name: "key", value: "k" });
  sent[0].answer({});
  queue.saw(rev(0));
  sent[1].answer({});
  queue.saw(rev(1));
  expect(sent.map((event) => event.params.value)).toEqual([1, 3, "k"]);
});

test("a change is held until it is answered, whatever is answered before it", () => {
  const { queue, sent, add, rev } = started();
  const told = vi.fn(() => queue.holds("threshold"));
  const end = queue.listen(told);
  add("set", { name: "scope", value: "all" });
  expect(queue.holds("threshold")).toBe(false);
  add("set", { name: "threshold", value: 0.8 });
  sent[0].answer({});
  queue.saw(rev(0));
  expect(queue.holds("scope")).toBe(false);
  expect(queue.holds("threshold")).toBe(true);
  sent[1].answer({});
  queue.saw(rev(1));
  expect(told.mock.results.map((r) => r.value)).toEqual([true, false]);
  add("set", { name: "threshold", value: 2 });
  sent[2].answer(undefined); // refused: Python's value counts again
  vi.advanceTimersByTime(PATIENCE);
  expect(told).toHaveLastReturnedWith(false);
  end();
  add("set", { name: "threshold", value: 0.5 });
  sent[3].answer({});
  queue.saw(rev(3));
  expect(told).toHaveBeenCalledTimes(3);
});

test("a refused event holds the others up for a moment only", () => {
  const { sent, add } = started();
  add("a");
  add("b");
  sent[0].answer(undefined);
  vi.advanceTimersByTime(PATIENCE - 1);
  expect(sent.length).toBe(1);
  vi.advanceTimersByTime(1);
  expect(sent.length).toBe(2);
});

test("a call that never returns is given up, and its late answer disturbs nothing", () => {
  const { queue, sent, add, rev } = started();
  const late = vi.fn();
  add("a", {}, late);
  add("b");
  vi.advanceTimersByTime(LOST);
  expect(sent.length).toBe(2);
  add("c");
  sent[0].answer({ result: 7 });
  expect(late).toHaveBeenCalledWith(7);
  queue.saw(rev(0));
  expect(sent.length).toBe(2);
});

test("a closed panel leaves nothing behind", () => {
  const { sent, add, close } = started();
  add("a");
  add("b");
  close();
  vi.advanceTimersByTime(LOST * 2);
  expect(sent.length).toBe(1);
});
