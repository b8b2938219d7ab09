/** Asks Python and gets the answer where it was asked; the panel's data stay as they are. */
import { useCallback, useRef, useTrigger } from "./given.ts";
import type { Refused } from "../sent/review.ts";

const FAILED: Refused = { message: "The App does not answer.", hint: "Try again." };

export type Ask = <T>(
  uri: string,
  params: object,
  then: (answer: T) => void,
  refused: (why: Refused) => void,
) => void;

export function useAsk(): Ask {
  const now = useTrigger();
  const trigger = useRef(now);
  trigger.current = now;
  return useCallback<Ask>((uri, params, then, refused) => {
    trigger.current(uri, { ...params }, undefined, (back) => {
      const answer = back?.result as { refused?: Refused } | undefined;
      if (answer && !answer.refused) then(answer as never);
      else refused(answer?.refused ?? FAILED);
      return false;
    });
  }, []);
}
