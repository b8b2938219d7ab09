/** The faces that lie on the desk: which one is shown, who said what, how far it is. */
import type { Beside, Card, Decided, Opened, Said } from "../sent/review.ts";
import { DECISIONS, type Action } from "./keys.ts";

/** cards that are there before they are needed */
export const AHEAD = 8;
/** ms; a longer pause is no decision that takes long */
const PAUSED = 60000;
const REMEMBERED = 20;

const isDecision = (action: string): boolean => (DECISIONS as readonly string[]).includes(action);

export class Pile {
  readonly opened: Opened;
  readonly ids: string[];
  readonly cards = new Map<string, Card>();
  readonly said: Said;
  readonly reviewer: string;
  at = 0;
  private opinions: number;
  private readonly missing = new Set<string>();
  private readonly asked = new Set<string>();
  private readonly resolved = new Map<string, string>();
  private times: number[] = [];
  private last = 0;

  constructor(opened: Opened) {
    this.opened = opened;
    this.ids = [...opened.ids];
    this.said = { ...opened.said };
    this.reviewer = opened.reviewer;
    this.opinions = opened.decided;
    this.ids.slice(0, AHEAD + 1).forEach((id) => this.asked.add(id));
    this.put(opened.cards);
    this.gone(this.ids.slice(0, AHEAD + 1));
  }

  /** A list of differences: a decision ends one. */
  get resolving(): boolean {
    return this.opened.asked.show === "conflicts";
  }

  /** The face that is shown; undefined at the end. */
  get id(): string | undefined {
    return this.ids[this.at];
  }

  get card(): Card | undefined {
    return this.id === undefined ? undefined : this.cards.get(this.id);
  }

  /** Whether the face that is shown was deleted. */
  get lost(): boolean {
    return this.id !== undefined && this.missing.has(this.id);
  }

  /** What the reviewer said of a face. */
  mine(id: string): string | undefined {
    return this.resolving ? this.resolved.get(id) : this.said[id]?.[this.reviewer];
  }

  /** What others said; not shown before the reviewer has decided. */
  others(id: string): [who: string, what: string][] {
    if (!this.resolving && !this.mine(id)) return [];
    return Object.entries(this.said[id] ?? {}).filter(
      ([who]) => this.resolving || who !== this.reviewer,
    );
  }

  /** What is shown beside the label: of others nothing before one has decided. */
  beside(card: Card): Beside {
    return this.resolving || this.mine(card.id) ? card.stands : card.own;
  }

  /** What the reviewer says beside the label. */
  say(card: Card, given: Partial<Beside>): void {
    card.stands = { ...card.stands, ...given };
    card.own = { ...card.own, ...given };
  }

  /** How many faces there are to decide: of the queue, or of the list of differences. */
  get faces(): number {
    return this.resolving ? this.opened.listed : this.opened.faces;
  }

  /** How many of them are decided. A resolution is nobody's opinion. */
  get decided(): number {
    return this.resolving ? this.resolved.size : this.opinions;
  }

  /** Faces of this list on which nothing was decided. */
  get open(): number {
    return this.ids.filter((id) => !this.mine(id) && !this.missing.has(id)).length;
  }

  /** An action on the face that is shown; a decision goes on to the next one. */
  act(action: Action, now: number): void {
    const id = this.id;
    if (id === undefined) return;
    const before = this.mine(id);
    const card = this.cards.get(id);
    if (isDecision(action)) {
      this.set(id, action);
      if (card && action !== "confirm_label") this.say(card, { keep: null });
      if (!before) this.opinions++;
      this.clock(now);
      this.move(1);
    } else if (action === "clear") {
      this.set(id, undefined);
      if (card) this.say(card, { keep: null, note: null });
      if (before) this.opinions--;
    } else if (card) {
      this.say(card, { keep: action === "keep" });
    }
  }

  move(by: number): void {
    this.at = Math.max(0, Math.min(this.ids.length, this.at + by));
  }

  /** Python has answered: new cards, what an undo or a redo changed, and what was refused. */
  take(answer: Decided): void {
    this.put(answer.cards ?? []);
    for (const done of answer.done) {
      const { turned, was, face, why } = done;
      for (const [i, id] of (why && face ? [...turned, face] : turned).entries()) {
        // what was said of a face of an earlier list only Python knows
        const before = id in this.said || this.ids.includes(id) ? this.mine(id) : was[i];
        this.said[id] = answer.said[id] ?? {};
        if (this.resolving) this.resolved.delete(id);
        this.opinions += Number(!!this.mine(id)) - Number(!!before);
      }
      const first = done.turned[0];
      if (first === undefined) continue;
      const there = this.ids.indexOf(first);
      if (there >= 0) this.at = there;
      else this.ids.splice(this.at, 0, first); // of an earlier list
    }
  }

  put(cards: readonly Card[]): void {
    for (const card of cards) {
      this.cards.set(card.id, card);
      this.missing.delete(card.id);
    }
  }

  /** Those of `ids` that came without a card are not there any more. */
  gone(ids: readonly string[]): void {
    for (const id of ids) if (!this.cards.has(id)) this.missing.add(id);
  }

  /** Cards to ask for: of the next faces, each once. */
  wanted(): string[] {
    const found = this.near(AHEAD).filter((id) => !this.cards.has(id) && !this.asked.has(id));
    found.forEach((id) => this.asked.add(id));
    return found;
  }

  /** Cards that were asked for did not come: ask again. */
  forget(ids: readonly string[]): void {
    ids.forEach((id) => this.asked.delete(id));
  }

  /** The face that is shown and the next ones. */
  near(count: number): string[] {
    return this.ids.slice(this.at, this.at + count + 1);
  }

  /** Where the next list begins. */
  get next(): number {
    const { asked, start, listed } = this.opened;
    const shrinks = asked.show !== "every" && asked.show !== "mine";
    const at = start + (shrinks ? this.open : this.ids.length);
    const left = listed - (shrinks ? this.ids.length - this.open : 0);
    return at < left ? at : 0;
  }

  /** Seconds until all faces are decided, null before anything is known. */
  secondsLeft(): number | null {
    if (this.times.length < 3) return null;
    const sorted = [...this.times].sort((a, b) => a - b);
    const left = Math.max(0, this.faces - this.decided);
    return (sorted[sorted.length >> 1]! * left) / 1000;
  }

  private set(id: string, action: string | undefined): void {
    if (this.resolving) {
      if (action) this.resolved.set(id, action);
      else this.resolved.delete(id);
      return;
    }
    const { [this.reviewer]: _, ...others } = this.said[id] ?? {};
    this.said[id] = action ? { ...others, [this.reviewer]: action } : others;
  }

  private clock(now: number): void {
    const took = now - this.last;
    if (this.last && took < PAUSED) this.times = [...this.times, took].slice(-REMEMBERED);
    this.last = now;
  }
}

/** "about 12 min left" */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return "";
  if (seconds < 90) return "about " + Math.max(1, Math.round(seconds)) + " s left";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return "about " + minutes + " min left";
  return "about " + (minutes / 60).toFixed(1) + " h left";
}
