/** Moves the open video's player, or the panel that plays videos, to data.frame at each data.when. */
import { h, useEffect, usePlayer, useRef } from "../app/given.ts";
import { playIt } from "../app/playing.ts";
import { number } from "../app/words.ts";
import type { Seek } from "../sent/timeline.ts";

const BY_HAND = "This version of the App does not let a plugin move its player: go to the frame by hand.";
const BESIDE =
  "Put this panel beside the player (split it, next to its tab): a click on a point then moves " +
  "the player to its frame.";
const BESIDE_GRID = "Click a point: the panel Player shows it.";
const CLICK = "Click a point: the player goes to its frame.";

interface PlayerProps {
  data?: Partial<Seek>;
  schema: { view: { beside?: boolean } };
}

export function Player({ data, schema }: PlayerProps) {
  const player = usePlayer();
  const frame = data?.frame;
  const sample = data?.sample;
  const able = !!player?.updater;
  const played = useRef(data?.when); // what was clicked before this was mounted is done
  useEffect(() => {
    if (data?.when === played.current) return;
    played.current = data?.when;
    if (sample) playIt({ sample, frame: frame ?? undefined });
    else if (frame && able) player.updater!({ playing: false, frameNumber: frame });
  }, [data?.when]);
  // a hidden tab is not mounted
  const seen = able && document.querySelector('[data-cy="modal-looker-container"]');
  const words =
    schema.view.beside
      ? BESIDE_GRID
      : player === undefined
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
