"""The job types there are: folders with a description, found anew when they change."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.description.check import problems
from analysis.description.model import JobDescription
from analysis.description.reader import FILE_NAME, read_description
from analysis.errors import DescriptionError
from analysis.settings import DEFINITIONS, Settings

ACCEPTED = "accepted"
LOOK_EVERY_S = 1.0

_Stamp = tuple[tuple[str, int, int, int], ...]


class Catalogue:
    """The job types in some folders: each ``<folder>/<name>/description.vot`` with its script is one.

    New, changed and removed ones are noticed without restart, within a second. One that is broken harms no other.
    The methods may be called from several threads.

    Parameters
    ----------
    folders
        Where to look; of two job types of one name the first counts. Folders need not exist.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._lock = threading.Lock()
        self._looked_s = float("-inf")
        self._stamps: dict[Path, _Stamp] = {}
        self._read: dict[Path, JobDescription | str] = {}
        self._good: dict[str, JobDescription] = {}
        self._broken: dict[str, str] = {}

    def names(self) -> list[str]:
        """Return the names of the job types that can run, sorted."""
        return sorted(self._current()[0])

    def get(self, name: str) -> JobDescription | None:
        """Return a job type; None when there is none of this name, or it is broken."""
        return self._current()[0].get(name)

    def descriptions(self) -> list[JobDescription]:
        """Return all job types that can run, sorted by name."""
        good = self._current()[0]
        return [good[name] for name in sorted(good)]

    def broken(self) -> dict[str, str]:
        """Return what is wrong with those that cannot run, by name of their folder."""
        return dict(self._current()[1])

    def _current(self) -> tuple[dict[str, JobDescription], dict[str, str]]:
        with self._lock:
            if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
                stamps = dict(self._look())
                if stamps != self._stamps:
                    self._renew(stamps)
                self._looked_s = time.monotonic()
            return self._good, self._broken

    def _look(self) -> Iterator[tuple[Path, _Stamp]]:
        for folder in self._folders:
            try:
                children = sorted(child.path for child in os.scandir(folder) if not child.name.startswith((".", "_")))
            except OSError:
                continue
            for child in children:
                stamp = _stamp(Path(child))
                if stamp is not None:
                    yield Path(child), stamp

    def _renew(self, stamps: dict[Path, _Stamp]) -> None:
        """Read what has changed, and put together what there is."""
        good: dict[str, JobDescription] = {}
        broken: dict[str, str] = {}
        read: dict[Path, JobDescription | str] = {}
        for folder, stamp in stamps.items():
            is_known = self._stamps.get(folder) == stamp
            read[folder] = self._read[folder] if is_known else self._try(folder)
            found = read[folder]
            if folder.name in good or folder.name in broken:
                broken[folder.name] = (
                    f"there is another job type {folder.name}; the second one is not offered while it has this name."
                )
            elif isinstance(found, str):
                broken[folder.name] = found
            else:
                good[found.name] = found
        # whoever has the former ones keeps them whole
        self._good, self._broken, self._read, self._stamps = good, broken, read, stamps

    def _try(self, folder: Path) -> JobDescription | str:
        """Return the job type in a folder, or what is wrong with it."""
        try:
            description = read_description(folder / FILE_NAME)
        except DescriptionError as exc:
            return str(exc)
        wrong = problems(description)
        if description.name != folder.name:
            wrong.append(
                f"its name is {description.name[:80]!r} and its folder {folder.name!r}; they must be the same."
            )
        return " ".join(wrong) or description


def _stamp(folder: Path) -> _Stamp | None:
    """Return what changes when a description, or any file beside it, does; None when there is no description."""
    try:
        if not os.path.lexists(folder / FILE_NAME):
            return None
        states = [(child.name, child.stat()) for child in os.scandir(folder) if child.is_file()]
    except OSError:
        return None
    return tuple(sorted((name, state.st_mtime_ns, state.st_size, state.st_ino) for name, state in states))


def catalogue_of(settings: Settings, trial: Path | None = None) -> Catalogue:
    """Return the job types of a service: those that came with it, users' that were accepted, then those on trial.

    Parameters
    ----------
    settings
        With the folder of users' definitions.
    trial
        Folder of definitions that their author may run already.
    """
    folders = [DEFINITIONS, settings.definitions_folder / ACCEPTED]
    # What asks for more than the settings allow runs with what they allow.
    return Catalogue(folders if trial is None else [*folders, trial])
