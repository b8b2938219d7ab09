/** Faces on the sphere of embeddings: the picture, its controls and its words. */
import { useEvents } from "../app/events.ts";
import { Fragment, h, useEffect, useRef, useState } from "../app/given.ts";
import { useHelp } from "../app/keys_help.tsx";
import { playIt, type Wanted } from "../app/playing.ts";
import { number } from "../app/words.ts";
import type { Face, Lit, Picture } from "../sent/sphere.ts";
import { Card } from "./card.tsx";
import { useCommon } from "./common.ts";
import { chosenAs } from "./data.ts";
import { useFaces, type On } from "./faces.ts";
import { dotsOf, fasterFor } from "./faster.ts";
import { Gestures, type Acts, type Tool } from "./gestures.ts";
import { Legend } from "./legend.tsx";
import { Painter } from "./painter.ts";
import { Toolbar } from "./toolbar.tsx";
import type { At, Mode } from "./view.ts";
import { howTo, KEYS, meaning } from "./words.ts";

/** ms that the mouse rests on a point before its card is asked for */
const HOVER = 120;
/** Points from which on a moving picture may hold fewer, which is said. */
const MANY = 200000;

type Canvas = HTMLCanvasElement & { mfPainter?: Painter };

export function Sphere({ data: given, schema }: { data?: Partial<Picture>; schema: { view: On } }) {
  const on = schema.view;
  const side = on.side ?? 1;
  const data = given ?? {};
  const post = useEvents("sphere", data.rev);
  const [view] = useCommon("mode");
  const [shape] = useCommon("shape");
  const [hidden, setHidden] = useCommon("hidden");
  const mode: Mode = view === "umap" && !data.umap ? "2d" : view;
  const two = side === 2 || !!data.other;
  const seen = useFaces(data, on, mode === "umap");
  const { points, colours, umap, rest, ask } = seen;
  // a canvas that pixels are written to is of another sort than one for WebGL: with the kind it changes
  const kind = fasterFor(points?.n ?? 0);
  const send: typeof post = (uri, params, then) => post(uri, { ...params, side }, then);

  const canvas = useRef<Canvas>(null);
  const hand = useRef<Gestures | null>(null);
  const cards = useRef(new Map<number, Face>());
  const waiting = useRef<ReturnType<typeof setTimeout>>();
  const [tool, setTool] = useState<Tool>("");
  const [nothing, setNothing] = useState(false);
  const [card, setCard] = useState<Face | null>(null);
  const [at, setAt] = useState<At | null>(null);
  const [last, setLast] = useState(-1);
  const help = useHelp(KEYS);
  const painter = (): Painter | null => hand.current?.painter ?? null;

  const setUp = (p: Painter) => {
    p.mode = mode;
    p.surface = shape !== "ball";
    p.stretch = shape === "stretched";
    p.map = umap?.xy;
  };
  useEffect(() => {
    const el = canvas.current;
    if (!el || !points) return undefined;
    const before = painter();
    if (before?.canvas !== el) {
      hand.current = new Gestures(Painter.with(el, dotsOf(kind)));
      hand.current.tool = tool;
      if (before) hand.current.painter.takeOver(before);
    }
    const p = hand.current!.painter;
    p.colours = colours;
    setUp(p);
    p.setData(points);
    Painter.open.add(p);
    el.mfPainter = p; // for the browser tests
    const watch = new ResizeObserver(() => p.ask());
    watch.observe(el);
    const theme = new MutationObserver(() => p.ask());
    theme.observe(document.documentElement, { attributes: true });
    return () => {
      watch.disconnect();
      theme.disconnect();
      Painter.open.delete(p);
    };
  }, [points]);
  useEffect(() => () => painter()?.dispose(), []);
  useEffect(() => cards.current.clear(), [data.sphere]);
  useEffect(() => {
    const p = painter();
    if (!p || !colours) return;
    p.colours = colours;
    p.hidden = hidden;
    p.ask();
  }, [colours, hidden]);
  useEffect(() => {
    const p = painter();
    if (!p) return;
    setUp(p);
    p.pan = [0, 0];
    p.zoom = 1;
    p.arrange();
  }, [mode, shape]);
  useEffect(() => {
    const p = painter();
    if (!p || !umap) return;
    p.map = umap.xy;
    p.arrange();
  }, [umap]);
  const selected = rest && rest.before === data.selected ? rest.selected : data.selected;
  useEffect(() => {
    const p = painter();
    if (!p) return;
    p.marked = new Set(selected ?? []);
    p.ask();
  }, [selected, points]);
  useEffect(() => {
    const p = painter();
    if (!p || data.shown) return;
    p.choose(null);
    setLast(-1);
  }, [data.shown]);
  useEffect(() => {
    // a passive React listener could not stop the panel from scrolling
    const el = canvas.current;
    if (!el) return undefined;
    const wheel = (e: WheelEvent) => {
      if (!hand.current) return;
      e.preventDefault();
      hand.current.wheel(e.deltaY, [e.offsetX, e.offsetY]);
    };
    el.addEventListener("wheel", wheel, { passive: false });
    return () => el.removeEventListener("wheel", wheel);
  }, [!!points, kind]);

  if (!points || !colours) return null;

  const clear = () => {
    const p = painter()!;
    p.path = null;
    p.choose(null);
    setLast(-1);
    send(on.on_clear, {});
  };
  const pick = (list: number[], how?: Tool) => {
    setNothing(!list.length);
    if (!list.length) return;
    painter()!.choose(list);
    setLast(list.length === 1 ? list[0] : -1);
    send(on.on_pick, { ...chosenAs(list, points.n), n: points.n, tool: how });
  };
  const toMore = (what: "video" | "near") =>
    send<Lit>(on.on_more, { idx: last, what, n: points.n }, (found) => {
      if (found?.idx) painter()!.choose(found.idx);
    });
  const take = (next: Tool) => {
    hand.current!.take(next);
    setNothing(false);
    setTool(next);
  };
  const showCard = (i: number) => {
    const p = painter()!;
    const show = (face: Face) => {
      setCard(face);
      setAt(p.placeOf(i));
    };
    const known = cards.current.get(i);
    if (known) return show(known);
    return ask<Face>(on.on_hover, { idx: i }, (found) => {
      if (!found) return;
      cards.current.set(i, found);
      if (p.hover === i) show(found);
    });
  };
  const hover = (i: number) => {
    clearTimeout(waiting.current);
    const known = cards.current.has(i);
    if (!known) setCard(null);
    if (i >= 0) waiting.current = setTimeout(() => showCard(i), known ? 0 : HOVER);
  };
  const hideCard = () => setCard(null);
  const acts: Acts = { setTool: take, pick, clear, hover, showCard, hideCard };
  const placeOf = (e: React.PointerEvent): At => {
    const bounds = e.currentTarget.getBoundingClientRect();
    return [e.clientX - bounds.left, e.clientY - bounds.top];
  };
  const told = howTo(tool, mode);
  const size: At = canvas.current
    ? [canvas.current.clientWidth, canvas.current.clientHeight]
    : [600, 470];
  const toggle = (i: number) => {
    const next = new Set(hidden);
    if (!next.delete(i)) next.add(i);
    setHidden(next);
  };

  return (
    <div
      className="mf"
      style={{ display: "flex", flexDirection: "column" }}
      onKeyDown={help.pressed}
      data-cy="mf-sphere"
    >
      {two && (
        <b style={{ order: -3 }} data-cy="mf-which">
          {data.key}
        </b>
      )}
      <Toolbar
        data={data}
        side={side}
        two={two}
        mode={mode}
        stretch={points.stretch}
        tool={tool}
        set={(name, value) => send(on.on_set, { name, value })}
        take={(value) => {
          take(value === tool ? "" : value);
          canvas.current!.focus();
        }}
        reset={() => painter()!.reset()}
        refresh={() => {
          seen.forget();
          send(on.on_refresh, {});
        }}
        help={help.button}
      />
      {help.list && <div style={{ marginTop: 8, order: two ? undefined : -2 }}>{help.list}</div>}
      <div
        className="mf-sphere"
        style={{ order: -1, height: two ? 380 : 470, flex: "none", marginTop: 8 }}
      >
        <canvas
          key={kind}
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={`${number(points.n)} faces on the sphere of embeddings. ` + told}
          style={{ cursor: tool ? "crosshair" : "grab" }}
          onPointerDown={(e) => {
            e.currentTarget.setPointerCapture(e.pointerId);
            hand.current?.down(placeOf(e), e.shiftKey, acts);
          }}
          onPointerMove={(e) => hand.current?.move(placeOf(e), acts)}
          onPointerUp={() => hand.current?.up(acts)}
          onPointerCancel={() => hand.current?.up(acts)}
          onPointerLeave={() => hand.current?.leave(acts)}
          onKeyDown={(e) => {
            if (!hand.current?.key(e, acts)) return;
            e.preventDefault();
            e.stopPropagation();
          }}
          onDoubleClick={() => painter()?.reset()}
          data-cy="mf-canvas"
        />
        <Card card={card} at={at} size={size} />
      </div>
      <div
        className="mf-small mf-dim"
        style={{ marginTop: 4, minHeight: 16 }}
        data-cy="mf-drawn"
      >
        {rest?.drawn || data.drawn}
        {rest?.failed && " They could not be read; press ↻ to try again."}
        {points.n > MANY && " While the picture moves, fewer are drawn."}
      </div>
      <Legend colours={colours} hidden={hidden} by={seen.colouredBy} toggle={toggle} />
      <div className="mf-shown" role="status" data-cy="mf-sphere-shown">
        {nothing ? (
          <span>
            No face is inside. Faces on the far side are not taken: turn the sphere.
          </span>
        ) : data.shown && !tool ? (
          <>
            <span>{data.shown}</span>
            <button onClick={clear} data-cy="mf-sphere-clear">
              Show all
            </button>
            {last >= 0 && (
              <button
                onClick={() =>
                  send<Wanted>(on.on_play, { idx: last, n: points.n }, (found) => found && playIt(found))
                }
                data-cy="mf-sphere-play"
              >
                ▶ Play
              </button>
            )}
            {last >= 0 && (
              <button onClick={() => toMore("video")} data-cy="mf-more-video">
                Its video
              </button>
            )}
            {last >= 0 && (
              <button onClick={() => toMore("near")} data-cy="mf-more-near">
                24 nearest of other groups
              </button>
            )}
          </>
        ) : (
          <span className="mf-dim">{told}</span>
        )}
      </div>
      <div className="mf-words mf-small" data-cy="mf-words">
        {(data.words ?? []).map(([name, value, what], i) => (
          <Fragment key={i}>
            <span className="mf-dim">{name}</span>
            <b title={what}>{value}</b>
            <span className="mf-dim">{two ? "" : what}</span>
          </Fragment>
        ))}
      </div>
      <div
        className="mf-row mf-small mf-dim"
        style={{ marginTop: 8, justifyContent: "space-between" }}
      >
        <span style={{ flex: "1 1 240px" }} data-cy="mf-meant">
          <b>{meaning(mode, shape, points.stretch, umap) + " "}</b>
          {mode !== "umap" && (rest?.note || data.note)}
        </span>
        <button
          onClick={() => send(on.on_register, {})}
          title="Add the 2-D projection to FiftyOne's Embeddings panel"
          data-cy="mf-register"
        >
          To Embeddings panel
        </button>
      </div>
    </div>
  );
}
