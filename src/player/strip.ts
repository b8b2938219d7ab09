/** A sequence of pictures, frames that are files of their own. */
import { sampleSource } from "../app/given.ts";
import type { Side } from "../sent/player.ts";
import { Ring, type Film, type Picture } from "./film.ts";
import { PICTURES_A_SECOND, Table } from "./table.ts";

export class Strip implements Film {
  readonly side: Side;
  readonly table: Table;
  words = "";
  failed = false;
  onFrame = (_: number): void => undefined;
  onChange = (): void => undefined;
  private readonly ring = new Ring();
  private timer: ReturnType<typeof setInterval> | undefined;
  private at = 0;

  constructor(side: Side) {
    this.side = side;
    this.table = Table.of(side);
  }

  get kept(): readonly Picture[] {
    return this.ring.kept;
  }

  picture(index: number): Picture | undefined {
    return this.ring.get(index);
  }

  async show(index: number): Promise<number> {
    this.at = index;
    const image = new Image();
    image.src = sampleSource(this.side.files[index]!);
    try {
      await image.decode();
    } catch {
      this.words = "Picture " + this.table.numberOf(index) + " cannot be read.";
      this.onChange();
      return -1;
    }
    this.ring.catch(index, image, image.naturalWidth, image.naturalHeight);
    this.onFrame(index);
    return index;
  }

  async play(rate: number): Promise<void> {
    this.pause();
    this.timer = setInterval(() => {
      if (this.at + 1 < this.table.length) void this.show(this.at + 1);
      else this.pause();
    }, 1000 / (PICTURES_A_SECOND * rate));
  }

  pause(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  follow(index: number): void {
    this.pause(); // it shows what the other side shows
    if (this.at !== index) void this.show(index);
  }

  get ended(): boolean {
    return this.at + 1 >= this.table.length;
  }

  close(): void {
    this.pause();
    this.ring.clear();
  }
}
