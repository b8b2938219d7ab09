/** The player: a fake and its real side by side, by frame, with their scores below. */
import { h, useEffect, useRef, useState } from "../app/given.ts";
import { typed } from "../app/keyboard.ts";
import type { Start } from "../sent/player.ts";
import { Bar, Help } from "./bar.tsx";
import { commandOf, type Command } from "./keys.ts";
import { Scores } from "./scores.tsx";
import { Screens } from "./screens.tsx";
import { pointAt, useSession, type On } from "./session.ts";
import { closer, onto, WHOLE } from "./zoom.ts";

const RATES = [0.1, 0.25, 0.5, 1, 2];
const LEAP = 10;

export function SideBySide({ data, schema }: { data?: Start; schema: { view: On } }) {
  const on = schema.view;
  const session = useSession(on, data);
  const root = useRef<HTMLDivElement>(null);
  const [help, setHelp] = useState(false);
  const [going, setGoing] = useState(false);
  const { state } = session;
  const { shown, duo, person, refused } = state;

  useEffect(() => {
    // the keys work at once, but nobody is interrupted who types elsewhere
    if (shown && !typed(document.activeElement)) root.current?.focus({ preventScroll: true });
  }, [!!shown]);
  useEffect(() => {
    session.paint();
    if (state.difference) session.redraw(); // its mean is known now
  }, [state.zoom, state.boxes, state.difference, state.heat]);

  const index = duo?.moment.index ?? 0;
  const go = (i: number) => {
    if (!duo) return;
    if (duo.playing) void duo.pause().then(() => duo.seek(i));
    else void duo.seek(i);
  };
  const goTo = (number: number) => duo && go(duo.table.indexOf(number));
  const toFace = (by: 1 | -1) => {
    const number = session.number();
    const scored = (person?.points ?? []).map(([frame]) => frame);
    const next = by > 0 ? scored.find((f) => f > number) : [...scored].reverse().find((f) => f < number);
    if (next !== undefined) goTo(next);
  };
  const span = (from: number, to: number) => session.loop(from <= to ? [from, to] : [to, from]);
  const middle = [0.5, 0.5] as const;
  const zoom = (by: number) => session.set({ zoom: closer(state.zoom, by, middle, [1, 1], [1, 1]) });
  const rate = (by: 1 | -1) => {
    const at = RATES.indexOf(duo?.rate ?? 1) + by;
    if (duo && RATES[at]) duo.setRate(RATES[at]!);
  };

  const commands: Record<Command, () => void> = {
    play: () => void (duo?.playing ? duo.pause() : duo?.play()),
    forward: () => go(index + 1),
    back: () => go(index - 1),
    leap: () => go(index + LEAP),
    leapBack: () => go(index - LEAP),
    nextFace: () => toFace(1),
    lastFace: () => toFace(-1),
    first: () => go(0),
    last: () => duo && go(duo.table.length - 1),
    goto: () => setGoing(!!duo),
    loopFrom: () => duo && span(index, duo.loop ? Math.max(index, duo.loop[1]) : duo.table.length - 1),
    loopTo: () => duo && span(duo.loop ? Math.min(index, duo.loop[0]) : 0, index),
    loopOff: () => session.loop(null),
    closer: () => zoom(1.5),
    wider: () => zoom(1 / 1.5),
    whole: () => session.set({ zoom: WHOLE }),
    face: () => {
      const number = session.number();
      const near = person?.points
        .filter(([, , , box]) => box)
        .reduce((a, b) => (Math.abs(b[0] - number) < Math.abs(a[0] - number) ? b : a), person.points[0]!);
      const box = near?.[3];
      if (box) session.set({ zoom: onto(box) });
    },
    difference: () => session.set({ difference: !state.difference }),
    heat: () => session.set({ heat: !state.heat }),
    boxes: () => session.set({ boxes: !state.boxes }),
    person: () => session.choose(),
    fake: () => {
      const fakes = shown?.fakes ?? [];
      const next = fakes[(fakes.indexOf(shown?.left.video ?? "") + 1) % fakes.length];
      if (next && fakes.length > 1) session.open({ video: next });
    },
    slower: () => rate(-1),
    faster: () => rate(1),
    nextVideo: () => session.next(1),
    lastVideo: () => session.next(-1),
    help: () => setHelp(!help),
  };
  const press = (e: React.KeyboardEvent) => {
    // a button that has the focus is pressed by the space bar
    if (e.key === " " && e.target instanceof Element && e.target.closest("button")) return;
    const command = commandOf(e);
    if (!command) return;
    e.preventDefault();
    e.stopPropagation(); // the App has keys of its own
    const moves = ["forward", "back", "leap", "leapBack", "nextFace", "lastFace", "closer", "wider"];
    if (!e.repeat || moves.includes(command)) commands[command]();
  };
  const back = () => root.current?.focus();

  if (refused) {
    return (
      <div className="mf mf-says mf-warn" role="alert" data-cy="mf-player-refused">
        {refused.message + " " + refused.hint}{" "}
        <button onClick={() => session.open({})}>Look again</button>
      </div>
    );
  }
  if (!shown) return <div className="mf mf-dim">Reading the video …</div>;
  const number = session.number();
  const point = pointAt(person, number);
  const table = duo?.table;
  const range: [number, number] = table
    ? [table.numberOf(0), table.numberOf(table.length - 1)]
    : [1, Math.max(1, ...(person?.points ?? []).map(([frame]) => frame))];
  const heard =
    "frame " + number + " of " + range[1] + (point?.[1] != null ? ", p_fake " + point[1].toFixed(3) : "");
  const title = shown.right ? shown.left.video + " and " + shown.right.video : shown.left.video;
  return (
    <div
      ref={root}
      className="mf mf-player"
      tabIndex={0}
      role="group"
      aria-label="Player. Space plays, arrows step by frame, question mark lists all keys"
      aria-busy={state.busy}
      onKeyDown={press}
      onClick={(e) => {
        // after a click, not after Enter on a button, the keys are wanted
        if (e.detail && e.target instanceof Element && e.target.closest("button, canvas, .mf-scores")) back();
      }}
      data-cy="mf-player-panel"
    >
      <div className="mf-title" data-cy="mf-player-title">
        <b>{title}</b>
      </div>
      <Screens session={session} />
      <div className="mf-heard" role="status">
        {duo?.playing ? "playing" : heard}
      </div>
      <Bar session={session} going={going} help={help}
        onDo={(command) => commands[command]()}
        onGo={goTo}
        onDone={() => {
          setGoing(false);
          back();
        }}
      />
      {shown.people.length || shown.gaps.length ? (
        <Scores
          shown={shown}
          person={person}
          range={range}
          number={number}
          words={heard}
          loop={duo?.loop && table ? [table.numberOf(duo.loop[0]), table.numberOf(duo.loop[1])] : null}
          onGo={goTo}
        />
      ) : null}
      {state.said && (
        <div className="mf-says mf-warn" role="alert">
          {state.said}
        </div>
      )}
      <div className="mf-says" data-cy="mf-player-words">
        {[shown.together, shown.alone, shown.words].filter(Boolean).join(" ")}
        {shown.threshold !== null && (
          <div className="mf-dim mf-small">
            {"Threshold " + shown.threshold.toFixed(3) + " of " + shown.key + ": " + shown.provenance}
          </div>
        )}
      </div>
      {help && <Help />}
    </div>
  );
}
