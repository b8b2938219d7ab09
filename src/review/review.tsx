/** The review: one face at a time, decided by keyboard. */
import { Fragment, h, useEffect, useRef, useState } from "../app/given.ts";
import { typed } from "../app/keyboard.ts";
import { number, plural } from "../app/words.ts";
import type { About, Card, Opened } from "../sent/review.ts";
import { AgreementTable } from "./agreement.tsx";
import { Bar, Button, type Writing } from "./bar.tsx";
import { useDesk, type On } from "./desk.ts";
import { Head } from "./head.tsx";
import { KEYS, commandOf, type Command } from "./keys.ts";
import { Pictures } from "./pictures.tsx";
import type { Pile } from "./pile.ts";
import { callOf, Facts, score, Verdict } from "./verdict.tsx";

/** What stands where no face is shown. */
function endWords({ asked, listed, decided, faces }: Opened, pile: Pile): string {
  if (!listed) {
    const none: Record<string, string> = {
      open: decided
        ? "You have decided all " + plural(faces, "face") + " here. Choose another queue above."
        : "No face is here. Choose another queue or label above.",
      new: "Every face here was decided by somebody. Choose another queue above.",
      mine: "You have decided nothing here yet. Show 'not decided by me' instead.",
      conflicts: "No reviewers differ here. Press A to see how far they agree.",
      every: "No face is here. Choose another queue or label above.",
    };
    return none[asked.show] ?? none.every!;
  }
  const open = pile.open;
  return (
    "You are through this list" +
    (open ? "; " + plural(open, "face") + " skipped." : ".") +
    " Press Enter to go on."
  );
}

/** What a screen reader says of a face. */
function heard(card: Card, pile: Pile): string {
  const { called } = callOf(card, pile.opened.threshold);
  const mine = pile.mine(card.id);
  return [
    "Face " + number(pile.opened.start + pile.at + 1) + " of " + number(pile.opened.listed),
    "label " + (card.label ?? "not known"),
    called ? "detector " + called + ", " + score(card.score) : "no score",
    mine ? "decided: " + mine.replace(/_/g, " ") : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function Help() {
  return (
    <section aria-label="Keys" className="mf-help" data-cy="mf-review-keys">
      {KEYS.map(([command, key, words]) => (
        <span key={command}>
          <kbd>{key}</kbd> {words}
        </span>
      ))}
      <p className="mf-dim">
        1 to 4 decide and go on to the next face; the other keys stay. Undo takes back your own
        newest action, also after a restart. Others' decisions are hidden until you have decided.
      </p>
    </section>
  );
}

export function Review({ data, schema }: { data?: About; schema: { view: On } }) {
  const desk = useDesk(schema.view, data);
  const root = useRef<HTMLDivElement>(null);
  const [writing, write] = useState<Writing | null>(null);
  const [heat, setHeat] = useState(false);
  const [help, setHelp] = useState(false);
  const [agreeing, setAgreeing] = useState(false);
  const { pile, refused, said, agreement } = desk.state;
  const card = pile?.card;

  useEffect(() => {
    // the keys work at once, but nobody is interrupted who types elsewhere
    if (!typed(document.activeElement)) root.current?.focus({ preventScroll: true });
  }, [!!pile]);
  useEffect(() => {
    if (heat) desk.heat();
  }, [heat, card?.id]);

  const run = (command: Command) => {
    if (!pile) return;
    if (command === "undo" || command === "redo") desk.turn(command);
    else if (command === "next") desk.move(1);
    else if (command === "back") desk.move(-1);
    else if (command === "note") return write(card ? { face: card.id, time: Date.now() } : null);
    else if (command === "heat") setHeat(!heat && !!card?.heat);
    else if (command === "play") desk.play();
    else if (command === "help") setHelp(!help);
    else if (command === "agreement") {
      if (!agreeing) desk.agree();
      setAgreeing(!agreeing);
    } else desk.act(command);
    write(null);
  };
  const press = (e: React.KeyboardEvent) => {
    const command = commandOf(e);
    // a key that is held down decides once
    if (command && (!e.repeat || command === "next" || command === "back")) run(command);
    else if (command) return e.preventDefault();
    else if (e.key === "Enter" && e.target === root.current && pile && !pile.id)
      desk.open({}, pile.next);
    else return;
    e.preventDefault();
    e.stopPropagation(); // the App has keys of its own
  };
  const back = () => root.current?.focus();

  if (refused && !pile) {
    return (
      <div className="mf mf-says mf-warn" role="alert" data-cy="mf-review-refused">
        {refused.message + " " + refused.hint}{" "}
        <button onClick={() => desk.open({})}>Look again</button>
      </div>
    );
  }
  if (!pile) return <div className="mf mf-dim">Reading the queue …</div>;
  const { opened } = pile;
  return (
    <div
      ref={root}
      className="mf mf-review"
      tabIndex={0}
      role="group"
      aria-label="Review. Keys 1 to 4 decide, question mark lists all keys"
      onKeyDown={press}
      onClick={(e) => {
        // after a click, not after Enter on a button, the keys are wanted
        if (e.detail && e.target instanceof Element && e.target.closest("button")) back();
      }}
      data-cy="mf-review"
    >
      <Head
        opened={opened}
        pile={pile}
        waiting={desk.waiting}
        parked={desk.parked}
        failing={desk.failing}
        busy={desk.state.busy}
        named={!!desk.state.want.reviewer}
        onAsk={(change) => desk.open(change)}
        onName={desk.rename}
        onDone={back}
        onQueues={desk.queues}
      />
      <div className="mf-heard" role="status" data-cy="mf-review-heard">
        {card ? heard(card, pile) : ""}
      </div>
      {(refused || said) && (
        <div className="mf-says mf-warn" role="alert" data-cy="mf-review-said">
          {refused ? refused.message + " " + refused.hint : said}
        </div>
      )}
      {card ? (
        <Fragment>
          <Verdict card={card} threshold={opened.threshold} />
          <Pictures
            card={card}
            frame={desk.state.frames.get(card.id)}
            heat={heat ? (desk.state.heats.get(card.id) ?? null) : null}
            threshold={opened.threshold}
          />
        </Fragment>
      ) : (
        <div className="mf-end" data-cy="mf-review-end">
          {pile.lost
            ? "This face is not in the dataset any more. Press → to go on."
            : pile.id
              ? "Reading the face …"
              : endWords(opened, pile)}
          {!pile.id && !!opened.listed && (
            <button onClick={() => desk.open({}, pile.next)}>Go on</button>
          )}
        </div>
      )}
      <Bar
        card={card}
        beside={card && pile.beside(card)}
        mine={pile.id === undefined ? undefined : pile.mine(pile.id)}
        others={pile.id === undefined ? [] : pile.others(pile.id)}
        writing={writing}
        atStart={pile.at === 0}
        onDo={run}
        onNote={desk.note}
        onWritten={() => {
          write(null);
          back();
        }}
      />
      {card && (
        <Facts card={card} threshold={opened.threshold} provenance={opened.provenance} />
      )}
      <div className="mf-row mf-feet">
        <Button command="help" onDo={run} on={help} />
        <Button command="agreement" onDo={run} on={agreeing} />
        <span className="mf-dim mf-unheard">Click here, or press Tab, to use the keys.</span>
      </div>
      {help && <Help />}
      {agreeing && agreement && (
        <AgreementTable
          found={agreement}
          told={desk.state.told}
          onExport={desk.export}
          onImport={desk.import}
          onConflicts={() => {
            desk.open({ show: "conflicts", queue: "all" });
            back();
          }}
        />
      )}
    </div>
  );
}
