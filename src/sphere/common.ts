/** What two spheres beside each other have in common: view, drawing, colour. */
import { useEffect, useState } from "../app/given.ts";
import type { Mode } from "./view.ts";

/** "stretched": on the surface, angles stretched; "true": on the surface; "ball": inside it. */
export type Drawn = "stretched" | "true" | "ball";

interface Common {
  mode: Mode;
  shape: Drawn;
  by: string;
  hidden: Set<number>;
}

const common: Common = { mode: "3d", shape: "stretched", by: "label", hidden: new Set() };
const watchers = new Set<() => void>();

export function useCommon<K extends keyof Common>(
  name: K,
): [value: Common[K], set: (value: Common[K]) => void] {
  const [, redraw] = useState(0);
  useEffect(() => {
    const again = () => redraw((k) => k + 1);
    watchers.add(again);
    return () => {
      watchers.delete(again);
    };
  }, []);
  const set = (value: Common[K]) => {
    common[name] = value;
    watchers.forEach((again) => again());
  };
  return [common[name], set];
}
