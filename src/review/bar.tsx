/** The buttons of the review, each with its key, and the note. */
import { h, useEffect, useRef } from "../app/given.ts";
import type { Beside, Card } from "../sent/review.ts";
import { DECISIONS, KEYS, wordsOf, type Command } from "./keys.ts";

interface ButtonProps {
  command: Command;
  onDo: (command: Command) => void;
  on?: boolean;
  off?: boolean;
}

/** A button that is off keeps the focus, so that the keys go on. */
export function Button({ command, onDo, on, off }: ButtonProps) {
  const [, key, words] = KEYS.find(([name]) => name === command)!;
  return (
    <button
      className={on ? "mf-on" : undefined}
      aria-pressed={on}
      aria-keyshortcuts={key}
      aria-disabled={off}
      onClick={() => !off && onDo(command)}
      data-cy={"mf-review-" + command}
    >
      <kbd aria-hidden="true">{key}</kbd>
      {words}
    </button>
  );
}

/** The face that a note is written on, and when the note was asked for. */
export interface Writing {
  face: string;
  time: number;
}

interface BarProps {
  card: Card | undefined;
  beside: Beside | undefined;
  mine: string | undefined;
  others: [who: string, what: string][];
  writing: Writing | null;
  atStart: boolean;
  onDo: (command: Command) => void;
  onNote: (face: string, text: string) => void;
  onWritten: () => void;
}

export function Bar(props: BarProps) {
  const { card, mine, onDo } = props;
  const keep = props.beside?.keep;
  const note = props.beside?.note ?? "";
  const writing = card && props.writing?.face === card.id ? props.writing : null;
  return (
    <div className="mf-bar-of-keys" role="group" aria-label="Decisions">
      <div className="mf-keys">
        {DECISIONS.map((action) => (
          <Button key={action} command={action} onDo={onDo} on={mine === action} off={!card} />
        ))}
      </div>
      <div className="mf-keys mf-minor">
        <Button command="keep" onDo={onDo} on={keep === true} off={!card} />
        <Button command="drop" onDo={onDo} on={keep === false} off={!card} />
        <Button command="note" onDo={onDo} off={!card} />
        <Button command="clear" onDo={onDo} off={!card} />
        <Button command="back" onDo={onDo} off={props.atStart} />
        <Button command="next" onDo={onDo} />
        <Button command="undo" onDo={onDo} />
        <Button command="redo" onDo={onDo} />
        <Button command="heat" onDo={onDo} off={!card?.heat} />
        <Button command="play" onDo={onDo} off={!card} />
      </div>
      {card && writing && (
        <Note
          key={card.id}
          text={note}
          asked={writing.time}
          onWords={(text) => props.onNote(card.id, text)}
          onEnd={props.onWritten}
        />
      )}
      {!writing && note && (
        <div className="mf-dim" data-cy="mf-review-noted">
          {"Note: " + note}
        </div>
      )}
      {!!props.others.length && (
        <div className="mf-says" data-cy="mf-review-others">
          {props.others.map(([who, what]) => (who || "no name") + ": " + wordsOf(what)).join(" · ")}
        </div>
      )}
    </div>
  );
}

interface NoteProps {
  text: string;
  asked: number;
  onWords: (text: string) => void;
  onEnd: () => void;
}

/** Enter stores the note, and so does whatever else ends it; Escape leaves it as it was. */
function Note({ text, asked, onWords, onEnd }: NoteProps) {
  const field = useRef<HTMLInputElement>(null);
  const typed = useRef(text);
  const stored = useRef(text);
  const send = useRef(onWords);
  send.current = onWords;
  const store = () => {
    if (typed.current === stored.current) return;
    stored.current = typed.current;
    send.current(typed.current.trim());
  };
  useEffect(() => field.current?.focus(), [asked]);
  useEffect(() => store, []); // an undo has brought another face, or the panel is closed
  return (
    <input
      ref={field}
      type="text"
      className="mf-note"
      defaultValue={text}
      maxLength={2000}
      aria-label="Note on this face. Enter stores it, Escape leaves it as it was"
      placeholder="Note: Enter stores it, Escape leaves it as it was"
      data-cy="mf-review-note-field"
      onChange={(e) => (typed.current = e.currentTarget.value)}
      onBlur={store} // it stays, so that the button that is being clicked stays where it is
      onKeyDown={(e) => {
        e.stopPropagation();
        if (e.nativeEvent.isComposing) return; // Enter ends a word of an input method
        if (e.key === "Escape") typed.current = stored.current;
        if (e.key !== "Enter" && e.key !== "Escape") return;
        store();
        onEnd();
      }}
    />
  );
}
