/** What the colours mean; a click hides a group. */
import { h } from "../app/given.ts";
import { number } from "../app/words.ts";
import type { Colouring } from "./colouring.ts";

const MOST = 24;
const SHAPES = "● real  ▲ fake";
const OF_ERRORS = ["●", "▲", "●", "▲", "●", "■"];

interface LegendProps {
  colours: Colouring;
  hidden: Set<number>;
  toggle: (group: number) => void;
  by: string;
}

function Scale({ colours }: { colours: Colouring }) {
  const some = colours.groups.filter((_, i) => i % 9 === 0).map((group) => group.colour);
  const background = "linear-gradient(90deg," + some.join(",") + ")";
  return (
    <div className="mf-legend mf-dim mf-small">
      p_fake 0
      <span style={{ width: 160, height: 10, borderRadius: 5, background }} />1
      <span style={{ marginLeft: 10 }}>{SHAPES}</span>
    </div>
  );
}

export function Legend({ colours, hidden, toggle, by }: LegendProps) {
  if (colours.scale) return <Scale colours={colours} />;
  const { groups } = colours;
  const order = (colours.order ?? groups.map((_, i) => i)).filter((i) => groups[i].count);
  const shape = (i: number) =>
    by === "label" ? (i === 1 ? "▲" : "●") : by === "error" ? OF_ERRORS[i] : "■";
  return (
    <div className="mf-legend">
      {order.slice(0, MOST).map((i) => (
        <button
          key={i}
          aria-pressed={!hidden.has(i)}
          onClick={() => toggle(i)}
          title="Show or hide"
          data-cy={"mf-legend-" + groups[i].name}
        >
          <span style={{ color: groups[i].colour, fontSize: 13 }}>{shape(i)}</span>
          {groups[i].name}
          <span className="mf-dim">{number(groups[i].count)}</span>
        </button>
      ))}
      {order.length > MOST && (
        <span className="mf-dim mf-small">{"and " + (order.length - MOST) + " more"}</span>
      )}
      {!["label", "error"].includes(by) && (
        <span className="mf-dim mf-small" style={{ marginLeft: 6 }}>
          {SHAPES}
        </span>
      )}
    </div>
  );
}
