/** Which face or video the player is to open; any panel may ask for one. */
import { useEffect, useState } from "./given.ts";

export interface Wanted {
  /** a sample, or a video by its id */
  sample?: string;
  video?: string;
  /** frame number */
  frame?: number;
}

let wanted: Wanted | null = null;
const listeners = new Set<() => void>();

/** Asks the player to open `what`; one that is opened later takes it too. */
export function playIt(what: Wanted): void {
  wanted = what;
  for (const tell of [...listeners]) tell();
}

/** Whether a player is open, visible or not. */
export const playerIsOpen = (): boolean => listeners.size > 0;

/** What was asked for last and is not taken yet; taken by this call. */
export function take(): Wanted | null {
  const now = wanted;
  wanted = null;
  return now;
}

/** Renders again whenever something is asked for. */
export function useWanted(): number {
  const [n, count] = useState(0);
  useEffect(() => {
    const tell = () => count((old) => old + 1);
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return n;
}
