/** The buttons of the player, each with its key. */
import { Fragment, h, useEffect, useRef } from "../app/given.ts";
import { KEYS, type Command } from "./keys.ts";
import { nameOf } from "./scores.tsx";
import type { Session } from "./session.ts";

interface ButtonProps {
  command: Command;
  onDo: (command: Command) => void;
  sign?: string;
  on?: boolean;
  off?: boolean;
}

export function Button({ command, onDo, sign, on, off }: ButtonProps) {
  const [, key, words] = KEYS.find(([name]) => name === command)!;
  return (
    <button
      className={on ? "mf-on" : undefined}
      aria-pressed={on}
      aria-label={words}
      aria-keyshortcuts={key}
      aria-disabled={off}
      title={words + " (" + key + ")"}
      onClick={() => !off && onDo(command)}
      data-cy={"mf-player-" + command}
    >
      {sign ?? words}
    </button>
  );
}

interface BarProps {
  session: Session;
  going: boolean;
  onDo: (command: Command) => void;
  onGo: (number: number) => void;
  onDone: () => void;
  help: boolean;
}

export function Bar({ session, going, onDo, onGo, onDone, help }: BarProps) {
  const { state } = session;
  const { duo, shown } = state;
  const alone = !state.films.left || !state.films.right;
  const loop = duo?.loop ?? null;
  const people = shown?.people ?? [];
  return (
    <div className="mf-player-bar" role="group" aria-label="Player">
      <div className="mf-row">
        <Button command="first" sign="|◀" onDo={onDo} off={!duo} />
        <Button command="back" sign="◀" onDo={onDo} off={!duo} />
        <Button command="play" sign={duo?.playing ? "❚❚" : "▶ Play"} onDo={onDo} off={!duo} />
        <Button command="forward" sign="▶" onDo={onDo} off={!duo} />
        <Button command="last" sign="▶|" onDo={onDo} off={!duo} />
        <GoTo session={session} going={going} onGo={onGo} onDone={onDone} />
        <Button command="lastFace" sign="▲ scored" onDo={onDo} off={!state.person} />
        <Button command="nextFace" sign="▼ scored" onDo={onDo} off={!state.person} />
        <Button command="loopFrom" sign="[ from" onDo={onDo} on={!!loop} off={!duo} />
        <Button command="loopTo" sign="to ]" onDo={onDo} on={!!loop} off={!duo} />
        {loop && <Button command="loopOff" onDo={onDo} />}
        <Button command="slower" sign="slower" onDo={onDo} off={!duo} />
        <span className="mf-dim" data-cy="mf-player-rate">
          {(duo?.rate ?? 1) + "×"}
        </span>
        <Button command="faster" sign="faster" onDo={onDo} off={!duo} />
      </div>
      <div className="mf-row">
        <Button command="wider" sign="−" onDo={onDo} off={state.zoom.k <= 1} />
        <span className="mf-dim">{state.zoom.k.toFixed(1) + "×"}</span>
        <Button command="closer" sign="+" onDo={onDo} />
        <Button command="whole" sign="Whole" onDo={onDo} off={state.zoom.k <= 1} />
        <Button command="face" sign="Face" onDo={onDo} off={!state.person} />
        <Button command="boxes" sign="Boxes" onDo={onDo} on={state.boxes} />
        <Button command="difference" onDo={onDo} on={state.difference} off={alone} />
        <Button command="heat" onDo={onDo} on={state.heat} />
        {people.length > 1 && state.person && (
          <label className="mf-field">
            Person
            <select
              value={state.person.track}
              onChange={(e) => session.choose(Number(e.target.value))}
              data-cy="mf-player-person"
            >
              {people.map((person) => (
                <option key={person.track} value={person.track}>
                  {nameOf(person) + (person.subject ? "" : " (not the subject)")}
                </option>
              ))}
            </select>
          </label>
        )}
        {shown && shown.fakes.length > 1 && (
          <label className="mf-field">
            Fake of this real
            <select
              value={shown.left.video}
              onChange={(e) => session.open({ video: e.target.value })}
              data-cy="mf-player-fakes"
            >
              {shown.fakes.map((video) => (
                <option key={video}>{video}</option>
              ))}
            </select>
          </label>
        )}
        <Button command="lastVideo" sign="Video before" onDo={onDo} />
        <Button command="nextVideo" sign="Next video" onDo={onDo} />
        <Button command="help" sign="? Keys" onDo={onDo} on={help} />
      </div>
    </div>
  );
}

/** The frame number, as a field while a frame is typed in. */
function GoTo(props: Pick<BarProps, "session" | "going" | "onGo" | "onDone">) {
  const { session, going, onGo, onDone } = props;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (going) field.current?.select();
  }, [going]);
  const { duo } = session.state;
  if (!duo) return <Fragment />;
  const { table, moment } = duo;
  const [first, last] = [table.numberOf(0), table.numberOf(table.length - 1)];
  return going ? (
    <input
      ref={field}
      type="number"
      min={first}
      max={last}
      style={{ width: 84 }}
      defaultValue={table.numberOf(moment.index)}
      aria-label={`Frame number, ${first} to ${last}. Enter goes there`}
      data-cy="mf-player-goto-field"
      onBlur={onDone}
      onKeyDown={(e) => {
        e.stopPropagation();
        if (e.key !== "Enter" && e.key !== "Escape") return;
        const number = Number(e.currentTarget.value);
        if (e.key === "Enter" && Number.isFinite(number)) onGo(number);
        onDone();
      }}
    />
  ) : (
    <b className="mf-frame-number" data-cy="mf-player-frame" data-number={table.numberOf(moment.index)}>
      {table.numberOf(moment.index).toLocaleString("en-US")}
      <span className="mf-dim">{" / " + last.toLocaleString("en-US")}</span>
    </b>
  );
}

export function Help() {
  return (
    <section aria-label="Keys" className="mf-help" data-cy="mf-player-keys">
      {KEYS.map(([command, key, words]) => (
        <span key={command}>
          <kbd>{key}</kbd> {words}
        </span>
      ))}
      <p className="mf-dim">
        The wheel zooms, dragging moves, in all pictures alike. A click on the scores goes to that
        frame. Frames are counted from 1, as FiftyOne counts; each is the one that the file gives at
        that number, at any frame rate.
      </p>
    </section>
  );
}
