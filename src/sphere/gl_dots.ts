/** Draws points with WebGL 2, into a canvas of its own that is then laid over what lies behind.
 *
 * Each point is the same pixels in the same colours and order as on the plain canvas. */
import { BORDER, type Dots, type Paint, type Scene } from "./dots.ts";
import type { Sprite } from "./sprite.ts";
import type { At } from "./view.ts";

const VERTEX = `#version 300 es
in vec3 place;
in uint look;
in uint label;
uniform vec4 rows[3]; // of View.matrix
uniform vec2 size; // of the canvas
uniform uint groups;
uniform bool faded, front, lit;
uniform vec2 wide; // of the sprites
uniform sampler2D palette;
flat out vec4 colour;
flat out int shape;

void main() {
  vec4 p = vec4(place, 1.);
  vec2 at = floor(vec2(dot(rows[0], p), dot(rows[1], p)) + .5);
  bool seen = look != 0u && (dot(rows[2], p) <= 0.) == front && (!faded || (look <= groups) == lit)
    && all(greaterThanEqual(at, vec2(${BORDER}))) && all(lessThan(at, size - ${BORDER}.));
  shape = label == 1u ? 1 : 0;
  colour = texelFetch(palette, ivec2(int(look), front ? 0 : 1), 0);
  vec2 clip = (at + .5) / size * 2. - 1.;
  gl_Position = seen ? vec4(clip.x, -clip.y, 0., 1.) : vec4(2., 2., 2., 1.);
  gl_PointSize = shape == 1 ? wide.y : wide.x;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 colour;
flat in int shape;
uniform bool front;
uniform vec2 wide;
uniform vec3 rim;
uniform sampler2D sprites; // coverage by the shape and by its rim; the second shape right of the first
out vec4 pixel;

void main() {
  ivec2 at = ivec2(gl_PointCoord * (shape == 1 ? wide.y : wide.x));
  vec2 cover = texelFetch(sprites, at + ivec2(shape * int(wide.x), 0), 0).rg;
  float around = front ? (1. - cover.r) * cover.g : 0.;
  pixel = vec4(colour.rgb * cover.r + rim * around, cover.r + around);
  if (pixel.a == 0.) discard;
}`;

const ATTRIBUTES = ["place", "look", "label"] as const;
const UNIFORMS = [
  "rows",
  "size",
  "groups",
  "faded",
  "front",
  "lit",
  "wide",
  "rim",
  "palette",
  "sprites",
] as const;
const PALETTE = 0;
const SPRITES = 1;
/** Bytes of a place, look and label. */
const BYTES = { place: 12, look: 2, label: 1 };
/** WebGL's largest stride is 255 bytes: at most every 16th place can be skipped to. */
const LARGEST_STEP = 16;

type Gl = WebGL2RenderingContext;

function linked(gl: Gl): WebGLProgram {
  const program = gl.createProgram()!;
  for (const [kind, code] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, code);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  ATTRIBUTES.forEach((name, i) => gl.bindAttribLocation(program, i, name));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(gl.getProgramInfoLog(program) ?? "WebGL did not link");
  }
  gl.useProgram(program);
  return program;
}

/** Two sprites beside each other as bytes of coverage: red the shape, green its rim. */
function spriteImage([first, second]: [Sprite, Sprite]): { wide: At; image: Uint8Array } {
  const wide: At = [2 * first.size + 1, 2 * second.size + 1];
  const width = wide[0] + wide[1];
  const image = new Uint8Array(2 * width * Math.max(...wide));
  [first, second].forEach(({ fill, rim }, shape) => {
    const own = wide[shape];
    for (let at = 0; at < fill.length; at++) {
      const column = (at % own) + (shape ? wide[0] : 0);
      const pixel = 2 * (Math.floor(at / own) * width + column);
      image[pixel] = Math.round((fill[at] * 255) / 256);
      image[pixel + 1] = Math.round((rim[at] * 255) / 256);
    }
  });
  return { wide, image };
}

export class GlDots implements Dots {
  readonly onPixels = false;
  lost = false;
  private readonly canvas = document.createElement("canvas");
  private readonly gl: Gl;
  private readonly uniform: Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;
  private readonly buffer: Record<(typeof ATTRIBUTES)[number], WebGLBuffer | null>;
  /** What the buffers hold. */
  private held: { place?: unknown; look?: unknown; label?: unknown } = {};
  private readonly onLost: () => void;

  /** Throws where there is no WebGL 2. */
  constructor(onLost: () => void = () => undefined) {
    const options: WebGLContextAttributes = { antialias: false, depth: false, stencil: false };
    const gl = this.canvas.getContext("webgl2", options);
    if (!gl) throw new Error("there is no WebGL 2");
    this.gl = gl;
    this.onLost = () => {
      this.lost = true;
      onLost();
    };
    this.canvas.addEventListener("webglcontextlost", this.onLost);
    const program = linked(gl);
    const places = UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]);
    this.uniform = Object.fromEntries(places);
    this.buffer = Object.fromEntries(ATTRIBUTES.map((name) => [name, gl.createBuffer()])) as never;
    gl.uniform1i(this.uniform.palette, PALETTE);
    gl.uniform1i(this.uniform.sprites, SPRITES);
    for (const unit of [PALETTE, SPRITES]) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    }
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  draw(g: CanvasRenderingContext2D, scene: Scene): number | undefined {
    const { w, h } = scene.view;
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    const isNew = this.fill(scene);
    this.paint(scene.paint, scene.groups);
    this.points(scene);
    // once for new points: what a frame of them takes
    const took = isNew ? this.timed(scene) : undefined;
    g.drawImage(this.canvas, 0, 0);
    return took;
  }

  /** ms of a frame, waited for. */
  timed(scene: Scene): number {
    this.wait();
    const start = performance.now();
    this.points(scene);
    this.wait();
    return performance.now() - start;
  }

  dispose(): void {
    this.canvas.removeEventListener("webglcontextlost", this.onLost);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private wait(): void {
    const { gl } = this;
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /** Bring the buffers up to date; returns whether the points are others. */
  private fill({ view, points, look, looked }: Scene): boolean {
    const isNew = this.held.label !== points.label;
    this.upload("place", view.P, view.P);
    this.upload("look", look, looked);
    this.upload("label", points.label, points.label);
    return isNew;
  }

  private upload(name: (typeof ATTRIBUTES)[number], data: ArrayBufferView, as: unknown): void {
    const { gl } = this;
    if (this.held[name] === as) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer[name]);
    gl.bufferData(gl.ARRAY_BUFFER, data as ArrayBufferView<ArrayBuffer>, gl.DYNAMIC_DRAW);
    this.held[name] = as;
  }

  private paint({ shapes, near, far, rim }: Paint, groups: number): void {
    const { gl, uniform } = this;
    gl.activeTexture(gl.TEXTURE0 + PALETTE);
    const colours = new Uint8Array(Uint32Array.from([...near, ...far]).buffer);
    const rgba = [gl.RGBA, gl.UNSIGNED_BYTE] as const;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, near.length, 2, 0, ...rgba, colours);
    const { wide, image } = spriteImage(shapes);
    gl.activeTexture(gl.TEXTURE0 + SPRITES);
    const area = [wide[0] + wide[1], Math.max(...wide)] as const;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, ...area, 0, gl.RG, gl.UNSIGNED_BYTE, image);
    gl.uniform2f(uniform.wide, ...wide);
    gl.uniform3f(uniform.rim, (rim & 255) / 255, ((rim >> 8) & 255) / 255, ((rim >> 16) & 255) / 255);
    gl.uniform1ui(uniform.groups, groups);
  }

  /** Far points first, then those in front; where some are lit, these above all others. */
  private points({ view, faded, points, step }: Scene): void {
    const { gl, uniform } = this;
    const every = Math.min(step, LARGEST_STEP);
    ATTRIBUTES.forEach((name, i) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer[name]);
      gl.enableVertexAttribArray(i);
      const stride = every > 1 ? BYTES[name] * every : 0;
      if (name === "place") gl.vertexAttribPointer(i, 3, gl.FLOAT, false, stride, 0);
      else {
        const type = name === "look" ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
        gl.vertexAttribIPointer(i, 1, type, stride, 0);
      }
    });
    gl.viewport(0, 0, view.w, view.h);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4fv(uniform.rows, view.matrix());
    gl.uniform2f(uniform.size, view.w, view.h);
    gl.uniform1i(uniform.faded, +faded);
    for (const lit of faded ? [0, 1] : [1]) {
      for (const front of view.mode === "3d" ? [0, 1] : [1]) {
        gl.uniform1i(uniform.lit, lit);
        gl.uniform1i(uniform.front, front);
        gl.drawArrays(gl.POINTS, 0, Math.ceil(points.n / every));
      }
    }
  }
}
