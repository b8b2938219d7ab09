"""Measures frames of the hypersphere in a browser at 100,000 and 1,000,000 faces.

    python benchmarks/sphere_frames.py                 # both
    python benchmarks/sphere_frames.py --faces 100000

The payload is the panel's for random faces. The page runs dist/index.umd.js unchanged, without the
App, in a canvas of 760 x 470 pixels. It measures

* ready: from the payload's text to the first picture;
* moving: a turn in small steps, as in a drag, which draws as many points as fit into a frame;
* full: the same with all points in every frame, as after the picture comes to rest;
* lasso: finding the faces inside a ring of 40 corners;

for the plain canvas and for WebGL, whose frames are awaited by reading a pixel back. The page takes
the one that is faster for a sample of points; "chosen" says which one, and how long that took. The
WebGL renderer is printed; "SwiftShader" is not a graphics card. The fastest frame shows what the
machine can do; the median includes the effect of other work.
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
<canvas id="canvas" style="width:760px;height:470px;display:block"></canvas>
<canvas id="webgl" style="width:760px;height:470px;display:block"></canvas></body>"""

#: The parts of FiftyOne's plugin interface that the file reads when it is loaded.
STUBS = """
window.React = { createElement() {} }; window.__foo__ = {};
window.__fop__ = { PluginComponentType: {}, registerComponent: (c) => {
  if (c.component.parts) window.parts = c.component.parts; } };
"""

FRAMES = """
async ([text, frames, kind]) => {
  const { Painter, GlDots, unpack, colouring } = window.parts, out = {};
  const begin = performance.now(), canvas = document.getElementById(kind);
  const p = kind === 'webgl' ? new Painter(canvas, new GlDots()) : new Painter(canvas);
  const data = unpack(JSON.parse(text));
  p.colours = colouring(data, 'label'); p.setData(data); p.draw();
  out.ready = performance.now() - begin;
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const run = async (moving) => {
    const ms = [], gaps = []; let last = 0;
    await new Promise((done) => {
      const frame = (now) => {
        if (last) gaps.push(now - last);
        last = now; p.moving = moving; p.turn = [p.turn[0] + 0.02, p.turn[1]];
        const start = performance.now();
        p.draw();
        if (kind === 'webgl') canvas.getContext('2d').getImageData(0, 0, 1, 1);
        ms.push(performance.now() - start);
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

CHOICE = """
() => {
  const start = performance.now(), { webgl, canvas } = window.parts.measure();
  const probe = document.createElement('canvas').getContext('webgl2');
  const info = probe && probe.getExtension('WEBGL_debug_renderer_info');
  return { gl: Number.isFinite(webgl) ? webgl : -1, canvas, took: performance.now() - start,
    renderer: probe && probe.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : probe.RENDERER) };
}
"""


def random_payload(count: int) -> dict[str, Any]:
    """Return the panel's message for ``count`` random faces."""
    from media_forensics.operators.panels.sphere import payload as sphere_payload

    rng = np.random.default_rng(0)
    label = (rng.random(count) < 0.6).astype(np.int64)
    cosine = np.clip(rng.normal(np.where(label == 1, 0.4, -0.4), 0.3), -0.95, 0.95)
    around = rng.normal(scale=0.4, size=(count, 2)) * np.sqrt(1 - cosine**2)[:, None]
    xyz = np.column_stack([cosine, around])
    xyz /= np.maximum(np.linalg.norm(xyz, axis=1, keepdims=True), 1)
    p_fake = 1 / (1 + np.exp(-6 * cosine))
    return sphere_payload.payload(xyz, label, p_fake, 0.5, 0.0)


def measure(page: Any, count: int, frames: int, kinds: list[str]) -> None:
    """Measure one size with each painter."""
    text = json.dumps(random_payload(count))
    log.info("%s faces, payload %s bytes", f"{count:,}", f"{len(text):,}")
    full = {}
    for kind in kinds:
        tried = frames if kind == "canvas" else max(12, frames // 4)
        found = page.evaluate(FRAMES, [text, tried, kind])
        full[kind] = found["full"]["best"]
        log.info("  %-6s ready  %6.1f ms   lasso %.1f ms", kind, found["ready"], found["lasso"])
        for name in ("moving", "full"):
            row = found[name]
            log.info(
                "         %-6s %6.1f ms at best, %.1f median; %.0f frames a second; %s points",
                name,
                row["best"],
                row["median"],
                1000 / row["gap"],
                f"{row['drawn']:,}",
            )
    if len(full) == 2:
        log.info("  ratio canvas / WebGL, all points, best %.2f", full["canvas"] / full["webgl"])


def main() -> None:
    """Measure each size in a new page."""
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
            choice = page.evaluate(CHOICE)
            log.info(
                "chosen: %s in %.0f ms; a sample's frame: canvas %.1f ms, WebGL %s; %s",
                "WebGL" if 0 < choice["gl"] < choice["canvas"] else "canvas",
                choice["took"],
                choice["canvas"],
                f"{choice['gl']:.1f} ms" if choice["gl"] > 0 else "not there",
                choice["renderer"],
            )
            measure(page, count, chosen.frames, ["canvas", "webgl"][: 1 + (choice["gl"] > 0)])
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
