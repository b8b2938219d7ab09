"""A real page of another origin against a real App: what it may send, and what it may read."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]

#: Each way in which a page can send; returns what it could read of the answer, or why it could not.
SEND = """
async ([url, body]) => {
  const text = JSON.stringify(body), plain = {'Content-Type': 'text/plain'};
  const read = async promise => {
    try { const answer = await promise; return answer.type + ':' + await answer.text(); }
    catch (error) { return 'refused by the browser: ' + error.name; }
  };
  const out = {};
  out.simple = await read(fetch(url, {method: 'POST', body: text, headers: plain}));
  out.blind = await read(fetch(url, {method: 'POST', body: text, headers: plain, mode: 'no-cors'}));
  out.json = await read(fetch(url, {method: 'POST', body: text,
                                    headers: {'Content-Type': 'application/json'}}));
  out.request = await new Promise(done => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', url); xhr.onload = () => done('read:' + xhr.responseText);
    xhr.onerror = () => done('refused by the browser'); xhr.send(text);
  });
  out.beacon = String(navigator.sendBeacon(url, text));
  const frame = document.createElement('iframe'); frame.name = 'f'; document.body.append(frame);
  const form = document.createElement('form');
  Object.assign(form, {method: 'POST', action: url, enctype: 'text/plain', target: 'f'});
  const field = document.createElement('input');
  field.name = text.slice(0, -1) + ',"x":"'; field.value = '"}'; form.append(field);
  document.body.append(form);
  const loaded = new Promise(done => { frame.onload = done; setTimeout(done, 15000); });
  form.submit(); await loaded;
  try { out.form = 'read:' + frame.contentDocument.body.innerText; }
  catch (error) { out.form = 'refused by the browser: ' + error.name; }
  return out;
}
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><p>hello")

    def log_message(self, format, *args):
        """Says nothing."""


@pytest.fixture
def elsewhere():
    """The address of a page of another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def sent(app_server, elsewhere):
    """``sent(route, body)``: what a page elsewhere could read of the answers."""
    from app_driver import FLAGS, chromium
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page()
        page.goto(elsewhere)
        yield lambda route, body: page.evaluate(SEND, [f"{app_server.url}{route}", body])
        browser.close()


def _body(dataset, operator, params):
    uri = f"@mediaforensics/deepfake/{operator}"
    return {"operator_uri": uri, "dataset_name": dataset.name, "view": [], "params": params}


def test_a_page_elsewhere_cannot_read_a_form_and_its_code(sent, demo_dataset):
    body = _body(demo_dataset, "export_scores", {"key": "probe"})
    found = sent("/operators/resolve-type", {**body, "target": "inputs"})
    assert "confirmation" not in json.dumps(found)
    unread = ("refused by the browser", "opaque:")
    for way in ("simple", "json", "request", "blind"):
        assert found[way].startswith(unread), (way, found[way])
    assert found["blind"] == "opaque:"  # sent, and the answer is kept from the page
    assert found["form"].startswith("refused") or found["form"] == "read:", found["form"]


def test_a_page_elsewhere_overwrites_and_starts_nothing(sent, demo_dataset, tmp_path):
    """All operators and panels: ``tests/operators/test_requests_from_elsewhere.py``."""
    victim = tmp_path / "victim.csv"
    victim.write_text("mine")
    params = {"key": "probe", "path": str(victim), "level": "face", "overwrite": True}
    sent("/operators/execute", _body(demo_dataset, "export_scores", params))
    made = tmp_path / "made"
    for operator, more in (
        ("export_training_set", {"name": "theirs", "file": str(made)}),
        ("training_runs", {"__method__": "on_work", "panel_id": "p", "panel_state": {}}),
    ):
        sent("/operators/execute", _body(demo_dataset, operator, more))
    assert victim.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["victim.csv"]
    demo_dataset.reload()
    assert not any("theirs" in name for name in demo_dataset.list_saved_views())
