/** Moves the open video's player to data.frame whenever data.when changes. */
import { h, useEffect, usePlayer } from "../app/given.ts";
import { useStyle } from "../app/style.ts";
import { number } from "../app/words.ts";
import type { Seek } from "../sent/timeline.ts";

const BY_HAND = "This version of the App does not let a plugin move its player: go to the frame by hand.";
const BESIDE =
  "Put this panel beside the player (split it, next to its tab): a click on a point then moves " +
  "the player to its frame.";
const CLICK = "Click a point: the player goes to its frame.";

export function Player({ data }: { data?: Partial<Seek> }) {
  useStyle();
  const player = usePlayer();
  const frame = data?.frame;
  const able = !!player?.updater;
  useEffect(() => {
    if (frame && able) player.updater!({ playing: false, frameNumber: frame });
  }, [data?.when]);
  // a hidden tab is not mounted
  const seen = able && document.querySelector('[data-cy="modal-looker-container"]');
  const words =
    player === undefined
      ? BY_HAND
      : !seen
        ? BESIDE
        : frame
          ? "The player is at frame " + number(frame) + "."
          : CLICK;
  return (
    <div className="mf mf-dim" role="status" data-cy="mf-player">
      {words}
    </div>
  );
}
