"""Frames of the hypersphere in a browser at 100,000 and 1,000,000 faces.

    python benchmarks/sphere_frames.py                 # both
    python benchmarks/sphere_frames.py --faces 100000

The payload is that of the panel for random faces; the page runs dist/index.umd.js as it is, without
the App around it, in a canvas of 760 x 470 pixels. Measured are

* ready: from the payload's text to the first picture;
* moving: a turn in small steps, as a drag makes them. Drawn are as many points as fit into a frame;
* full: the same with all points in every frame, which is what follows when the picture rests;
* lasso: the faces inside a ring of 40 corners.

Baseline, in the same browser: the same points with WebGL, all of them in every frame, waited for by
reading a pixel back. Which renderer WebGL had is printed; "SwiftShader" is no graphics card, and
says nothing about one. The fastest frame is what the machine can do, the median what it did beside
whatever else ran.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_mount"))
sys.path.insert(0, str(ROOT / "tests" / "browser"))

import numpy as np  # noqa: E402 - after the path

log = logging.getLogger("benchmark")

PAGE = """<body style="margin:0;background:#222">
<canvas id="flat" style="width:760px;height:470px;display:block"></canvas>
<canvas id="gl" width="760" height="470"></canvas></body>"""

#: What FiftyOne gives to plugins, as far as the file asks for it when it is loaded.
STUBS = """
window.React = { createElement() {} }; window.__foo__ = {};
window.__fop__ = { PluginComponentType: {}, registerComponent: (c) => {
  if (c.component.parts) window.parts = c.component.parts; } };
"""

FRAMES = """
async ([text, frames]) => {
  const { Painter, unpack, colouring } = window.parts, out = {};
  const begin = performance.now();
  const p = new Painter(document.getElementById('flat')), data = unpack(JSON.parse(text));
  p.colours = colouring(data, 'label'); p.setData(data); p.draw();
  out.ready = performance.now() - begin;
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const run = async (moving) => {
    const ms = [], gaps = []; let last = 0;
    await new Promise((done) => {
      const frame = (now) => {
        if (last) gaps.push(now - last);
        last = now; p.moving = moving; p.turn = [p.turn[0] + 0.02, p.turn[1]]; p.draw();
        ms.push(p.ms);
        if (ms.length < frames) requestAnimationFrame(frame); else done();
      };
      requestAnimationFrame(frame);
    });
    const settled = ms.slice(frames >> 1); // the number of points follows the time of a frame
    return { best: Math.min(...settled), median: median(settled),
      gap: median(gaps.slice(frames >> 1)), drawn: Math.ceil(data.n / p.step) };
  };
  out.moving = await run(true); out.full = await run(false);
  const ring = Array.from({ length: 40 }, (_, k) => k / 6.37)
    .map((t) => [380 + 150 * Math.cos(t), 235 + 150 * Math.sin(t)]);
  const start = performance.now();
  out.inside = p.inside(ring).length; out.lasso = performance.now() - start;
  return out;
}
"""

WEBGL = """
async ([text, frames]) => {
  const { unpack } = window.parts, { n, xyz, label } = unpack(JSON.parse(text));
  const gl = document.getElementById('gl').getContext('webgl', { antialias: false, depth: false });
  if (!gl) return null;
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const program = gl.createProgram();
  const part = (kind, code) => {
    const s = gl.createShader(kind); gl.shaderSource(s, code); gl.compileShader(s);
    gl.attachShader(program, s); };
  part(gl.VERTEX_SHADER, `attribute vec3 a; attribute float b; uniform vec4 r; uniform float far;
    varying float v; void main() {
      float z1 = -r.y * a.x + r.x * a.z, z2 = r.w * a.y + r.z * z1; v = b;
      gl_Position = vec4((r.x * a.x + r.y * a.z) * .5, (r.z * a.y - r.w * z1) * .8,
        z2 * far > 0. ? 0. : 9., 1.); gl_PointSize = 3.; }`);
  part(gl.FRAGMENT_SHADER, `precision mediump float; varying float v; void main() {
    vec2 q = gl_PointCoord - .5; if (dot(q, q) > .25) discard;
    gl_FragColor = v > .5 ? vec4(.84, .37, 0., 1.) : vec4(0., .45, .7, 1.); }`);
  gl.linkProgram(program); gl.useProgram(program);
  const feed = (name, data, size, kind, unit) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(place); gl.vertexAttribPointer(place, size, kind, unit, 0, 0); };
  feed('a', Float32Array.from(xyz, (v) => v / 32767), 3, gl.FLOAT, false);
  feed('b', label, 1, gl.UNSIGNED_BYTE, false);
  const turn = gl.getUniformLocation(program, 'r'), far = gl.getUniformLocation(program, 'far');
  const ms = [], pixel = new Uint8Array(4);
  for (let k = 0; k < frames; k++) {
    await new Promise(requestAnimationFrame);
    const begin = performance.now(), yaw = 0.02 * k;
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4f(turn, Math.cos(yaw), Math.sin(yaw), Math.cos(0.3), Math.sin(0.3));
    for (const side of [1, -1]) { gl.uniform1f(far, side); gl.drawArrays(gl.POINTS, 0, n); }
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    ms.push(performance.now() - begin);
  }
  ms.sort((a, b) => a - b);
  return { best: ms[0], median: ms[frames >> 1],
    renderer: gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER) };
}
"""


def random_payload(count: int) -> dict[str, Any]:
    """What the panel sends for ``count`` random faces."""
    from media_forensics.operators.panels.sphere import payload as sphere_payload

    rng = np.random.default_rng(0)
    label = (rng.random(count) < 0.6).astype(np.int64)
    cosine = np.clip(rng.normal(np.where(label == 1, 0.4, -0.4), 0.3), -0.95, 0.95)
    around = rng.normal(scale=0.4, size=(count, 2)) * np.sqrt(1 - cosine**2)[:, None]
    xyz = np.column_stack([cosine, around])
    xyz /= np.maximum(np.linalg.norm(xyz, axis=1, keepdims=True), 1)
    p_fake = 1 / (1 + np.exp(-6 * cosine))
    return sphere_payload.payload(xyz, label, p_fake, 0.5, 0.0)


def measure(page: Any, count: int, frames: int) -> None:
    """One size."""
    text = json.dumps(random_payload(count))
    log.info("%s faces, payload %s bytes", f"{count:,}", f"{len(text):,}")
    found = page.evaluate(FRAMES, [text, frames])
    log.info("  ready     %7.1f ms   lasso %.1f ms", found["ready"], found["lasso"])
    for name in ("moving", "full"):
        row = found[name]
        log.info(
            "  %-8s  %7.1f ms at best, %.1f median; %.0f frames a second; %s points drawn",
            name,
            row["best"],
            row["median"],
            1000 / row["gap"],
            f"{row['drawn']:,}",
        )
    webgl = page.evaluate(WEBGL, [text, max(8, frames // 6)])
    if webgl is None:
        log.info("  no WebGL in this browser")
        return
    log.info(
        "  WebGL     %7.1f ms at best, %.1f median; %s",
        webgl["best"],
        webgl["median"],
        webgl["renderer"],
    )
    log.info("    ratio full / WebGL, best %.2f", found["full"]["best"] / webgl["best"])


def main() -> None:
    """Measure each size in a fresh page."""
    from app_driver import FLAGS, chromium
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--frames", type=int, default=60)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        log.info(
            "%s, %s cores, Chromium %s, load %.1f",
            platform.machine(),
            os.cpu_count(),
            browser.version,
            os.getloadavg()[0],
        )
        for count in chosen.faces:
            page = browser.new_page(viewport={"width": 1000, "height": 700})
            page.set_content(PAGE)
            page.evaluate(STUBS)
            page.add_script_tag(path=str(ROOT / "dist" / "index.umd.js"))
            measure(page, count, chosen.frames)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
