"""What a web page of another origin can do to a local App: a real server, real requests."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from media_forensics.operators.app import confirmation
from media_forensics.operators.jobs import scheduled_jobs
from media_forensics.operators.operator_list import OPERATORS

pytestmark = pytest.mark.fiftyone
PLUGIN = "@mediaforensics/deepfake"
ELSEWHERE = "http://attacker.example"
#: What a server is started by; its process must know itself as one in each way.
STARTS = {
    "fiftyone's own": "import runpy; sys.argv[1:] = ['--port', sys.argv[1], '--address', "
    "'127.0.0.1']; runpy.run_module('fiftyone.server.main', run_name='__main__')",
    "an asgi server's": "import asyncio; from hypercorn.asyncio import serve; "
    "from hypercorn.config import Config; from fiftyone.server.app import app; c = Config(); "
    "c.bind = ['127.0.0.1:' + sys.argv[1]]; asyncio.run(serve(app, c))",
}


class Server:
    """An App server on the tests' database."""

    def __init__(self, program: str, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"import sys; {program}", str(self.port)],
                stdout=stream,
                stderr=stream,
            )
        deadline = time.monotonic() + 180
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except OSError as error:
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, f"{error}: {log.read_text()}"
                time.sleep(0.3)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def post(self, route: str, body: dict[str, Any], **headers: str) -> tuple[int, str]:
        """Status and text of what a page may send without asking first: a POST of plain text."""
        request = urllib.request.Request(
            f"{self.url}{route}",
            json.dumps(body).encode(),
            {"Content-Type": "text/plain", "Origin": ELSEWHERE, **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                self.headers = dict(answer.headers)
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module", params=list(STARTS))
def server(request, fiftyone_db, tmp_path_factory):
    """An App server, started in each of the known ways.

    The ways differ in how a process knows itself as a server, not in what it does then: the first
    gets every attack, the others the plain one on each route.
    """
    found = Server(STARTS[request.param], tmp_path_factory.mktemp("server") / "log")
    found.attacks = 14 if request.param == next(iter(STARTS)) else 2
    yield found
    found.stop()


def named(name: str) -> str:
    """The URI of one of ours."""
    return f"{PLUGIN}/{name}"


@pytest.fixture(scope="module")
def faces(fiftyone_db, faces_of):
    """A faces dataset with scores, as the operators want it."""
    return faces_of(60, embeddings=4).dataset


def ours(kind: str) -> list[Any]:
    """Our operators, or panels, that a request runs, as FiftyOne registers them."""
    import fiftyone.operators as foo

    found = [op for op in foo.list_operators(type=kind) if op.uri.startswith(PLUGIN)]
    return [op for op in found if not isinstance(op, foo.EvaluationMetric)]


def attacks(uri: str, dataset: str, params: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Routes and bodies that a page could send for an operator, without its code or with others."""
    body = {"operator_uri": uri, "dataset_name": dataset, "view": [], "params": params}
    other = confirmation.code(f"{PLUGIN}/another")
    out = [(route, body) for route in ("/operators/execute", "/operators/execute/generator")]
    for more in (
        {"delegated": True},
        {"request_delegation": True},
        {"request_delegation": True, "delegated": True},
    ):
        out.append(("/operators/execute", {**body, **more}))
    for wrong in (other, other[:-1], "", None, 0, True, [other], {"$ne": ""}, "\u00e9"):
        given = {**params, confirmation.FIELD: wrong}
        out.append(("/operators/execute", {**body, "params": given}))
    return out


def test_every_operator_and_panel_is_confirmed(fiftyone_db):
    forms, panels = ours("operator"), ours("panel")
    assert len(forms) + len(panels) + 2 == len(OPERATORS)  # and two metrics
    for op in forms:
        assert isinstance(op, confirmation._ConfirmedForm), op.uri
    for op in panels:
        assert isinstance(op, confirmation._ConfirmedPanel), op.uri


def test_no_operator_runs_or_is_queued_by_a_request_without_its_code(server, faces):
    refused = {"does not come from its form": 0, "Validation error": 0}
    for op in ours("operator"):
        tried = attacks(op.uri, faces.name, {"key": "det", "action": "list"})
        for route, body in tried[: server.attacks]:
            status, text = server.post(route, body)
            why = next((words for words in refused if words in text), None)
            assert why, (op.uri, body, status, text[-400:])  # what the form refuses comes first
            refused[why] += 1
    assert sum(refused.values()) == server.attacks * len(ours("operator"))
    assert refused["does not come from its form"] > 7 * server.attacks
    assert not scheduled_jobs.queued_operations()


def test_no_event_of_a_panel_runs_without_its_code(server, faces):
    tried = 0
    for panel in ours("panel"):
        names = {name for name in dir(panel) if callable(getattr(panel, name))}
        reads = {name for name in names if name.startswith("on_change_")}
        events = sorted(names - reads - set(confirmation._SENT_BY_FIFTYONE))
        for name in events if server.attacks > 2 else events[::4]:
            params = {"__method__": name, "panel_id": "p", "panel_state": {}}
            body = {"operator_uri": panel.uri, "dataset_name": faces.name, "params": params}
            _, text = server.post("/operators/execute", body)
            assert "does not come from its form" in text or "has no event" in text, (name, text)
            tried += 1
    assert tried > (100 if server.attacks > 2 else 25)


def test_the_attack_of_a_page_overwrites_nothing(server, faces, tmp_path):
    victim = tmp_path / "victim.csv"
    victim.write_text("mine")
    params = {"key": "det", "path": str(victim), "overwrite": True}
    for route, body in attacks(named("export_scores"), faces.name, params):
        server.post(route, body)
    assert victim.read_text() == "mine"


def test_the_form_gives_the_code_and_with_it_the_operator_runs(server, faces, tmp_path):
    target = tmp_path / f"{server.port}.csv"
    body = {"operator_uri": named("export_scores"), "dataset_name": faces.name, "view": []}
    params = {"key": "det", "path": str(target), "level": "face"}
    _, text = server.post("/operators/resolve-type", {**body, "params": params, "target": "inputs"})
    assert "access-control-allow-origin" not in {name.lower() for name in server.headers}
    field = json.loads(text)["type"]["properties"][confirmation.FIELD]
    assert field["view"]["componentsProps"]["container"] == {"sx": {"display": "none"}}
    given = {**params, confirmation.FIELD: field["default"]}
    _, text = server.post("/operators/execute", {**body, "params": given})
    assert target.is_file(), text


def test_a_loaded_panel_has_the_code_and_with_it_its_events_run(server, faces):
    panel = named("training_runs")
    body = {"operator_uri": panel, "dataset_name": faces.name, "view": []}
    load = {"__method__": "on_load", "panel_id": "p", "panel_state": {}}
    _, text = server.post("/operators/execute", {**body, "params": load})
    found = json.loads(text)["executor"]["requests"]
    patches = [r["params"]["state"] for r in found if "state" in r["params"]]
    code = next(state[confirmation.FIELD] for state in patches if confirmation.FIELD in state)
    event = {"__method__": "on_refresh", "panel_id": "p", "panel_state": {confirmation.FIELD: code}}
    _, text = server.post("/operators/execute", {**body, "params": event})
    assert "does not come" not in text and json.loads(text)["executor"]["requests"]


def test_a_script_needs_no_code(fiftyone_db, faces, tmp_path):
    import fiftyone.operators as foo

    assert not confirmation.in_server()
    target = tmp_path / "direct.csv"
    foo.get_operator(named("export_scores"))(faces, key="det", path=str(target), level="face")
    again = tmp_path / "executed.csv"
    params = {"key": "det", "path": str(again), "level": "face"}
    foo.execute_operator(named("export_scores"), {"dataset": faces}, params=params)
    assert target.read_bytes() == again.read_bytes()
