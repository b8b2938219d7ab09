/** Everything that the player shows and does, behind one hook. */
import { useAsk } from "../app/ask.ts";
import { useEffect, useRef, useState } from "../app/given.ts";
import { pixelsOf } from "../app/heat.ts";
import { take, useWanted, type Wanted } from "../app/playing.ts";
import type {
  Neighbour,
  Placed,
  Point,
  Preview,
  Shown,
  Side,
  Start,
  Track,
} from "../sent/player.ts";
import type { Refused } from "../sent/review.ts";
import { Duo, type Loop, type Moment } from "./duo.ts";
import type { Film } from "./film.ts";
import { paintDifference, paintFrame, paintHeat } from "./paint.ts";
import { Reel } from "./reel.ts";
import { Strip } from "./strip.ts";
import { partner, type Table } from "./table.ts";
import { WHOLE, type Zoom } from "./zoom.ts";

export type On = Record<"on_open" | "on_preview" | "on_heat" | "on_next" | "on_explain", string>;
export type Screen = "left" | "right" | "difference" | "heat";

interface Heat {
  canvas: HTMLCanvasElement;
  place: number[];
}

/** Formats of previews that this browser plays. */
function plays(): string[] {
  const video = document.createElement("video");
  const types = { h264: 'video/mp4; codecs="avc1.64001f"', vp9: 'video/mp4; codecs="vp09.00.31.08"' };
  return Object.entries(types)
    .filter(([, type]) => video.canPlayType(type))
    .map(([name]) => name);
}

const UNIT = [0, 0, 1, 0, 0, 1];

export class State {
  shown: Shown | null = null;
  duo: Duo | null = null;
  films: { left: Film | null; right: Film | null } = { left: null, right: null };
  /** the person whose scores, box and heatmaps are shown */
  person: Track | null = null;
  refused: Refused | null = null;
  said = "";
  busy = true;
  zoom: Zoom = WHOLE;
  boxes = true;
  difference = false;
  gain = 4;
  heat = false;
  mean = NaN;
  readonly heats = new Map<string, Heat | string>();
  readonly screens: Partial<Record<Screen, HTMLCanvasElement | null>> = {};
  asking = 0;
}

/** Score, box and heatmap of the person at a frame number. */
export const pointAt = (person: Track | null | undefined, number: number): Point | undefined =>
  person?.points.find(([frame]) => frame === number);

export function useSession(on: On, start: Start | undefined) {
  const [, draw] = useState(0);
  const redraw = () => draw((n) => n + 1);
  const ask = useAsk();
  const held = useRef<State>();
  const state = (held.current ??= new State());
  const wanted = useWanted();

  useEffect(() => {
    if (start?.when) open(take() ?? { sample: start.sample ?? undefined });
  }, [start?.when]);
  useEffect(() => {
    const what = wanted ? take() : null;
    if (what) open(what);
  }, [wanted]);
  useEffect(
    () => () => {
      state.asking++;
      state.duo?.close();
    },
    [],
  );

  const preview = (side: Side, index: number) =>
    new Promise<Preview>((done, failed) => {
      const params = { dataset: state.shown?.dataset, video: side.video, frame: index + 1 };
      ask<Preview>(on.on_preview, { ...params, plays: plays() }, done, (why) =>
        failed(new Error(why.message + " " + why.hint)),
      );
    });

  /** Asks for two videos; what comes last counts. */
  function open(what: Wanted & { fake?: string; track?: number | null }): void {
    const asking = ++state.asking;
    state.busy = true;
    redraw();
    const dataset = start?.dataset;
    ask<Shown>(
      on.on_open,
      { dataset, ...what },
      (shown) => {
        if (asking === state.asking) begin(shown);
      },
      (why) => {
        if (asking !== state.asking) return;
        state.refused = why;
        state.busy = false;
        redraw();
      },
    );
  }

  function begin(shown: Shown): void {
    const before = state.shown;
    const same =
      before?.left.video === shown.left.video &&
      before?.right?.video === shown.right?.video &&
      !shown.left.crops &&
      !shown.right?.crops &&
      !!state.duo;
    Object.assign(state, { shown, refused: null, said: "", busy: false });
    state.person = personOf(shown);
    if (!same) {
      state.duo?.close();
      state.heats.clear();
      Object.assign(state, { zoom: WHOLE, mean: NaN });
      state.heat = shown.people.some(({ points }) => points.some(([, , , , heat]) => heat));
      state.films = { left: filmOf(shown.left), right: shown.right && filmOf(shown.right) };
      const { left, right } = state.films;
      const lead = left ?? right;
      const beside = left && right;
      state.duo = lead && new Duo(lead, beside, shown.sync, seen, redraw);
    }
    redraw();
    if (state.duo) void state.duo.seek(firstIndex(shown, state));
  }

  function filmOf(side: Side): Film | null {
    if (side.kind === "pictures") return new Strip(side);
    if (side.kind === "video") return new Reel(side, document.createElement("video"), preview);
    return null;
  }

  function seen(_: Moment): void {
    fetchHeat();
    paint();
    redraw();
  }

  /** The number that scores of the left video have for the moment. */
  const number = (): number =>
    state.duo ? state.duo.table.numberOf(state.duo.moment.index) : (state.shown?.at ?? 1);

  function paint(): void {
    const { duo, screens, zoom, shown } = state;
    if (!duo || !shown) return;
    const { first, second, index } = duo.moment;
    if (first && first.index !== index) return; // its canvas holds a later frame; that one comes
    const leads = state.films.left !== null; // otherwise the right one is alone
    const left = leads ? first : undefined;
    const right = leads ? second : first;
    const mine = pointAt(state.person, number());
    const its = right && pointAt(shown.reals[0], numberOf("right", index));
    paintFrame(screens.left ?? null, left?.canvas, zoom, state.boxes && mine && !shown.left.crops ? mine[3] : null);
    paintFrame(screens.right ?? null, right?.canvas, zoom, state.boxes && its && !shown.right?.crops ? its[3] : null);
    // which frame a canvas holds; what is written below it follows
    if (screens.left && left) screens.left.dataset.number = String(numberOf("left", index));
    if (screens.right && right) screens.right.dataset.number = String(numberOf("right", index));
    state.mean = NaN;
    if (screens.difference && left && right) {
      state.mean = paintDifference(screens.difference, left.canvas, right.canvas, zoom, state.gain);
    }
    if (screens.heat) {
      const heat = mine && state.heats.get(mine[2]);
      const there = typeof heat === "object" ? heat : undefined;
      const place = shown.left.crops ? UNIT : (there?.place ?? []);
      paintHeat(screens.heat, left?.canvas, zoom, there?.canvas, place);
    }
  }

  /** Frame number on a side for the leading film's frame. */
  function numberOf(side: "left" | "right", index: number): number {
    const { duo, films } = state;
    if (!duo) return 1;
    if (side === "left" || !films.left || !films.right) return duo.table.numberOf(index);
    return films.right.table.numberOf(duo.other(index));
  }

  function fetchHeat(): void {
    const { shown, duo } = state;
    const point = state.heat ? pointAt(state.person, number()) : undefined;
    if (!shown || !duo || !point?.[4] || state.heats.has(point[2])) return;
    const [, , face, , name] = point;
    state.heats.set(face, "Reading the heatmap …");
    const size = duo.moment.first?.canvas;
    const [width, height] = [shown.left.width || size?.width, shown.left.height || size?.height];
    ask<Placed>(
      on.on_heat,
      { dataset: shown.dataset, face, name, width, height },
      (heat) => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [heat.columns, heat.rows];
        const data = new ImageData(pixelsOf(heat.values), heat.columns, heat.rows);
        canvas.getContext("2d")!.putImageData(data, 0, 0);
        state.heats.set(face, { canvas, place: heat.place });
        paint();
        redraw();
      },
      (why) => {
        state.heats.set(face, why.message + " " + why.hint);
        redraw();
      },
    );
  }

  return {
    state,
    open,
    paint,
    redraw,
    number,
    numberOf,
    /** Changes what is shown of the same frames. */
    set(change: Partial<State>): void {
      Object.assign(state, change);
      fetchHeat();
      redraw();
    },
    loop(loop: Loop): void {
      if (state.duo) state.duo.loop = loop;
      redraw();
    },
    /** Another person of the video, or the one after the shown one. */
    choose(track?: number): void {
      const { shown } = state;
      const people = shown?.people ?? [];
      if (!shown || !people.length) return;
      const at = people.findIndex((p) => p === state.person);
      const next = people.find((p) => p.track === track) ?? people[(at + 1) % people.length]!;
      state.person = next;
      if (shown.left.crops) open({ video: shown.left.video, track: next.track });
      else {
        fetchHeat();
        paint();
      }
      redraw();
    },
    next(by: number): void {
      const { shown } = state;
      if (!shown) return;
      const pair = [shown.left.video, shown.right?.video];
      const [video, beside] = shown.on === "right" ? pair.reverse() : pair;
      ask<Neighbour>(
        on.on_next,
        { dataset: shown.dataset, video, beside, by },
        ({ video }) => open({ video }),
        (why) => {
          state.said = why.message;
          redraw();
        },
      );
    },
    explain: (): void => ask(on.on_explain, {}, redraw, redraw),
  };
}

export type Session = ReturnType<typeof useSession>;

function personOf(shown: Shown): Track | null {
  const { people, track, on } = shown;
  const asked = on === "left" ? people.find((p) => p.track === track) : undefined;
  return asked ?? people.find((p) => p.subject) ?? people[0] ?? null;
}

/** The frame that was asked for, else the one that the person scores highest in. */
function firstIndex(shown: Shown, { films, person, duo }: State): number {
  const table: Table = duo!.table;
  const { left, right } = films;
  if (shown.at !== null && shown.on === "right" && left && right)
    return partner(right.table, table, shown.sync, right.table.indexOf(shown.at));
  if (shown.at !== null) return table.indexOf(shown.at);
  const best = person?.points.reduce<Point | null>(
    (most, point) => ((point[1] ?? -1) > (most?.[1] ?? -1) ? point : most),
    null,
  );
  return best ? table.indexOf(best[0]) : 0;
}
