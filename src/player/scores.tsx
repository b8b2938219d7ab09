/** The scores of a video's persons along its frames; a click goes to a frame. */
import { FAKE, REAL } from "../app/colours.ts";
import { Fragment, h, useEffect, useMemo, useRef, useState } from "../app/given.ts";
import type { Point, Shown, Track } from "../sent/player.ts";
import type { Loop } from "./duo.ts";

const HIGH = 132;
const EDGE = { left: 30, right: 8, top: 8, bottom: 20 };
/** points of a line; of more every so many-th is drawn */
const MOST = 1500;
/** Okabe and Ito, as the score timeline's */
const COLOURS = [FAKE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];

export const nameOf = ({ track }: Track): string => (track < 0 ? "Person" : "Person " + track);

interface ScoresProps {
  shown: Shown;
  person: Track | null;
  /** first and last frame number */
  range: [number, number];
  number: number;
  words: string;
  /** in frame numbers */
  loop: Loop;
  onGo: (number: number) => void;
}

export function Scores(props: ScoresProps) {
  const { shown, person, range, number, onGo } = props;
  const root = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(600);
  useEffect(() => {
    const watch = new ResizeObserver(() => setWide(root.current?.clientWidth || 600));
    if (root.current) watch.observe(root.current);
    return () => watch.disconnect();
  }, []);
  const [from, to] = range;
  const span = Math.max(1, to - from);
  const inner = Math.max(40, wide - EDGE.left - EDGE.right);
  const x = (frame: number) => EDGE.left + ((frame - from) / span) * inner;
  const y = (p: number) => EDGE.top + (1 - p) * (HIGH - EDGE.top - EDGE.bottom);
  const drawn = useMemo(
    () => <Lines shown={shown} person={person} x={x} y={y} />,
    [shown, person, wide, from, to],
  );
  const go = (e: React.PointerEvent) => {
    const left = e.currentTarget.getBoundingClientRect().left;
    onGo(Math.round(from + ((e.clientX - left - EDGE.left) / inner) * span));
  };
  const { loop } = props;
  return (
    <div
      ref={root}
      className="mf-scores"
      role="slider"
      tabIndex={0}
      aria-label="Frame"
      aria-valuemin={from}
      aria-valuemax={to}
      aria-valuenow={number}
      aria-valuetext={props.words}
      onPointerDown={(e) => {
        e.currentTarget.setPointerCapture(e.pointerId);
        go(e);
      }}
      onPointerMove={(e) => e.buttons && go(e)}
      data-cy="mf-player-scores"
    >
      <svg width={wide} height={HIGH} aria-hidden="true">
        {drawn}
        {loop && (
          <rect
            className="mf-loop"
            x={x(loop[0])}
            width={Math.max(2, x(loop[1]) - x(loop[0]))}
            y={EDGE.top}
            height={HIGH - EDGE.top - EDGE.bottom}
          />
        )}
        <line className="mf-cursor" x1={x(number)} x2={x(number)} y1={2} y2={HIGH - EDGE.bottom} />
        <text className="mf-axis-end" x={EDGE.left} y={HIGH - 5}>
          {"frame " + from.toLocaleString("en-US")}
        </text>
        <text className="mf-axis-end" x={wide - EDGE.right} y={HIGH - 5} textAnchor="end">
          {to.toLocaleString("en-US")}
        </text>
      </svg>
    </div>
  );
}

interface LinesProps {
  shown: Shown;
  person: Track | null;
  x: (frame: number) => number;
  y: (p: number) => number;
}

function Lines({ shown, person, x, y }: LinesProps) {
  const base = y(0) + 4;
  const line = (track: Track, colour: string, width: number, dash?: string) => {
    const scored = thinned(track.points.filter(([, p]) => p !== null));
    const at = scored.map(([frame, p]) => x(frame).toFixed(1) + "," + y(p!).toFixed(1));
    return (
      <g key={colour + track.track} opacity={width > 1.5 || dash ? 1 : 0.55}>
        <polyline points={at.join(" ")} stroke={colour} strokeWidth={width} strokeDasharray={dash} />
        {scored.length <= 200 &&
          scored.map(([frame, p, face]) => (
            <circle key={face} cx={x(frame)} cy={y(p!)} r={width + 1} fill={colour} />
          ))}
      </g>
    );
  };
  return (
    <Fragment>
      {[0, 0.5, 1].map((p) => (
        <text key={p} className="mf-axis-end" x={EDGE.left - 6} y={y(p) + 4} textAnchor="end">
          {p}
        </text>
      ))}
      {shown.threshold !== null && (
        <line
          className="mf-limit"
          x1={EDGE.left}
          x2="100%"
          y1={y(shown.threshold)}
          y2={y(shown.threshold)}
        />
      )}
      {shown.reals.map((track) => line(track, REAL, 1.5, "3 3"))}
      {shown.people.map((track, i) =>
        track === person ? null : line(track, COLOURS[i % COLOURS.length]!, 1),
      )}
      {person && line(person, COLOURS[Math.max(0, shown.people.indexOf(person)) % COLOURS.length]!, 2.2)}
      {thinned(shown.gaps).map(([frame, reason]) => (
        <path
          key={frame}
          className="mf-gap"
          d={`M${x(frame) - 3},${base - 3}l6,6m0,-6l-6,6`}
        >
          <title>{"frame " + frame + ": no score, " + reason}</title>
        </path>
      ))}
    </Fragment>
  );
}

function thinned<T extends Point | [number, string]>(points: readonly T[]): readonly T[] {
  const step = Math.ceil(points.length / MOST);
  return step > 1 ? points.filter((_, i) => i % step === 0) : points;
}
