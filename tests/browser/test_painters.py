"""The sphere's two painters of points: the same pixels, and the plain canvas when WebGL is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
FACES = 3000

PAGE = """<body style="margin:0;--fo-palette-background-mediaSpace:#1a1a1a">
<canvas id="sphere" style="width:760px;height:470px;display:block"></canvas></body>"""

#: Draws one scene with both painters; counts the pixels that differ by more than two steps.
BOTH = """
([text, change]) => {
  const { Painter, CanvasDots, GlDots, unpack, colouring } = window.parts;
  const data = unpack(JSON.parse(text)), p = new Painter(document.getElementById('sphere'));
  p.colours = colouring(data, 'error'); p.setData(data);
  new Function('p', 'data', 'colouring', change)(p, data, colouring);
  p.arrange(); p.draw();
  const scene = p.scene(data, p.colours);
  const images = [new CanvasDots(), new GlDots()].map((dots) => {
    const canvas = document.createElement('canvas');
    canvas.width = p.w; canvas.height = p.h;
    const g = canvas.getContext('2d', { willReadFrequently: dots.onPixels });
    g.fillStyle = '#1a1a1a'; g.fillRect(0, 0, p.w, p.h);
    dots.draw(g, scene);
    const { data } = g.getImageData(0, 0, p.w, p.h);
    dots.dispose();
    return data;
  });
  let drawn = 0, other = 0;
  for (let i = 0; i < images[0].length; i += 4) {
    const far = [0, 1, 2].map((k) => Math.abs(images[0][i + k] - images[1][i + k]));
    if (Math.max(...far) > 2) other++;
    if ([0, 1, 2].some((k) => images[0][i + k] !== 26)) drawn++;
  }
  return { drawn, other };
}
"""

#: A sphere on WebGL whose context is taken away, and what is drawn then.
LOST = """
async (text) => {
  const { Painter, GlDots, CanvasDots, unpack, colouring } = window.parts;
  const data = unpack(JSON.parse(text)), canvas = document.getElementById('sphere');
  const made = []; // the canvas that WebGL draws on is not in the page
  const create = document.createElement.bind(document);
  document.createElement = (name) => { const it = create(name); made.push(it); return it; };
  const p = Painter.with(canvas, (onLost) => new GlDots(onLost));
  document.createElement = create;
  p.colours = colouring(data, 'label'); p.setData(data); p.draw();
  const before = p.dots instanceof GlDots;
  const gl = made.map((it) => it.getContext('webgl2')).find(Boolean);
  gl.getExtension('WEBGL_lose_context').loseContext();
  await new Promise((done) => setTimeout(done, 300));
  const image = canvas.getContext('2d').getImageData(0, 0, p.w, p.h).data;
  const blue = image.filter((v, i) => i % 4 === 2 && v > 150 && image[i - 2] < 20).length;
  return { before, after: p.dots instanceof CanvasDots, blue };
}
"""

#: Of a moving picture with WebGL: what is near the mouse is near where the points are now.
PICKED = """
(text) => {
  const { Painter, GlDots, unpack, colouring } = window.parts;
  const data = unpack(JSON.parse(text));
  const p = new Painter(document.getElementById('sphere'), new GlDots());
  p.colours = colouring(data, 'label'); p.setData(data); p.draw();
  p.moving = true; p.turnBy(0.7, 0.2); p.marked = new Set([5]); p.draw();
  const at = (i) => p.at(p.P[3 * i], p.P[3 * i + 1], p.P[3 * i + 2]);
  const mark = Math.hypot(p.U[5] - at(5)[0], p.V[5] - at(5)[1]);
  let front = 0; while (at(front)[2] > -0.2) front++;
  const [x, y] = at(front), found = p.nearest(x / p.ratio, y / p.ratio, 2);
  const [u, v] = at(found);
  const want = Array.from({ length: data.n }, (_, i) => at(i)).filter((q) => q[2] <= 0).length;
  const inside = p.inside([[0, 0], [760, 0], [760, 470], [0, 470]]).length;
  return { mark, far: Math.hypot(u - x, v - y), inside, want };
}
"""

SCENES = {
    "the ball": "",
    "turned and near": "p.turn = [1.1, -0.4]; p.zoom = 2; p.pan = [30, -20];",
    "some lit": "p.chosen = new Uint8Array(data.n).map((_, i) => +(i % 7 === 0));",
    "selected": "p.marked = new Set([1, 2, 3, 50]); p.surface = false;",
    "a group hidden": "p.hidden = new Set([0, 2]);",
    "flat": "p.mode = '2d';",
    "by score": "p.colours = colouring(data, 'score');",
    "UMAP": "p.mode = 'umap'; p.map = Int16Array.from({ length: 2 * data.n }, (_, i) =>"
    " i % 11 ? (i * 7919) % 60000 - 30000 : -32768);",
}


@pytest.fixture(scope="module")
def browser():
    sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "benchmarks")]
    from app_driver import FLAGS, chromium
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        pytest.skip("no Chromium on this machine; `make test` installs it, or set CHROMIUM")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=FLAGS)


@pytest.fixture
def page(browser):
    """A page with the component as it is built, without the App around it."""
    import sphere_frames

    page = browser.new_page(viewport={"width": 800, "height": 500})
    page.set_content(PAGE)
    page.evaluate(sphere_frames.STUBS)
    page.add_script_tag(path=str(ROOT / "dist" / "index.umd.js"))
    if not page.evaluate("!!document.createElement('canvas').getContext('webgl2')"):
        pytest.skip("this Chromium has no WebGL 2")
    yield page
    page.close()


@pytest.fixture(scope="module")
def payload() -> str:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import sphere_frames

    return json.dumps(sphere_frames.random_payload(FACES))


@pytest.mark.parametrize("scene", SCENES)
def test_both_painters_draw_the_same_pixels(page, payload, scene):
    found = page.evaluate(BOTH, [payload, SCENES[scene]])
    assert found["drawn"] > 5000
    # a point whose place is rounded the other way in 32 bits
    assert found["other"] <= 0.002 * found["drawn"]


def test_points_are_drawn_on_the_canvas_when_webgl_is_lost(page, payload):
    found = page.evaluate(LOST, payload)
    assert found["before"] and found["after"]
    assert found["blue"] > 1000


def test_positions_are_those_of_the_moving_picture(page, payload):
    found = page.evaluate(PICKED, payload)
    assert found["mark"] < 0.01 and found["far"] < 2
    assert abs(found["inside"] - found["want"]) <= 2  # at the outline in 32 bits


def test_the_choice_is_measured_once(page):
    first, second = page.evaluate("[window.parts.measure(), window.parts.measure()]")
    assert first == second and first["canvas"] > 0 and first["webgl"] > 0
