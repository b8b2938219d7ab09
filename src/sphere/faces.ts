/** The faces of a sphere: those that came first, the rest, a field to colour by, a UMAP. */
import { useEffect, useMemo, useRef, useState, useTrigger } from "../app/given.ts";
import type { Params } from "../app/queue.ts";
import type { Faces, Field, Picture, Rest, Umap } from "../sent/sphere.ts";
import { colouring, isField, type Coded, type Colouring } from "./colouring.ts";
import { useCommon } from "./common.ts";
import { decode, sameFaces, unpack, type Points } from "./data.ts";

export type On = Record<
  | "on_set"
  | "on_refresh"
  | "on_rest"
  | "on_colour"
  | "on_umap"
  | "on_hover"
  | "on_pick"
  | "on_more"
  | "on_clear"
  | "on_register"
  | "on_play",
  string
> & { side?: 1 | 2 };

/** The faces that the first plot left out, of the payload and detector that they belong to. */
interface More extends Partial<Rest> {
  of: Faces;
  key: string | undefined;
  failed?: boolean;
  /** What was selected when they were asked for. */
  before?: number[];
}

/** Asks Python for what changes nothing there, and need not wait in line. */
export type Ask = <R>(
  uri: string,
  params: Params,
  then: (found: R | null | undefined) => void,
) => void;

export interface Seen {
  points: Points | null;
  colours: Colouring | null;
  /** What is coloured by now: the field only once it is here. */
  colouredBy: string;
  umap: { xy: Int16Array; words: string } | null;
  rest: More | null;
  ask: Ask;
  /** Take the rest anew, too. */
  forget: () => void;
}

export function useFaces(data: Partial<Picture>, on: On, umapShown: boolean): Seen {
  const trigger = useTrigger();
  const [by, setBy] = useCommon("by");
  const [, setMode] = useCommon("mode");
  const [more, setMore] = useState<More | null>(null);
  const [field, setField] = useState<(Coded & { name: string; of: Points }) | null>(null);
  const [map, setMap] = useState<{ xy: Int16Array; words: string; of: Points } | null>(null);
  const latest = useRef(data);
  latest.current = data;

  const raw = data.sphere;
  const rest = more && raw && sameFaces(more.of, raw) && more.key === data.key ? more : null;
  const points = useMemo(
    () => (raw?.xyz ? unpack(raw, rest?.sphere) : null),
    [raw?.xyz, raw?.code, raw?.score, rest],
  );
  const ours = field && field.of === points && field.name === by ? field : null;
  const colouredBy = isField(by) && !ours ? "label" : by;
  const colours = useMemo(
    () => (points ? colouring(points, colouredBy, ours) : null),
    [points, by, ours],
  );
  const umap = map && map.of === points ? map : null;
  const ask: Ask = (uri, params, then) =>
    trigger(uri, { ...params, side: on.side ?? 1, n: points?.n ?? 0 }, undefined, (answer) =>
      then(answer?.result as never),
    );

  useEffect(() => {
    if (!raw?.partial || rest) return;
    const of = raw;
    const key = data.key;
    ask<Rest>(on.on_rest, { key }, (found) => {
      if (found && found.key === key) {
        setMore({ ...found, of, before: latest.current.selected });
      } else setMore({ of, key, failed: true });
    });
  }, [raw?.xyz, raw?.code, data.key, !rest]);

  useEffect(() => {
    if (!points || !isField(by) || ours) return;
    ask<Field>(on.on_colour, { name: by }, (found) => {
      if (!found) return setBy("label");
      const bytes = decode(found.codes);
      const codes = found.wide ? new Uint16Array(bytes) : new Uint8Array(bytes);
      setField({ ...found, of: points, codes });
    });
  }, [points, by]);

  useEffect(() => {
    if (!points || !umapShown || umap) return;
    ask<Umap>(on.on_umap, {}, (found) => {
      if (!found) return setMode("2d");
      setMap({ of: points, xy: new Int16Array(decode(found.xy)), words: found.words });
    });
  }, [points, umapShown]);

  return { points, colours, colouredBy, umap, rest, ask, forget: () => setMore(null) };
}
