/** Two films that show the same moment: seeks both, plays both, and tells which pair is there.
 *
 * While they play, a pair is shown only when both frames are there. The second film is made a little
 * faster or slower, or is sought, so that it stays beside the first. */
import type { Film, Picture } from "./film.ts";
import { partner, type Table } from "./table.ts";

export interface Moment {
  /** index of the leading film's frame */
  index: number;
  first: Picture | undefined;
  second: Picture | undefined;
}

export type Loop = [from: number, to: number] | null;

export class Duo {
  playing = false;
  rate = 1;
  loop: Loop = null;
  moment: Moment = { index: 0, first: undefined, second: undefined };
  private wanted: number | null = null;
  private seeking = false;
  private closed = false;
  readonly lead: Film;
  readonly beside: Film | null;
  private readonly sync: "number" | "time";
  private readonly onMoment: (moment: Moment) => void;
  private readonly onChange: () => void;

  /**
   * @param lead the film whose frames count
   * @param beside the other one, if there is one
   * @param sync how they go together
   * @param onMoment called with each pair that is there
   * @param onChange called when it starts, stops, or something is to be said
   */
  constructor(
    lead: Film,
    beside: Film | null,
    sync: "number" | "time",
    onMoment: (moment: Moment) => void,
    onChange: () => void,
  ) {
    this.lead = lead;
    this.beside = beside;
    this.sync = sync;
    this.onMoment = onMoment;
    this.onChange = onChange;
    lead.onFrame = () => this.caught();
    lead.onChange = onChange;
    if (beside) {
      beside.onFrame = () => this.pair();
      beside.onChange = onChange;
    }
  }

  get table(): Table {
    return this.lead.table;
  }

  /** The frame of the second film that goes with one of the first. */
  other(index: number): number {
    return this.beside ? partner(this.table, this.beside.table, this.sync, index) : -1;
  }

  /** Shows a frame; of several calls the last one counts. */
  async seek(index: number): Promise<void> {
    this.wanted = this.table.clamp(index);
    if (this.seeking) return;
    this.seeking = true;
    while (this.wanted !== null && !this.closed) {
      const aim: number = this.wanted;
      const usable = this.beside && !this.beside.failed ? this.beside : null;
      const [first] = await Promise.all([this.lead.show(aim), usable?.show(this.other(aim))]);
      if (this.wanted !== aim) continue;
      this.wanted = null;
      const index = first < 0 ? aim : first; // the frame that is there, not the one that was asked for
      this.show(index, this.lead.picture(index), usable?.picture(this.other(index)));
    }
    this.seeking = false;
    this.onChange();
  }

  async play(): Promise<void> {
    if (this.playing || this.closed) return;
    const { index } = this.moment;
    const [from, to] = this.loop ?? [0, this.table.length - 1];
    if (index >= to || index < from) await this.seek(from);
    this.playing = true;
    this.onChange();
    await this.run();
  }

  async pause(): Promise<void> {
    if (!this.playing) return;
    this.playing = false;
    this.stop();
    await this.seek(this.moment.index); // both at the very frame that was shown last
  }

  setRate(rate: number): void {
    this.rate = rate;
    if (this.playing) void this.run();
    this.onChange();
  }

  close(): void {
    this.closed = true;
    this.playing = false;
    this.lead.close();
    this.beside?.close();
  }

  private async run(): Promise<void> {
    await Promise.all([this.lead.play(this.rate), this.beside?.play(this.rate)]);
    if (!this.playing) this.stop();
  }

  private stop(): void {
    this.lead.pause();
    this.beside?.pause();
  }

  private caught(): void {
    const newest = this.lead.kept[0];
    if (!newest || this.closed) return;
    if (this.playing && this.beside && !this.beside.failed) {
      const aim = this.other(newest.index);
      const there = this.beside.kept[0];
      const { times } = this.beside.table;
      const late = there ? times[aim]! - times[there.index]! : 0;
      this.beside.follow(aim, late, this.rate);
    }
    this.pair();
    if (this.playing) this.goOn(newest.index);
  }

  /** Shows the newest pair of which both frames are there. */
  private pair(): void {
    if (!this.playing || this.seeking || this.closed) return;
    const alone = !this.beside || this.beside.failed;
    for (const first of this.lead.kept) {
      const second = alone ? undefined : this.beside!.picture(this.other(first.index));
      if (!alone && !second) continue;
      if (first.index !== this.moment.index) this.show(first.index, first, second);
      return;
    }
  }

  private show(index: number, first: Picture | undefined, second: Picture | undefined): void {
    this.moment = { index, first, second };
    this.onMoment(this.moment);
  }

  /** At the end of the span, of a preview or of the film: begins again, goes on, or stops. */
  private goOn(index: number): void {
    const last = this.table.length - 1;
    if (this.loop && index >= this.loop[1]) void this.from(this.loop[0]);
    else if (index >= last) void this.pause();
    else if (this.lead.ended) void this.from(index + 1);
  }

  private async from(index: number): Promise<void> {
    if (this.seeking) return;
    this.stop();
    await this.seek(index);
    if (this.playing) await this.run();
  }
}
