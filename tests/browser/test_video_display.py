"""Chromium, in which the App plays videos, shows each clip as our decoder reads it.

Chromium honours all eight ways of a display matrix, the mirrored ones too, and pixels that are not
square. Of cuts it honours what the codec cuts at the right and bottom, and nothing that only the
container cuts. What the codec cuts at the left and top it takes off the wrong side; nothing is
compared there. Its pixels come from a canvas, after a seek, so the frame's number is checked too.
"""

from __future__ import annotations

import base64
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from cropped_clips import CUTS
from display_clips import WAYS, H, W, encode, lay_down, picture
from media_forensics.detector.frames import probe_video, read_frames

pytestmark = pytest.mark.browser
RATE, FRAMES, SEEN = 25, 8, 5
#: Mean difference of colours, in steps of 255: two decoders round chroma in their own ways.
ROUNDING = 4

#: Shows a file at a time: its width and height, and its pixels in base64.
SHOW = """
async ([data, seconds]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const video = document.createElement('video');
  video.muted = true; video.preload = 'auto';
  await new Promise((done, failed) => {
    video.onloadeddata = done;
    video.onerror = () => failed(new Error(video.error.message));
    video.src = URL.createObjectURL(new Blob([bytes], { type: 'video/mp4' }));
  });
  // "seeked" may come before the frame is there; a frame that is there already is not told of
  const shown = new Promise((done) => video.requestVideoFrameCallback(done));
  await new Promise((done) => { video.onseeked = done; video.currentTime = seconds; });
  await Promise.race([shown, new Promise((done) => setTimeout(done, 1000))]);
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const g = canvas.getContext('2d');
  g.drawImage(video, 0, 0);
  const { data: rgba } = g.getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (let i = 0; i < rgba.length; i += 4) text += String.fromCharCode(...rgba.slice(i, i + 3));
  return [canvas.width, canvas.height, btoa(text)];
}
"""


@pytest.fixture(scope="module")
def chromium_shows():
    """Gives the picture (H, W, 3) that Chromium shows of a file at a time in seconds."""
    sys.path.append(str(Path(__file__).parent))
    from app_driver import FLAGS, chromium
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        pytest.skip("no Chromium on this machine; `make test` installs it, or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page()
        kind = 'video/mp4; codecs="avc1.42E01E"'
        if not page.evaluate("k => document.createElement('video').canPlayType(k)", kind):
            browser.close()
            pytest.skip("this Chromium does not play H.264")

        def show(path: Path, seconds: float) -> np.ndarray:
            data = base64.b64encode(path.read_bytes()).decode()
            width, height, pixels = page.evaluate(SHOW, [data, seconds])
            rgb = np.frombuffer(base64.b64decode(pixels), np.uint8)
            return rgb.reshape(height, width, 3)

        yield show
        browser.close()


def numbered(number: int) -> np.ndarray:
    """The picture, with its number as the grey of a corner."""
    image = picture()
    image[H // 2 :, W // 2 :] = 30 * number + 15
    return image


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def both(show, path) -> tuple[np.ndarray, np.ndarray]:
    """Frame ``SEEN`` as Chromium shows it and as we read it."""
    ((_, read),) = read_frames(path, [SEEN])
    shown = show(path, (SEEN + 0.5) / RATE)
    info = probe_video(path)
    assert shown.shape == read.shape == (info.height, info.width, 3)
    return shown, read


@pytest.mark.parametrize("aspect", [None, Fraction(4, 3), Fraction(8, 9)])
@pytest.mark.parametrize("way", WAYS)
def test_chromium_shows_what_is_read(way, aspect, chromium_shows, tmp_path):
    about = {} if aspect is None else {"sample_aspect_ratio": aspect}
    path = encode(tmp_path / "v.mp4", [numbered(n) for n in range(FRAMES)], **about)
    numbers, laid = WAYS[way]
    lay_down(path, numbers)
    shown, read = both(chromium_shows, path)
    off = apart(shown, read)
    assert off < ROUNDING
    for name, (_, again) in WAYS.items():  # laid down in any other way it is another picture
        other = again(read)
        if name != "plain" and other.shape == shown.shape:
            assert apart(shown, other) > 10 * off
    if aspect is None:  # the clip's own pictures: the right one of them, and no neighbour
        far = [apart(shown, laid(numbered(n))) for n in range(FRAMES)]
        assert int(np.argmin(far)) == SEEN and sorted(far)[1] > far[SEEN] + 4


def test_chromium_shows_what_the_codec_cuts(chromium_shows, tmp_path):
    options = {"x264-params": "crop-rect=0,0,20,6"}
    images = [numbered(n) for n in range(FRAMES)]
    shown, read = both(chromium_shows, encode(tmp_path / "v.mp4", images, options=options))
    assert shown.shape == (H - 6, W - 20, 3)
    assert apart(shown, read) < ROUNDING


@pytest.mark.parametrize("ending", CUTS)
def test_chromium_shows_the_whole_of_what_only_the_container_cuts(ending, chromium_shows, tmp_path):
    path = encode(tmp_path / f"v.{ending}", [numbered(n) for n in range(FRAMES)])
    CUTS[ending](path)
    shown, read = both(chromium_shows, path)
    assert shown.shape == (H, W, 3)
    assert apart(shown, read) < ROUNDING
