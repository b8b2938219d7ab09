/** The card of the face under the mouse. */
import { FAKE, REAL } from "../app/colours.ts";
import { h, sampleSource } from "../app/given.ts";
import type { Face } from "../sent/sphere.ts";
import type { At } from "./view.ts";

/** Where a card for a point lies in a canvas, in css px: beside it, and inside. */
export function cardPlace([x, y]: At, [width, height]: At): { left: number; top: number } {
  return {
    left: Math.max(2, x + 250 > width ? x - 246 : x + 14),
    top: Math.max(4, Math.min(y - 40, height - 128)),
  };
}

export function Card({ card, at, size }: { card: Face | null; at: At | null; size: At }) {
  if (!card || !at) return null;
  const fake = card.label === "fake";
  const colour = fake ? FAKE : card.label === "real" ? REAL : undefined;
  return (
    <div className="mf-card" style={cardPlace(at, size)} data-cy="mf-card">
      <img src={sampleSource(card.filepath)} alt="aligned face crop" />
      <div>
        <b style={{ color: colour }}>{(fake ? "▲ " : "● ") + (card.label || "unknown")}</b>
        <div>{"p_fake " + card.p_fake}</div>
        <div className="mf-dim">
          {card.words.map((line, i) => (
            <div key={i}>{line}</div>
          ))}
        </div>
      </div>
    </div>
  );
}
