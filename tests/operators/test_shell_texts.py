"""Nothing that a shell runs is made of names: hostile ones arrive as arguments, word for word."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from media_forensics.detector.model.towers import _command
from media_forensics.detector.weights.known_detectors import PUBLISHED
from media_forensics.operators.jobs import shard_plan

pytestmark = pytest.mark.fiftyone
MADE = "made_by_the_name"
HOSTILE = (
    f"$(touch {MADE})",
    f"`touch {MADE}`",
    f"a; touch {MADE}",
    f"a\ntouch {MADE}\n",
    f"a' ; touch {MADE} ; '",
    f'a" ; touch {MADE} ; "',
    f"a & touch {MADE} &",
    f"a | touch {MADE}",
    f"#\ntouch {MADE}",
    f"\\\ntouch {MADE}",
    "-rf",
    "--help",
    "*",
    "~",
    "$HOME",
    "a\n~~~\n![x](http://evil.example/p.png)\n~~~\n",
    "ü ﷺ \u202e",
)


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    """Run what was written; the Python in it writes down its arguments."""
    said = tmp_path / "said.jsonl"
    fake = tmp_path / "py thon"
    code = f"import json,sys; open({str(said)!r},'a').write(json.dumps(sys.argv[1:])+chr(10))"
    fake.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setattr(shard_plan.sys, "executable", str(fake))
    monkeypatch.setattr(shard_plan.jobs, "jobs_dir", lambda: tmp_path / "jobs")
    empty = tmp_path / "where"
    empty.mkdir()

    def run(script: Path, **more: str) -> list[list[str]]:
        said.unlink(missing_ok=True)
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **more}
        subprocess.run(["sh", str(script)], cwd=empty, env=env, check=True)
        assert not list(empty.iterdir()), "a name was run"
        return [json.loads(line) for line in said.read_text().splitlines()]

    return run


@pytest.mark.parametrize("name", HOSTILE)
def test_the_commands_of_shards_pass_names_word_for_word(name, arguments, tmp_path):
    root = tmp_path / "scores" / name.strip("/")
    options = {"device": name, "batch_size": 4}
    plan = shard_plan.scoring(name, [], "recipe", name, root, 2, options)
    runs = arguments(plan.folder / "commands.sh")
    for index, given in enumerate(runs[:2]):
        assert given[:3] == ["-m", "media_forensics.detector.score_command", "run"]
        assert given[4:6] == [str(root), f"--detector={name}"]
        assert f"--device={name}" in given and given[-1] == f"--shard={index}/2"
    assert runs[2][-1] == str(root)
    one = arguments(plan.folder / "array.sbatch", SLURM_ARRAY_TASK_ID="1")
    assert one == [runs[1]]
    drawn = MarkdownIt("commonmark", {"html": True}).render(plan.table())
    assert "<img" not in drawn and "<a " not in drawn


@pytest.mark.parametrize("name", HOSTILE)
def test_a_command_to_copy_holds_a_folder_word_for_word(name):
    assert shlex.split(_command("owner/name", Path(name)))[-1] == str(Path(name))
    for known in PUBLISHED.values():
        assert shlex.split(known.elsewhere)[:3] == ["hf", "download", known.repository]
