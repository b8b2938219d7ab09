/** Everything that the review's screen shows and sends, behind one hook. */
import { sampleSource, useEffect, useRef, useState, useTrigger } from "../app/given.ts";
import { playIt } from "../app/playing.ts";
import { plural } from "../app/words.ts";
import type {
  About,
  Agreement,
  Answer,
  Asked,
  Cards,
  Decided,
  Exported,
  Frame,
  Frames,
  Heat,
  Imported,
  Opened,
  Refused,
} from "../sent/review.ts";
import type { Action } from "./keys.ts";
import { LOST, Outbox, type Desk, type Entry } from "./outbox.ts";
import { download, importWords, NO_UTF8 } from "./files.ts";
import { Pile } from "./pile.ts";

export type On = Record<
  | "on_open"
  | "on_decide"
  | "on_cards"
  | "on_frames"
  | "on_heat"
  | "on_agreement"
  | "on_export"
  | "on_import"
  | "on_queues"
  | "on_play",
  string
>;

const NAME = "media-forensics-reviewer";
/** frames that are there before they are needed */
const FRAMES_AHEAD = 3;
/** faces of one undo of which Python sends what is said; after more the list is asked for again */
const MOST_TURNED = 50;
const KEPT = 40;
const FAILED: Refused = { message: "The App does not answer.", hint: "Try again." };
const NONE = { turned: [], was: [] };
const UNDOING = "A key came before the undo was through, and decided nothing. Press it again.";
const NO_FACE = "This face is not in the dataset any more.";

/** The browser's memory, or none where it is forbidden. */
function memory(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

const newMark = (): string =>
  Date.now().toString(36) + "-" + Math.random().toString(36).slice(2, 12);

/** Images of the next faces, so that they are there at once. */
const pictures = new Map<string, HTMLImageElement>();
function prefetch(path: string): void {
  if (pictures.has(path)) return;
  const image = new Image();
  image.src = sampleSource(path);
  pictures.set(path, image);
  const oldest = pictures.keys().next().value;
  if (pictures.size > 60 && oldest !== undefined) pictures.delete(oldest);
}

/** Leaves the newest ones. */
function forgetOld(found: Map<string, unknown>): void {
  for (const name of found.keys()) {
    if (found.size <= KEPT) return;
    found.delete(name);
  }
}

class State {
  pile: Pile | null = null;
  /** whose the list is that was shown last */
  desk: Desk | null = null;
  /** marks of undos and redos on their way, and what was pressed since */
  readonly turns = new Set<string>();
  readonly held: (() => void)[] = [];
  /** a list to ask for once everything is stored */
  later: (() => void) | null = null;
  frames = new Map<string, Frame>();
  heats = new Map<string, Heat>();
  agreement: Agreement | null = null;
  refused: Refused | null = null;
  said = "";
  /** why decisions could not be stored yet, in Python's words */
  busy = "";
  told = "";
  want: Partial<Asked> & { reviewer?: string } = {};
  asking = 0;
  reading = false;
}

export function useDesk(on: On, about: About | undefined) {
  const [, draw] = useState(0);
  const redraw = () => draw((n) => n + 1);
  const trigger = useTrigger();
  const now = useRef({ trigger, on });
  now.current = { trigger, on };
  const held = useRef<State>();
  const state = (held.current ??= new State());
  const outbox = useRef<Outbox>();

  /** Asks Python; after `patience` ms without an answer `none` is called, and a late one counts. */
  function ask<T>(
    name: keyof On,
    params: object,
    then: (answer: T) => void,
    none: (why: Refused | undefined) => void = (why) => void (state.refused = why ?? FAILED),
    patience = 0,
  ): void {
    const { trigger, on } = now.current;
    const lost = () => {
      none(undefined);
      redraw();
    };
    const timer = patience ? setTimeout(lost, patience) : undefined;
    trigger(on[name], { ...params }, undefined, (back) => {
      clearTimeout(timer);
      const answer = back?.result as Answer<T> | undefined;
      if (answer && !("refused" in (answer as object))) {
        state.refused = null;
        then(answer as T);
      } else {
        const refused = (answer as { refused: Refused } | undefined)?.refused;
        if (refused) state.refused = refused;
        none(refused);
      }
      redraw();
      return false;
    });
  }

  /** Does `what` when every undo on its way has shown its face: it may move the list. */
  function soon(what: () => void): void {
    state.held.push(what);
    while (!state.turns.size && state.held.length) state.held.shift()!();
    redraw();
  }

  useEffect(() => {
    const deliver = (to: Desk, entries: Entry[], then: (a: Decided | undefined) => void) => {
      const pile = state.pile;
      const want = pile && pile.opened.dataset === to.dataset ? pile.wanted() : [];
      ask<Decided>(
        "on_decide",
        { ...to, entries, want },
        (answer) => {
          pile?.put(answer.cards ?? []);
          if (answer.cards) pile?.gone(want);
          else pile?.forget(want); // stored, but the next faces could not be read
          state.busy = answer.busy;
          then(answer);
        },
        (refused) => {
          pile?.forget(want);
          const why = refused?.message ?? "";
          const done = entries.map(({ mark, face = "" }) => ({ mark, face, ...NONE, why }));
          // a refusal is final; without any answer they leave again
          state.busy = "";
          then(refused && { done, said: {}, cards: [], busy: "", absent: false });
        },
        LOST,
      );
    };
    const stored = (answer: Decided) => {
      state.pile?.take(answer);
      const why = answer.done.map((done) => done.why).find(Boolean);
      state.said = why ?? (state.said === UNDOING ? UNDOING : "");
      answer.done.forEach((done) => state.turns.delete(done.mark));
      soon(() => undefined);
      if (answer.done.some((done) => done.turned.length >= MOST_TURNED)) open({});
      look();
    };
    const changed = () => {
      const { length, failing } = outbox.current!;
      if (state.later && (!length || failing)) {
        const later = state.later;
        state.later = null;
        later();
      }
      redraw();
    };
    outbox.current = new Outbox(deliver, stored, changed, memory());
    outbox.current.start();
    return () => outbox.current?.close();
  }, []);

  useEffect(() => {
    if (about?.dataset) open({});
  }, [about?.dataset, about?.when]);

  /** Asks for a list; what is not changed stays as it was asked for last. */
  function open(change: Partial<Asked> & { reviewer?: string }, start = 0): void {
    const asking = ++state.asking;
    state.want = { reviewer: memory()?.getItem(NAME) ?? "", ...state.want, ...change };
    const dataset = about?.dataset;
    const send = () =>
      ask<Opened>("on_open", { dataset, ...state.want, start }, (opened) => {
        if (asking !== state.asking) return; // another list was asked for meanwhile
        const { dataset, reviewer, key } = opened;
        state.desk = { dataset, reviewer, key };
        state.pile = new Pile(opened);
        state.said = "";
        look();
      });
    // a list that is read before all decisions are stored would show their faces again
    const { length = 0, failing = false } = outbox.current ?? {};
    state.later = length && !failing ? send : null;
    if (!state.later) send();
  }

  /** Asks for what the shown face and the next ones need. */
  function look(): void {
    const pile = state.pile;
    if (!pile) return;
    lookForCards(pile);
    const near = pile.near(FRAMES_AHEAD);
    for (const id of pile.near(4)) {
      const card = pile.cards.get(id);
      if (card) prefetch(card.path);
      if (card?.pair) prefetch(card.pair.path);
    }
    const first = near.slice(0, 2).some((id) => pile.cards.has(id) && !state.frames.has(id));
    if (first && !state.reading) {
      const want = near.filter((id) => !state.frames.has(id));
      state.reading = true;
      ask<Frames>(
        "on_frames",
        { dataset: pile.opened.dataset, want },
        ({ frames }) => {
          state.reading = false;
          for (const id of want) state.frames.set(id, { id, uri: "", why: NO_FACE });
          for (const frame of frames) state.frames.set(frame.id, frame);
          forgetOld(state.frames);
          look();
        },
        () => void (state.reading = false),
        LOST,
      );
    }
  }

  /** Cards come with the answers to decisions; where none is on its way they are asked for. */
  function lookForCards(pile: Pile): void {
    const { length = 0, failing = false } = outbox.current ?? {};
    const bare = pile.near(2).some((id) => !pile.cards.has(id));
    const want = bare && (!length || failing) ? pile.wanted() : [];
    if (!want.length) return;
    ask<Cards>(
      "on_cards",
      { dataset: pile.opened.dataset, key: pile.opened.key, reviewer: pile.reviewer, want },
      ({ cards }) => {
        pile.put(cards);
        pile.gone(want);
        look();
      },
      () => pile.forget(want),
      LOST,
    );
  }

  return {
    state,
    waiting: outbox.current?.length ?? 0,
    parked: outbox.current?.parked ?? 0,
    failing: outbox.current?.failing ?? false,
    open,
    rename(name: string): void {
      if (!name || name === (state.want.reviewer || state.pile?.reviewer)) return;
      memory()?.setItem(NAME, name);
      state.pile = null; // what is pressed now would be stored under the name before
      open({ reviewer: name });
      redraw();
    },
    act(action: Action): void {
      const pile = state.pile;
      const face = pile?.id;
      if (face === undefined || !pile?.card) return; // what nobody has seen is not decided
      if (state.turns.size) {
        state.said = UNDOING; // it may bring another face
      } else {
        pile.act(action, Date.now());
        const resolves = pile.resolving || undefined;
        outbox.current!.add(state.desk!, { mark: newMark(), what: action, face, resolves });
        state.said = "";
        look();
      }
      redraw();
    },
    note: (face: string, text: string): void =>
      soon(() => {
        const card = state.pile?.cards.get(face);
        if (card) state.pile?.say(card, { note: text || null });
        outbox.current!.add(state.desk!, { mark: newMark(), what: "note", face, note: text });
      }),
    turn: (what: "undo" | "redo"): void =>
      soon(() => {
        const mark = newMark();
        state.turns.add(mark);
        outbox.current!.add(state.desk!, { mark, what });
      }),
    move: (by: number): void =>
      soon(() => {
        state.pile?.move(by);
        state.said = "";
        look();
      }),
    heat(): void {
      const card = state.pile?.card;
      if (!card?.heat || state.heats.has(card.id)) return;
      const { dataset } = state.pile!.opened;
      ask<Heat>("on_heat", { dataset, face: card.id, name: card.heat }, (heat) => {
        state.heats.set(heat.id, heat);
        forgetOld(state.heats);
      });
    },
    agree(): void {
      const { dataset } = state.pile!.opened;
      ask<Agreement>("on_agreement", { dataset }, (found) => (state.agreement = found));
    },
    export(kind: string): void {
      const { dataset } = state.pile!.opened;
      ask<Exported>("on_export", { dataset, kind }, (file) => {
        download(file);
        state.told = plural(file.rows, "decision") + " in " + file.name + ".";
      });
    },
    import(text: string | null): void {
      const { dataset } = state.pile!.opened;
      if (text === null) {
        state.told = NO_UTF8;
        return redraw();
      }
      ask<Imported>("on_import", { dataset, text }, (found) => {
        state.told = importWords(found);
        open({});
      });
    },
    /** Opens the face's video in the player, at its frame. */
    play(): void {
      const sample = state.pile?.id;
      if (!sample) return;
      playIt({ sample });
      now.current.trigger(now.current.on.on_play, { sample }, undefined, () => false);
    },
    queues: (): void => now.current.trigger(now.current.on.on_queues, {}),
  };
}
