/** Decisions on their way to Python: kept in the browser until Python has said that it stored them.
 *
 * They leave in their order, those that wait together. An answer that never comes (the App was
 * stopped, the page was closed) loses nothing: the same decisions leave again, under the same marks,
 * and Python stores a mark once. */
import type { Decided } from "../sent/review.ts";

/** ms without an answer after which decisions leave again */
export const LOST = 20000;
/** ms before the next try; doubles up to the longest */
export const PAUSE = 1000;
export const LONGEST = 16000;
/** decisions of one request */
export const MOST = 20;

/** Who decides, on which dataset, seeing the scores of which detector. */
export interface Desk {
  dataset: string;
  reviewer: string;
  key: string;
}

export interface Entry {
  mark: string;
  what: string;
  face?: string;
  note?: string;
  resolves?: boolean;
  /** ms since it was pressed, when it leaves */
  ago?: number;
}

type Kept = Entry & { desk: Desk; order: number };
type Store = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;
export type Deliver = (
  desk: Desk,
  entries: Entry[],
  then: (answer: Decided | undefined) => void,
) => void;

/** Each decision has a name of its own, so that two tabs never remove each other's. */
const NAME = "media-forensics-review:";

const same = (a: Desk, b: Desk): boolean =>
  a.dataset === b.dataset && a.reviewer === b.reviewer && a.key === b.key;

export class Outbox {
  private waiting: Kept[];
  private busy = false;
  private tries = 0;
  private round = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** decisions on datasets that this database does not hold: another one may be behind the address */
  private kept: Kept[] = [];
  private readonly deliver: Deliver;
  private readonly stored: (answer: Decided) => void;
  private readonly changed: () => void;
  private readonly store: Store | undefined;

  /** `deliver` sends, `stored` gets the answer, `changed` is called when the number changes. */
  constructor(
    deliver: Deliver,
    stored: (answer: Decided) => void,
    changed: () => void,
    store?: Store,
  ) {
    this.deliver = deliver;
    this.stored = stored;
    this.changed = changed;
    this.store = store;
    this.waiting = read(store);
  }

  /** Sends what a page that was closed has left. */
  start(): void {
    this.pump();
  }

  get length(): number {
    return this.waiting.length;
  }

  /** How many decisions wait for a dataset that is not here. */
  get parked(): number {
    return this.kept.length;
  }

  /** Whether the last try failed. */
  get failing(): boolean {
    return this.tries > 0;
  }

  add(desk: Desk, entry: Entry): void {
    const order = Math.max(Date.now(), 1 + (this.waiting[this.waiting.length - 1]?.order ?? 0));
    const kept = { ...entry, desk, order };
    this.waiting.push(kept);
    try {
      this.store?.setItem(NAME + entry.mark, JSON.stringify(kept));
    } catch {
      // a browser that stores nothing, or no more: they still leave from here
    }
    this.pump();
  }

  /** The component is closed: what waits stays in the browser. */
  close(): void {
    clearTimeout(this.timer);
    this.round++;
    this.busy = true;
  }

  private pump(): void {
    const first = this.waiting[0];
    if (this.busy || !first) return;
    this.busy = true;
    const round = ++this.round;
    const other = this.waiting.findIndex((entry) => !same(entry.desk, first.desk));
    const part = this.waiting.slice(0, other < 0 ? MOST : Math.min(other, MOST));
    const now = Date.now();
    const entries = part.map(({ desk: _, order, ...entry }) => ({
      ...entry,
      ago: Math.max(0, now - order),
    }));
    this.timer = setTimeout(() => this.failed(round), LOST);
    this.deliver(first.desk, entries, (answer) => {
      if (round !== this.round) return; // too late: they have left again
      if (answer?.absent) this.park(first.desk.dataset);
      else if (!answer?.done.length) return this.failed(round);
      clearTimeout(this.timer);
      const marks = new Set(answer.done.map((done) => done.mark));
      this.waiting = this.waiting.filter((entry) => !marks.has(entry.mark));
      marks.forEach((mark) => this.store?.removeItem(NAME + mark));
      this.tries = 0;
      this.busy = false;
      this.stored(answer);
      this.changed();
      this.pump();
    });
  }

  private park(dataset: string): void {
    const here = (entry: Kept) => entry.desk.dataset !== dataset;
    this.kept.push(...this.waiting.filter((entry) => !here(entry)));
    this.waiting = this.waiting.filter(here);
  }

  private failed(round: number): void {
    if (round !== this.round) return;
    clearTimeout(this.timer);
    this.round++;
    const pause = Math.min(LONGEST, PAUSE * 2 ** this.tries++);
    this.timer = setTimeout(() => {
      this.busy = false;
      this.pump();
    }, pause);
    this.changed();
  }
}

function read(store: Store | undefined): Kept[] {
  const found: Kept[] = [];
  for (let i = 0; i < (store?.length ?? 0); i++) {
    const name = store!.key(i);
    if (!name?.startsWith(NAME)) continue;
    try {
      const kept = JSON.parse(store!.getItem(name) ?? "") as Kept;
      if (kept.mark && kept.desk) found.push(kept);
    } catch {
      // cut off: nothing that could be sent
    }
  }
  return found.sort((a, b) => a.order - b.order);
}
