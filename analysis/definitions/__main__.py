"""``python3 -m analysis.definitions check FOLDER | pending | accept NAME | reject NAME REASON | withdraw NAME``."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.definitions.check import check_folder
from analysis.definitions.submissions import accept, pending, reject, withdraw
from analysis.errors import JobsError
from analysis.settings import VARIABLE, Settings, load_settings


def main(words: Sequence[str] | None = None) -> int:
    """Do as the command line says; return the exit status."""
    parser = _parser()
    given, rest = parser.parse_known_args(words)  # parameters may come after options, which argparse does not foresee
    if rest and (given.command != "check" or any(word.startswith("-") for word in rest)):
        parser.error(f"what is {rest[0]}?")
    try:
        if given.command == "check":
            return _check(given.folder, [*given.parameters, *rest], given.inputs, given.python)
        _decide(load_settings(), given)
    except JobsError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analysis.definitions", description="Job types of authors and users.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check a description and its script, and run it once")
    check.add_argument("folder", type=Path)
    check.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="of the trial run; of uploads, a path")
    check.add_argument("--inputs", type=Path, help="a GADF data store, the datasets of the trial run")
    check.add_argument("--python", help="program of the environment that has gammapy, instead of the instance's")
    commands.add_parser("pending", help="list the definitions that wait")
    for name, text in (("accept", "let everybody run it"), ("reject", "turn it down"), ("withdraw", "take it away")):
        command = commands.add_parser(name, help=text)
        command.add_argument("name")
        if name == "reject":
            command.add_argument("reason", nargs="+")
    return parser


def _decide(settings: Settings, given: argparse.Namespace) -> None:
    if given.command == "pending":
        waiting = pending(settings)
        for submission, folder in waiting:
            print(f"{submission.name}  by {submission.author}, {submission.submitted}: {folder}")
        if not waiting:
            print("no job definition waits.")
    elif given.command == "accept":
        done = accept(settings, given.name, getpass.getuser())
        print(f"{done.name} by {done.author} can be run by everybody now.")
    elif given.command == "reject":
        done = reject(settings, given.name, " ".join(given.reason), getpass.getuser())
        print(f"{done.name} was turned down; {done.author} can read why.")
    else:
        withdraw(settings, given.name)
        print(f"{given.name} is gone; jobs that run end as they would.")


def _check(folder: Path, words: Sequence[str], inputs: Path | None, python: str | None) -> int:
    pairs = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise JobsError(f"'{word[:80]}' is no parameter of the trial run; write NAME=VALUE.")
        pairs.append((name, value))
    if inputs is not None and not inputs.is_dir():
        raise JobsError(f"{inputs} is no folder; give a GADF data store by --inputs.")
    report = check_folder(folder, _settings_for(python), pairs, inputs)
    print(f"{folder}:")
    print("\n".join(report.lines()))
    return int(bool(report.faults))


def _settings_for(python: str | None) -> Settings:
    """Return the instance's settings; without an instance, those of a fresh one with the program given."""
    if python:
        # without following links: a program of a virtual environment is one
        return Settings(folder=Path("/nonexistent"), python=str(Path(python).absolute()) if "/" in python else python)
    try:
        return load_settings()
    except JobsError as exc:
        raise JobsError(
            f"{exc} Or give --python: the program of an environment with gammapy; {VARIABLE} is not needed then."
        ) from exc


if __name__ == "__main__":
    sys.exit(main())
