/** What the timeline's panel sends to its player. */

/** Sent by: operators/panels/timeline/timeline.py on_point player */
export interface Seek {
  frame: number | null;
  when: number;
  /** to open in the panel that plays videos; null: in the open sample */
  sample: string | null;
}
