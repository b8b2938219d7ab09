/** Sends a panel's events to Python. */
import { useCallback, useEffect, useRef, useState, useTrigger } from "./given.ts";
import { Queue, type Params } from "./queue.ts";

/** `R` is what the method in Python returns. */
export type Send = <R>(
  uri: string | undefined,
  params: Params,
  then?: (result: R | undefined) => void,
) => void;

const queues = new Map<string, Queue>();

function queueOf(name: string): Queue {
  const there = queues.get(name) ?? new Queue();
  queues.set(name, there);
  return there;
}

/** Sends for the panel called `name`, whose data last answered event number `rev`. */
export function useEvents(name: string, rev?: number | null): Send {
  const now = useTrigger();
  const trigger = useRef(now);
  trigger.current = now;
  const queue = queueOf(name);
  useEffect(() => queue.saw(rev ?? 0), [rev]);
  useEffect(() => queue.open(), []);
  return useCallback<Send>((uri, params, then) => {
    if (uri) queue.add(uri, params, then, trigger);
  }, []);
}

/** The value of a control of the panel called `name`, and how to set it here.
 *
 * It is what Python says (`said`), but for the time in which Python has not yet answered the newest
 * change: an answer to an earlier event does not put it back. */
export function useControl<V>(name: string, control: string, said: V): [V, (value: V) => void] {
  const queue = queueOf(name);
  const [value, setValue] = useState(said);
  const newest = useRef(said);
  newest.current = said;
  const settle = () => {
    if (!queue.holds(control)) setValue(newest.current);
  };
  useEffect(settle, [said]);
  useEffect(() => queue.listen(settle), []);
  return [value, setValue];
}
