/** What is known of a face in words: truth, score and call, why it is queued, its person. */
import { Fragment, h } from "../app/given.ts";
import type { Card } from "../sent/review.ts";

export const score = (value: number | null): string =>
  value === null ? "no score" : "p_fake " + value.toFixed(3);

/** A class by symbol, word and colour. */
export function Truth({ label }: { label: string | null }) {
  if (label === null) return <b>? not known</b>;
  const fake = label === "fake";
  const known = fake || label === "real";
  return (
    <b className={known ? (fake ? "mf-fake" : "mf-real") : undefined}>
      {(fake ? "▲ " : known ? "● " : "") + label}
    </b>
  );
}

/** What the detector calls a score, and whether that is wrong. */
export function callOf(card: Card, threshold: number): { called: string; wrong: boolean } {
  if (card.score === null) return { called: "", wrong: false };
  const called = card.score >= threshold ? "fake" : "real";
  return { called, wrong: card.label !== null && card.label !== called };
}

export function Verdict({ card, threshold }: { card: Card; threshold: number }) {
  const { called, wrong } = callOf(card, threshold);
  const sign = called === "fake" ? "≥" : "<";
  return (
    <div className="mf-verdict" data-cy="mf-review-verdict">
      <span>
        <span className="mf-dim">Label </span>
        <Truth label={card.label} />
      </span>
      <span>
        <span className="mf-dim">Detector </span>
        {called ? <Truth label={called} /> : "gave no score"}
      </span>
      {called && (
        <span>
          {score(card.score)}
          <span className="mf-dim">{" " + sign + " " + threshold.toFixed(3)}</span>
        </span>
      )}
      {called && card.label !== null && (
        <span className={wrong ? "mf-wrong" : "mf-dim"}>
          {wrong ? "⚠ they differ" : "they agree"}
        </span>
      )}
    </div>
  );
}

const WIDE = 300;
const HIGH = 64;

/** The scores of a person by frame, with the face that is shown. */
function Person({ card, threshold }: { card: Card; threshold: number }) {
  const points = card.person;
  if (points.length < 2) return null;
  const first = points[0]![0];
  const span = Math.max(1, points[points.length - 1]![0] - first);
  const x = (frame: number) => 6 + ((frame - first) / span) * (WIDE - 12);
  const y = (value: number) => 4 + (1 - value) * (HIGH - 8);
  const line = points.map(([frame, value]) => x(frame).toFixed(1) + "," + y(value).toFixed(1));
  const over = points.filter(([, value]) => value >= threshold).length;
  const words = over + " of " + points.length + " faces of this person score as fake";
  return (
    <div className="mf-person">
      <div className="mf-dim mf-small">{words}</div>
      <svg viewBox={"0 0 " + WIDE + " " + HIGH} role="img" aria-label={words}>
        <line x1="0" x2={WIDE} y1={y(threshold)} y2={y(threshold)} className="mf-limit" />
        <polyline points={line.join(" ")} />
        {card.frame !== null && card.score !== null && (
          <circle cx={x(card.frame)} cy={y(card.score)} r="4.5" />
        )}
      </svg>
    </div>
  );
}

export function Facts(props: { card: Card; threshold: number; provenance: string }) {
  const { card } = props;
  const facts: [string, string][] = [...card.facts];
  if (card.video) facts.push(["video", card.video]);
  return (
    <div className="mf-facts">
      <div>
        <Person card={card} threshold={props.threshold} />
        <div className="mf-dim mf-small" data-cy="mf-review-threshold">
          {"Threshold " + props.threshold.toFixed(3) + ": " + props.provenance}
        </div>
      </div>
      <div data-cy="mf-review-why">
        {card.why.length ? (
          card.why.map(([queue, rank, words]) => (
            <div key={queue}>
              <b>{queue}</b>
              <span className="mf-dim">{", rank " + rank + ": " + words}</span>
            </div>
          ))
        ) : (
          <span className="mf-dim">It is in no queue.</span>
        )}
        <div className="mf-known">
          {facts.map(([name, value]) => (
            <Fragment key={name}>
              <span className="mf-dim">{name}</span>
              <span>{value}</span>
            </Fragment>
          ))}
        </div>
      </div>
    </div>
  );
}

