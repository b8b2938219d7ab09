/** A video file whose frames are caught one by one.
 *
 * A frame is known by the time that the browser tells with it (`mediaTime`), never by the clock of
 * the element. */
import { sampleSource } from "../app/given.ts";
import type { Preview, Side } from "../sent/player.ts";
import { Ring, type Film, type Picture } from "./film.ts";
import { Table } from "./table.ts";

/** ms until a frame that was sought is given up, and until it is sought once more */
const PATIENCE = 4000;
const AGAIN = 900;
const ELSEWHERE = "The browser shows this file's frames at other times than they have. ";
const UNREACHED = "The browser does not find every frame of this file. ";

export type AskPreview = (side: Side, index: number) => Promise<Preview>;

/** A video file, or a preview of a part of it. */
export class Reel implements Film {
  readonly side: Side;
  readonly table: Table;
  readonly video: HTMLVideoElement;
  private readonly ask: AskPreview;
  words = "";
  failed = false;
  onFrame = (_: number): void => undefined;
  onChange = (): void => undefined;
  private readonly ring = new Ring();
  private offset: number | null = null; // s that the element adds to the table's times
  private shown = -1;
  private listening = 0;
  private waiting: (() => void)[] = [];
  private part: Preview | null = null;
  private loading: Promise<void>;
  private closed = false;

  constructor(side: Side, video: HTMLVideoElement, ask: AskPreview) {
    this.side = side;
    this.video = video;
    this.ask = ask;
    this.table = Table.of(side);
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    if (!("requestVideoFrameCallback" in video)) {
      this.fail("This browser does not tell which frame it shows: use a newer one.");
      this.loading = Promise.resolve();
      return;
    }
    const native = side.type && video.canPlayType(side.type);
    this.loading = native
      ? this.load(side.path).then((fine) => (fine ? undefined : this.prepare(0)))
      : this.prepare(0);
  }

  get kept(): readonly Picture[] {
    return this.ring.kept;
  }

  picture(index: number): Picture | undefined {
    return this.ring.get(index);
  }

  async show(index: number): Promise<number> {
    await this.ready(index);
    const { video } = this;
    const begun = performance.now();
    let sought = -Infinity;
    while (!this.closed && !this.failed && (this.shown !== index || video.seeking)) {
      const now = performance.now();
      if (now - begun > PATIENCE) break;
      if (now - begun > 3 * AGAIN && !this.part) this.doubt(UNREACHED);
      else if (now - sought > AGAIN && !video.seeking) {
        // the second time a little later, still within the frame
        const share = sought < 0 ? 0.5 : 0.75;
        const { times } = this.table;
        video.currentTime = this.told(times[index]! + share * (this.table.end(index) - times[index]!));
        sought = now;
      }
      await this.wait(120);
      await this.ready(index); // meanwhile a preview may have taken the file's place
    }
    return this.failed ? -1 : this.shown;
  }

  /** Waits until what holds a frame is loaded: nothing is sought before. */
  private async ready(index: number): Promise<void> {
    for (let before; before !== this.loading; ) await (before = this.loading);
    if (!this.failed && !this.closed && !this.holds(index)) {
      await (this.loading = this.prepare(index));
    }
  }

  async play(rate: number): Promise<void> {
    await this.loading;
    if (this.failed) return;
    this.video.playbackRate = rate;
    await this.video.play().catch(() => undefined); // paused again at once
  }

  pause(): void {
    this.video.pause();
    this.video.playbackRate = 1;
  }

  follow(index: number, late: number, rate: number): void {
    if (this.failed || this.offset === null) return;
    const { video } = this;
    if (Math.abs(late) > 0.4 && this.holds(index)) {
      if (!video.seeking) video.currentTime = this.told(this.table.middle(index));
    } else if (!video.seeking) {
      const faster = Math.max(-0.25, Math.min(0.25, 2 * late));
      video.playbackRate = Math.max(0.1, rate * (1 + faster));
    }
    if (video.paused && !video.ended) void video.play().catch(() => undefined);
  }

  /** The part of the film that is there has ended. */
  get ended(): boolean {
    return this.video.ended;
  }

  close(): void {
    this.closed = true;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.ring.clear();
    this.wake();
  }

  private get first(): number {
    return this.part?.first ?? 0;
  }

  private holds(index: number): boolean {
    return !this.part || (index >= this.first && index < this.first + this.part.frames);
  }

  /** The element's time of a time of the table. */
  private told(seconds: number): number {
    return seconds - this.table.times[this.first]! + (this.offset ?? 0);
  }

  /** Catches the frames of what is loaded now, and none of what was loaded before. */
  private listen(): void {
    const { video } = this;
    video.cancelVideoFrameCallback(this.listening);
    const next = () => void (this.listening = video.requestVideoFrameCallback(caught));
    const caught = (_: number, about: { mediaTime: number }) => {
      if (this.closed) return;
      next();
      this.caught(about.mediaTime);
    };
    next();
  }

  private caught(mediaTime: number): void {
    if (this.offset === null) this.offset = mediaTime; // the first frame of what was loaded
    const seconds = mediaTime - this.offset + this.table.times[this.first]!;
    const { index, exact } = this.table.nearest(seconds);
    if (!exact && !this.part) return this.doubt(ELSEWHERE);
    this.shown = index;
    this.ring.catch(index, this.video, this.video.videoWidth, this.video.videoHeight);
    this.wake();
    this.onFrame(index);
  }

  /** The browser does not show the file's frames as they are: only a preview can be trusted. */
  private doubt(why: string): void {
    if (this.part || this.failed) return;
    this.shown = -1;
    this.loading = this.prepare(0);
    void this.loading.then(() => {
      if (!this.failed && this.part) this.words = why + this.part.words;
      this.onChange();
    });
  }

  /** Loads a file; false if the browser cannot play it. */
  private async load(path: string): Promise<boolean> {
    const { video } = this;
    this.offset = null;
    this.shown = -1;
    this.ring.clear();
    const loaded = new Promise<boolean>((done) => {
      video.onloadeddata = () => done(true);
      video.onerror = () => done(false);
    });
    video.src = sampleSource(path);
    this.listen();
    if (!(await loaded) || this.closed) return false;
    if (!video.videoWidth) return false; // only its sound can be played
    for (let i = 0; i < 40 && this.offset === null && !this.closed; i++) await this.wait(100);
    return this.offset !== null && this.startsRight();
  }

  /** Whether the first frame has a time that the file's first frame may have. */
  private startsRight(): boolean {
    if (this.part) return true;
    const { times } = this.table;
    const may = [0, times[0]!, times[0]! - this.side.start];
    const near = 0.5 * (this.table.end(0) - times[0]!);
    return may.some((seconds) => Math.abs(this.offset! - seconds) < near);
  }

  private async prepare(index: number): Promise<void> {
    this.words = "Preparing a preview …";
    this.onChange();
    try {
      const part = await this.ask(this.side, index);
      if (this.closed) return;
      this.part = part;
      const fine = await this.load(part.path);
      if (this.closed) return;
      if (!fine) this.fail("This browser cannot play the preview of this video.");
      else this.words = part.why + part.words;
    } catch (why) {
      this.fail(why instanceof Error ? why.message : String(why));
    }
    this.onChange();
  }

  private fail(words: string): void {
    this.words = words;
    this.failed = true;
    this.onChange();
    this.wake();
  }

  private wait(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.waiting.push(() => {
        clearTimeout(timer);
        done();
      });
    });
  }

  private wake(): void {
    for (const go of this.waiting.splice(0)) go();
  }
}
