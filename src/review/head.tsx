/** What is gone through, by whom, and how far it is. */
import { Select } from "../app/controls.tsx";
import { h, useRef } from "../app/given.ts";
import { number } from "../app/words.ts";
import type { Asked, Opened } from "../sent/review.ts";
import { timeLeft, type Pile } from "./pile.ts";

interface HeadProps {
  opened: Opened;
  pile: Pile;
  waiting: number;
  parked: number;
  failing: boolean;
  /** why the last try failed */
  busy: string;
  /** whether the reviewer has given a name */
  named: boolean;
  onAsk: (change: Partial<Asked>) => void;
  onName: (name: string) => void;
  /** the keys are wanted again */
  onDone: () => void;
  onQueues: () => void;
}

export function Head(props: HeadProps) {
  const { opened } = props;
  const { asked } = opened;
  const byMouse = useRef(false);
  const onAsk = (change: Partial<Asked>) => {
    props.onAsk(change);
    if (byMouse.current) props.onDone(); // with the arrow keys one goes on choosing
  };
  return (
    <div
      onPointerDown={() => (byMouse.current = true)}
      onKeyDown={(e) => {
        byMouse.current = false;
        const chosen = e.key === "Enter" || e.key === "Escape";
        if (chosen && e.target instanceof HTMLSelectElement) props.onDone();
      }}
    >
      <div className="mf-row">
        <Select
          label="Queue"
          value={asked.queue}
          options={opened.queues}
          onChange={(queue) => onAsk({ queue })}
          cy="mf-review-queue"
        />
        <Select
          label="Show"
          value={asked.show}
          options={opened.shows}
          onChange={(show) => onAsk({ show })}
          cy="mf-review-show"
        />
        <Select
          label="Order"
          value={asked.order}
          options={opened.orders}
          onChange={(order) => onAsk({ order })}
          cy="mf-review-order"
        />
        <Select
          label="Label"
          value={asked.truth}
          options={opened.truths}
          onChange={(truth) => onAsk({ truth })}
          cy="mf-review-truth"
        />
        <label className="mf-field">
          Your name
          <input
            type="text"
            key={opened.reviewer}
            defaultValue={opened.reviewer}
            maxLength={80}
            onBlur={(e) => props.onName(e.currentTarget.value.trim())}
            onKeyDown={(e) => {
              if (e.key !== "Enter" || e.nativeEvent.isComposing) return;
              props.onName(e.currentTarget.value.trim());
              props.onDone();
            }}
            data-cy="mf-review-name"
          />
        </label>
      </div>
      {!props.named && (
        <div className="mf-says" data-cy="mf-review-nameless">
          {opened.reviewer
            ? "Decisions are stored as those of '" + opened.reviewer + "'. "
            : "Decisions are stored without a name. "}
          Enter your name if several people review.
        </div>
      )}
      {opened.aside && (
        <div className="mf-says mf-warn" data-cy="mf-review-aside">
          {opened.aside}
        </div>
      )}
      {opened.notice && (
        <div className="mf-says mf-row" data-cy="mf-review-notice">
          <span>{opened.notice}</span>
          <button onClick={props.onQueues} data-cy="mf-review-find">
            Find hard examples …
          </button>
        </div>
      )}
      <Progress {...props} />
    </div>
  );
}

function Progress(props: HeadProps) {
  const { opened, pile } = props;
  const of = pile.faces;
  const done = Math.min(of, pile.decided);
  const place = opened.start + Math.min(pile.at + 1, pile.ids.length);
  const words = [
    number(done) + " of " + number(of) + (pile.resolving ? " resolved" : " decided"),
    opened.listed ? "face " + number(place) + " of " + number(opened.listed) + " listed" : "",
    timeLeft(pile.secondsLeft()),
  ];
  return (
    <div className="mf-progress">
      <progress max={Math.max(1, of)} value={done} aria-label={pile.resolving ? "Resolved" : "Decided by you"} />
      <div className="mf-row mf-small">
        <span data-cy="mf-review-progress">{words.filter(Boolean).join(" · ")}</span>
        <span role="status" data-cy="mf-review-waiting" className="mf-dim">
          {props.failing
            ? "⚠ " +
              number(props.waiting) +
              " not stored yet: " +
              (props.busy || "the App does not answer, or is busy.") +
              " Kept in this browser and sent again."
            : props.waiting
              ? "storing " + number(props.waiting)
              : "all stored"}
        </span>
        {!!props.parked && (
          <span data-cy="mf-review-parked" className="mf-dim">
            {number(props.parked) +
              " wait in this browser for a dataset that is not in this database."}
          </span>
        )}
      </div>
    </div>
  );
}
