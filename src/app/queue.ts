/** A panel's events, one after the other.
 *
 * The App runs the answer of an event some renders after the event's callback, and posts its own
 * copy of the panel's state with the next event. So the next event leaves when the answer (with the
 * number that the event carried) has arrived in the data, or when there is none for a while. Of
 * several waiting changes of one control the newest counts. A panel that is closed leaves nothing
 * behind: what waited is dropped. */
import type { Trigger } from "./given.ts";

/** ms; only an event that was refused leaves without an answer */
export const PATIENCE = 700;
/** ms; a call that never returns (server restarted) must not hold up the rest */
export const LOST = 30000;

export type Params = Record<string, unknown>;
export type Then = (result: never) => void;

interface Event {
  uri: string;
  params: Params;
  then?: Then;
  trigger: { current: Trigger };
}

export class Queue {
  private readonly waiting = new Map<string, Event>();
  private readonly listeners = new Set<() => void>();
  private current: Event | undefined;
  private users = 0;
  private busy = false;
  private answered = false;
  private sent = 0;
  private seen = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  add(uri: string, params: Params, then: Then | undefined, trigger: { current: Trigger }): void {
    const id = uri + "|" + String(params.name ?? "");
    this.waiting.delete(id);
    this.waiting.set(id, { uri, params, then, trigger });
    this.pump();
  }

  /** The panel's data answers event number `rev`. */
  saw(rev: number): void {
    this.seen = Math.max(this.seen, rev);
    if (this.busy && this.answered && this.seen >= this.sent) this.free();
  }

  /** A change of `control` waits, or Python has not answered it yet. */
  holds(control: string): boolean {
    const events = [...this.waiting.values(), ...(this.busy && this.current ? [this.current] : [])];
    return events.some((event) => event.params.name === control);
  }

  /** Calls `tell` after each event that was answered or given up; returns what ends that. */
  listen(tell: () => void): () => void {
    this.listeners.add(tell);
    return () => void this.listeners.delete(tell);
  }

  /** A component uses the queue; returns what to call when it is closed. */
  open(): () => void {
    this.users++;
    return () => {
      this.users--;
      setTimeout(() => {
        if (this.users) return;
        clearTimeout(this.timer); // an answer that was due never comes
        this.waiting.clear();
        this.busy = false;
      }, 0);
    };
  }

  private pump(): void {
    const next = this.waiting.entries().next();
    if (this.busy || next.done) return;
    const [id, event] = next.value;
    this.waiting.delete(id);
    this.busy = true;
    this.current = event;
    this.answered = false;
    const sent = (this.sent = Math.max(this.sent + 1, Date.now()));
    this.timer = setTimeout(() => this.free(), LOST);
    event.trigger.current(event.uri, { ...event.params, rev: sent }, undefined, (answer) => {
      event.then?.(answer?.result as never);
      if (sent !== this.sent) return; // too late: others have gone since
      this.answered = true;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.free(), PATIENCE);
      if (this.seen >= sent) this.free();
    });
  }

  private free(): void {
    clearTimeout(this.timer);
    this.busy = false;
    this.pump();
    for (const tell of this.listeners) tell();
  }
}
