"""Runs the command ``media-forensics``, which offers every part that works without the App."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from ..detector.errors import ForensicsError
from ..detector.files import packages
from ..detector.files.installation import require_installed
from ..detector.runners.command_line import DONE, MISTAKE, OneSentenceParser, carry_out
from ..detector.text.terminal import say

PROGRAM = "media-forensics"


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand; its module is imported only on use.

    Attributes:
        summary: what it does, one line
        module: module with functions that declare the options and do the work
        declare, execute: names of these functions
        needs: parts that must be installed, keys of :data:`..detector.files.packages.PARTS`
    """

    summary: str
    module: str
    declare: str = "add_options"
    execute: str = "execute"
    needs: tuple[str, ...] = (packages.PICTURES, packages.MODELS)


COMMANDS = {
    "list-videos": Command(
        "list the videos of a dataset or folder", "operators.importing.video_list", needs=()
    ),
    "extract": Command("extract face crops from the videos of a list", "detector.extract_command"),
    "list-faces": Command(
        "list the crops of extracted videos",
        "detector.score_command",
        "add_list_options",
        "list_faces",
        needs=(packages.PICTURES,),
    ),
    "score": Command(
        "score the faces of a list",
        "detector.score_command",
        needs=(packages.PICTURES, packages.MODELS, packages.PARQUET),
    ),
    "merge": Command(
        "merge crops or scores of several shards into one folder", "operators.console", needs=()
    ),
    "analyze": Command("give a verdict on a file, with its reasons", "detector.analyze_command"),
    "protocol": Command(
        "run a published table with your own detector", "operators.evaluation.protocol_command"
    ),
    "train": Command("train a detector from a manifest of crops", "training.train_command"),
    "sign": Command(
        "sign the folder of a report with your key",
        "detector.seal_command",
        "add_sign_options",
        "sign",
        needs=(packages.SIGNING,),
    ),
    "verify": Command(
        "say whether the folder of a report is as it was sealed",
        "detector.seal_command",
        "add_verify_options",
        "verify",
        needs=(),
    ),
    "weights": Command("list and fetch weight files", "detector.weights_command", needs=()),
}
MERGES = {
    "crops": Command(
        "merge crop folders of several shards into one",
        "detector.extract_command",
        "add_merge_options",
        "merge",
        needs=(packages.PICTURES,),
    ),
    "scores": Command(
        "check scores of several shards, and join them",
        "detector.score_command",
        "add_merge_options",
        "merge",
        needs=(packages.PICTURES, packages.PARQUET),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; :mod:`..detector.runners.command_line` lists the exit statuses."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--version"]:
        from .python_api import version

        say(f"{PROGRAM} {version()}")
        return DONE
    return _dispatch(PROGRAM, COMMANDS, words)


def _dispatch(program: str, commands: dict[str, Command], words: list[str]) -> int:
    first = words[0] if words else ""
    if first in ("-h", "--help"):
        say(_overview(program, commands))
        return DONE
    if first not in commands:
        near = get_close_matches(first, commands, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(commands)}."
        said = f"there is no command {first!r}" if first else "a command is missing"
        say(f"{program}: {said}; {hint}", error=True)
        return MISTAKE
    if commands is COMMANDS and first == "merge":
        return _dispatch(f"{program} merge", MERGES, words[1:])
    command = commands[first]
    try:
        require_installed(*command.needs)
    except ForensicsError as error:  # before the command's own imports ask for the package
        say(f"{program} {first}: {error}", error=True)
        return MISTAKE
    module = import_module(f"..{command.module}", __package__)
    parser = OneSentenceParser(prog=f"{program} {first}", description=f"{command.summary}.")
    getattr(module, command.declare)(parser)
    return carry_out(getattr(module, command.execute), parser.parse_args(words[1:]))


def _overview(program: str, commands: dict[str, Command]) -> str:
    lines = [f"usage: {program} COMMAND ...", ""]
    lines += [f"  {name:12} {command.summary}" for name, command in commands.items()]
    lines += ["", f"'{program} COMMAND --help' says what a command takes. Exit status: 0 done,"]
    lines += ["1 failed or something is missing, 2 a mistake in what was asked for, 3 stopped."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
