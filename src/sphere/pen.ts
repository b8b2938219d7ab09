/** Lines and words on a canvas, in the theme's colours. */
import type { Rgb } from "../app/colours.ts";
import type { At } from "./view.ts";

export interface Theme {
  back: Rgb;
  text: string;
  dim: string;
  font: string;
}

export class Pen {
  readonly g: CanvasRenderingContext2D;
  ratio = 1;
  theme: Theme = { back: [26, 26, 26], text: "#fff", dim: "#999", font: "sans-serif" };
  private known = "";
  private knownRgb: Rgb = [26, 26, 26];

  constructor(g: CanvasRenderingContext2D) {
    this.g = g;
  }

  /** Take the colours that the App's theme has now. */
  readTheme(): void {
    const css = getComputedStyle(this.g.canvas);
    this.theme = {
      back: this.rgbOf(css.getPropertyValue("--fo-palette-background-mediaSpace") || "#1a1a1a"),
      font: css.fontFamily,
      text: css.getPropertyValue("--fo-palette-text-primary") || "#fff",
      dim: css.getPropertyValue("--fo-palette-text-secondary") || "#999",
    };
  }

  private rgbOf(text: string): Rgb {
    if (this.known !== text) {
      const probe = document.createElement("canvas").getContext("2d")!;
      probe.fillStyle = text.trim();
      probe.fillRect(0, 0, 1, 1);
      const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
      this.known = text;
      this.knownRgb = [red, green, blue];
    }
    return this.knownRgb;
  }

  /** Through places in device px; `width` and `dash` in css px. */
  line(places: ArrayLike<number>[], style: string, width: number, dash: number[] = []): void {
    const { g, ratio } = this;
    g.beginPath();
    g.strokeStyle = style;
    g.lineWidth = width * ratio;
    g.setLineDash(dash.map((d) => d * ratio));
    places.forEach((p, i) => (i ? g.lineTo(p[0], p[1]) : g.moveTo(p[0], p[1])));
    g.stroke();
    g.setLineDash([]);
  }

  /** The same, with an opacity. */
  faint(opacity: number, draw: () => void): void {
    this.g.globalAlpha = opacity;
    draw();
    this.g.globalAlpha = 1;
  }

  /** Centred bold text; with a halo it can be read above points; `size` makes it small and thin. */
  text(words: string, [x, y]: ArrayLike<number> & Iterable<number>, colour: string, more: { halo?: boolean; size?: number; bold?: boolean } = {}): void {
    const { g, ratio, theme } = this;
    const { halo, size = 12, bold = true } = more;
    g.font = `${bold ? 600 : 400} ${size * ratio}px ${theme.font}`;
    g.textAlign = "center";
    g.textBaseline = "middle";
    if (halo) {
      g.strokeStyle = `rgb(${theme.back.join(",")})`;
      g.lineWidth = 4 * ratio;
      g.strokeText(words, x, y);
    }
    g.fillStyle = colour;
    g.fillText(words, x, y);
  }

  /** Draw turned by a quarter to the left, around a place. */
  upwards([x, y]: At, draw: () => void): void {
    const { g } = this;
    g.save();
    g.translate(x, y);
    g.rotate(-Math.PI / 2);
    draw();
    g.restore();
  }

  circle([x, y]: At, radius: number, style: string, width: number): void {
    const { g } = this;
    g.beginPath();
    g.strokeStyle = style;
    g.lineWidth = width * this.ratio;
    g.arc(x, y, radius, 0, 7);
    g.stroke();
  }
}
