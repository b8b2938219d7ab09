/** What the timeline's panel sends to its player. */

/** Sent by: operators/panels/timeline/timeline.py on_point player */
export interface Seek {
  frame: number;
  when: number;
}
