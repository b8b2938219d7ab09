/** The pictures: both films, their difference, the heatmap. */
import { h, useEffect, useRef } from "../app/given.ts";
import type { Point, Side } from "../sent/player.ts";
import type { Film } from "./film.ts";
import { Reel } from "./reel.ts";
import { pointAt, type Screen, type Session } from "./session.ts";
import { closer, moved, type Size } from "./zoom.ts";

interface ScreenProps {
  session: Session;
  name: Screen;
  title: string;
  label: string;
  under: React.ReactNode;
  film?: Film | null;
  /** what stands instead of a picture */
  instead?: string;
}

/** A canvas that zooms and moves with the others; a film's own element lies hidden below it. */
function Canvas({ session, name, title, label, under, film, instead }: ScreenProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const { state } = session;
  useEffect(() => {
    state.screens[name] = canvas.current;
    const watch = new ResizeObserver(() => session.paint());
    if (canvas.current) watch.observe(canvas.current);
    session.paint();
    return () => {
      watch.disconnect();
      state.screens[name] = null;
    };
  }, [!!instead, state.duo]);
  useEffect(() => {
    // in the page, so that the browser goes on telling which frames it shows
    if (film instanceof Reel) host.current?.prepend(film.video);
    return () => {
      if (film instanceof Reel) film.video.remove();
    };
  }, [film, !!instead]);
  const size = (): [Size, Size] => {
    const picture = state.duo?.moment.first?.canvas;
    const { clientWidth: w, clientHeight: t } = canvas.current!;
    return [[picture?.width ?? 16, picture?.height ?? 9], [w, t]];
  };
  useEffect(() => {
    // a passive React listener could not stop the panel from scrolling
    const el = canvas.current;
    if (!el) return undefined;
    const wheel = (e: WheelEvent) => {
      if (e.ctrlKey === false && e.shiftKey) return;
      e.preventDefault();
      const at: Size = [e.offsetX / el.clientWidth, e.offsetY / el.clientHeight];
      session.set({ zoom: closer(state.zoom, Math.exp(-e.deltaY / 400), at, ...size()) });
    };
    el.addEventListener("wheel", wheel, { passive: false });
    return () => el.removeEventListener("wheel", wheel);
  }, [!!instead, state.duo]);
  const picture = state.duo?.moment.first?.canvas;
  const shape = picture ? picture.width / picture.height : 16 / 9;
  return (
    <figure className="mf-figure" aria-label={title}>
      <div className="mf-screen" ref={host} style={{ aspectRatio: String(shape) }}>
        {instead ? (
          <span className="mf-dim">{instead}</span>
        ) : (
          <canvas
            ref={canvas}
            role="img"
            aria-label={label}
            onPointerDown={(e) => e.currentTarget.setPointerCapture(e.pointerId)}
            onPointerMove={(e) => {
              if (!e.buttons || state.zoom.k <= 1) return;
              const el = e.currentTarget;
              const by: Size = [e.movementX / el.clientWidth, e.movementY / el.clientHeight];
              session.set({ zoom: moved(state.zoom, by, ...size()) });
            }}
            data-cy={"mf-player-" + name}
          />
        )}
      </div>
      <figcaption>
        <b>{title}</b> <span className="mf-dim">{under}</span>
        {film?.words && (
          <div className={film.failed ? "mf-wrong" : "mf-dim"} role="status" data-cy={`mf-player-${name}-words`}>
            {film.words}
          </div>
        )}
      </figcaption>
    </figure>
  );
}

const MARK: Record<string, string> = { Fake: "▲ ", Real: "● " };

function under(number: number, seconds: number | null, point: Point | undefined): string {
  const score = point ? (point[1] === null ? "no score" : "p_fake " + point[1].toFixed(3)) : "";
  const time = seconds === null ? "" : seconds.toFixed(3) + " s";
  return ["frame " + number.toLocaleString("en-US"), time, score].filter(Boolean).join(" · ");
}

export function Screens({ session }: { session: Session }) {
  const { state } = session;
  const { shown, duo, films } = state;
  if (!shown) return null;
  const index = duo?.moment.index ?? 0;
  const sides: ["left" | "right", Side][] = [["left", shown.left]];
  if (shown.right) sides.push(["right", shown.right]);
  const mine = pointAt(state.person, session.number());
  const heat = mine && state.heats.get(mine[2]);
  const both = duo?.moment.first && duo.moment.second;
  return (
    <div className="mf-pictures mf-screens">
      {sides.map(([name, side], i) => {
        const film = films[name];
        const number = session.numberOf(name, index);
        const at = film && film.table.indexOf(number);
        const seconds = side.kind === "video" && film ? film.table.times[at!]! : null;
        const point = name === "left" ? mine : pointAt(shown.reals[0], number);
        const called = shown.names[i] ?? "";
        return (
          <Canvas
            key={name}
            session={session}
            name={name}
            title={(MARK[called] ?? "") + called}
            label={called + ", " + side.video + ", frame " + number}
            under={
              <span title={side.video} data-cy={`mf-player-${name}-under`} data-number={number}>
                {film ? under(number, seconds, point) : side.video}
                {side.why && film ? <div>{side.why}</div> : null}
              </span>
            }
            film={film}
            instead={film ? (film.failed ? film.words : undefined) : side.why || "Nothing to show."}
          />
        );
      })}
      {state.difference && films.left && films.right && (
        <Canvas
          session={session}
          name="difference"
          title="Fake minus real"
          label="Difference of both frames: grey where they are equal"
          under={
            !both
              ? "needs both frames"
              : Number.isNaN(state.mean)
                ? "The pixels cannot be read: the files come from another server."
                : `grey is equal, ${state.gain}× · mean ${state.mean.toFixed(1)} of 255`
          }
        />
      )}
      {state.heat && (
        <Canvas
          session={session}
          name="heat"
          title="Heatmap"
          label="Frame with what moved the score towards fake"
          under={
            typeof heat === "string"
              ? heat
              : heat
                ? "what moved this frame's score"
                : mine ? (
                    <span>
                      This face has none.{" "}
                      <button className="mf-link" onClick={session.explain}>
                        Explain faces …
                      </button>
                    </span>
                  )
                  : "No face of this person in this frame."
          }
        />
      )}
    </div>
  );
}
