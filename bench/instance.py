"""The benchmarks' own instance: created, driven and removed by the operator commands."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.timing import Sample, measure, process_cpu
from ops.instance import Instance

PYTHON = "/usr/bin/python3"
CHECKOUT = Path(__file__).resolve().parent.parent
TABLES = "cta.dataset, cta.hdu_index, cta.collection, cta.document, cta.import_problem"


class BenchError(Exception):
    """The benchmark cannot go on; the text is a sentence."""


class Bench:
    """An instance to measure on."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._instance: Instance | None = None

    def create(self) -> None:
        """Make the instance; its database runs afterwards, with the settings of a production site."""
        if (self.state / "instance.json").exists():
            self.remove()
        self.operate("ready", "--port", "0")

    def remove(self) -> None:
        """Stop the instance and remove it."""
        self.operate("clean")

    def operate(self, *words: str) -> None:
        """Run an operator command."""
        self._instance = None
        done = subprocess.run(
            [PYTHON, "-m", "ops", *words, "--state", str(self.state)],
            cwd=CHECKOUT,
            env={**os.environ, "FAST": ""},
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            raise BenchError(f"the operator command '{words[0]}' failed; what it said is above.")

    @property
    def instance(self) -> Instance:
        """Return the instance as the operator commands have left it."""
        if self._instance is None:
            real = self.state.resolve()
            code = Path(json.loads((real / "instance.json").read_text())["code"])
            self._instance = Instance.load(real, code)
        return self._instance

    def run(
        self, command: Sequence[str | Path], extra: Mapping[str, str] | None = None, core: int | None = None
    ) -> str:
        """Run a command as the server's user, on one core if that is given, and return what it prints."""
        words = [str(word) for word in command]
        if core is not None:
            words = ["taskset", "-c", str(core), *words]
        if os.geteuid() == 0:
            owner = pwd.getpwuid(self.instance.state.stat().st_uid).pw_name
            words = ["runuser", "-u", owner, "--", *words]
        done = subprocess.run(
            words,
            env={**self.instance.child_environment(), **(extra or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BenchError(f"`{' '.join(map(str, command))}` failed:\n{done.stderr[-3000:]}{done.stdout[-1000:]}")
        return done.stdout

    def sql(self, statement: str) -> str:
        """Run SQL as the superuser and return what psql prints, unaligned."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return self.run([self.instance.bin / "psql", *options, "-c", statement]).strip()

    def dachs(self, words: Sequence[str], extra: Mapping[str, str] | None = None, core: int | None = None) -> None:
        """Run a dachs command."""
        self.run(["/usr/bin/dachs", *words], extra, core)

    def timed_dachs(
        self, words: Sequence[str], extra: Mapping[str, str] | None = None, core: int | None = None
    ) -> Sample:
        """Measure a dachs command; with `core`, it and the whole database run on that core alone."""
        cores = os.sched_getaffinity(0) if core is None else {core}
        with self._database_on(cores):
            return measure(lambda: self.dachs(words, extra, core), cores, self.database_cpu)

    def database_cpu(self) -> float:
        """Return the processor seconds the database has used so far."""
        postmaster, *others = self._database_processes()
        return process_cpu(postmaster, with_children=True) + sum(map(process_cpu, others))

    def empty(self) -> None:
        """Remove everything published, and have the database's own housekeeping done."""
        self.sql(f"SET client_min_messages=error; TRUNCATE {TABLES}; DELETE FROM dc.products")
        self.sql("VACUUM ANALYZE")
        self.sql("CHECKPOINT")

    def put(self, source: Path, target: Path) -> Path:
        """Copy a folder into the instance, for the server's user."""
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "out"))
        self.give(target)
        return target

    def put_package(self) -> dict[str, str]:
        """Make the package `bench` importable inside the instance; return the variables that it takes."""
        place = self.instance.state / "bench-code"
        self.put(CHECKOUT / "bench", place / "bench")
        return {"PYTHONPATH": f"{self.instance.environment()['PYTHONPATH']}{os.pathsep}{place}"}

    def give(self, path: Path) -> None:
        """Make the server's user the owner of a path and what is below it."""
        found = self.instance.state.stat()
        if os.geteuid() == 0:
            for place in (path, *path.rglob("*")):
                os.chown(place, found.st_uid, found.st_gid, follow_symlinks=False)

    def _database_processes(self) -> list[int]:
        """Return the postmaster and its living children."""
        postmaster = int((self.instance.pg / "postmaster.pid").read_text().split("\n", 1)[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    @contextmanager
    def _database_on(self, cores: set[int]) -> Iterator[None]:
        """Have the database, and the connections opened meanwhile, run on these cores."""
        allowed = os.sched_getaffinity(0)
        self._pin(cores)
        try:
            yield
        finally:
            self._pin(allowed)

    def _pin(self, cores: set[int]) -> None:
        for pid in self._database_processes():
            try:
                os.sched_setaffinity(pid, cores)
            except ProcessLookupError:
                continue
