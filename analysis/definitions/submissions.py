"""Definitions that users have submitted: waiting, rejected, accepted.

Below the definitions' folder, ``pending/<author>/<name>/`` and ``rejected/<author>/<name>/`` have those of each author
(a digest stands for the account), ``accepted/<name>/`` those that everybody may run. Each has the description, the
script and ``submission.json``. Folders come and go in one move.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from analysis.description.catalogue import ACCEPTED
from analysis.description.check import MAX_SCRIPT_BYTES, problems
from analysis.description.reader import FILE_NAME, MAX_BYTES, parse_description
from analysis.errors import JobsError
from analysis.folder import write_whole
from analysis.settings import DEFINITIONS, Settings

PENDING, REJECTED = "pending", "rejected"
SUBMISSION = "submission.json"
MAX_PENDING = 20
"""Definitions of one author that may wait at one time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is known of a definition: `status` is pending, rejected or accepted; times are ISO 8601, UTC."""

    name: str
    author: str
    submitted: str
    status: str = PENDING
    decided: str | None = None
    operator: str | None = None
    reason: str | None = None


def submit(settings: Settings, author: str, description: bytes, script: bytes) -> str:
    """Take a definition; a former one of the same author and name that waits is replaced.

    Parameters
    ----------
    settings
        With the folder, and whether any are taken.
    author
        Account.
    description, script
        Content of the two files.

    Returns
    -------
    str
        Name of the job type.

    Raises
    ------
    JobsError
        With all that is wrong with it.
    """
    if settings.user_definitions == "off":
        raise JobsError("this archive takes no job definitions of users; ask its operator.")
    if not author:
        raise JobsError("log in to submit a job definition: its author must be known.")
    if len(description) > MAX_BYTES:
        raise JobsError(f"the description has more than {MAX_BYTES // 1024} kB; a job type needs far less.")
    if len(script) > MAX_SCRIPT_BYTES:
        raise JobsError(f"the script has more than {MAX_SCRIPT_BYTES // 1024} kB; put data it needs into inputs.")
    with _locked(settings) as root, tempfile.TemporaryDirectory(dir=root, prefix=".new-") as scratch:
        new = Path(scratch) / "definition"
        new.mkdir(mode=0o700)
        described = parse_description(description, new)
        if described.script != new:
            described.script.write_bytes(script)
        wrong = problems(described)
        if wrong:
            raise JobsError(" ".join(wrong))
        name = described.name
        _check_free(settings, name, author)
        (new / FILE_NAME).write_bytes(description)
        _write(new, Submission(name=name, author=author, submitted=_now()))
        _put(new, _place(root, PENDING, author, name))
        _remove(_place(root, REJECTED, author, name))
    return name


def pending(settings: Settings) -> list[tuple[Submission, Path]]:
    """Return the definitions that wait, the oldest first, with their folders."""
    found = [item for folder in _folders(settings.definitions_folder / PENDING) for item in _read_all(folder)]
    return sorted(found, key=lambda item: (item[0].submitted, item[0].name))


def submissions_of(settings: Settings, author: str) -> list[tuple[Submission, Path]]:
    """Return all definitions of an author, with their folders."""
    root, digest = settings.definitions_folder, _digest(author)
    found = [*_read_all(root / PENDING / digest), *_read_all(root / REJECTED / digest), *_read_all(root / ACCEPTED)]
    return [item for item in found if item[0].author == author]


def pending_for(settings: Settings, author: str | None) -> Path | None:
    """Return the folder of the definitions that an author may try; None when the operator allows none."""
    if settings.user_definitions != "trial" or not author:
        return None
    return settings.definitions_folder / PENDING / _digest(author)


def accept(settings: Settings, name: str, operator: str, seen: str | None = None) -> Submission:
    """Let everybody run a definition; an accepted one of the same author and name is replaced.

    Parameters
    ----------
    settings
        With the folder.
    name
        Of the job type.
    operator
        Who accepts it.
    seen
        When what the operator has looked at was submitted; it may have been replaced since.

    Raises
    ------
    JobsError
        When none of this name waits, it was replaced, or it does not do any more.
    """
    with _locked(settings) as root:
        submission, folder = _waiting(settings, name)
        if seen is not None and seen != submission.submitted:
            raise JobsError(
                f"{name} was submitted anew at {submission.submitted}; look at it again before accepting it."
            )
        described = parse_description((folder / FILE_NAME).read_bytes(), folder)
        wrong = problems(described)
        if wrong or described.name != name:
            raise JobsError(f"{name} cannot be accepted: {' '.join(wrong) or 'it describes something else.'}")
        _check_free(settings, name, submission.author)
        accepted = replace(submission, status=ACCEPTED, decided=_now(), operator=operator)
        _write(folder, accepted)
        _put(folder, root / ACCEPTED / name)
    return accepted


def reject(settings: Settings, name: str, reason: str, operator: str = "operator") -> Submission:
    """Turn a definition down; its author can read why, and submit it again.

    Raises
    ------
    JobsError
        When none of this name waits, or no reason is given.
    """
    if not reason.strip():
        raise JobsError(f"say why {name} is turned down: its author reads it.")
    with _locked(settings) as root:
        submission, folder = _waiting(settings, name)
        rejected = replace(submission, status=REJECTED, decided=_now(), operator=operator, reason=reason.strip()[:2000])
        _write(folder, rejected)
        _put(folder, _place(root, REJECTED, submission.author, name))
    return rejected


def withdraw(settings: Settings, name: str, author: str | None = None) -> None:
    """Take a definition back, an accepted one too: no new jobs can be made of it.

    Parameters
    ----------
    settings
        With the folder.
    name
        Of the job type.
    author
        Who takes it back; None for an operator, who can withdraw any.

    Raises
    ------
    JobsError
        When there is none of this name, or it is somebody else's.
    """
    with _locked(settings):
        found = [item for item in _everything(settings) if item[0].name == name]
        own = [folder for submission, folder in found if author is None or submission.author == author]
        if not own:
            raise JobsError(f"there is no job definition {name[:80]} of yours.")
        for folder in own:
            _remove(folder)


# --- what is there ---------------------------------------------------------------------------------------------------


def _everything(settings: Settings) -> list[tuple[Submission, Path]]:
    root = settings.definitions_folder
    folders = [*_folders(root / PENDING), *_folders(root / REJECTED), root / ACCEPTED]
    return [item for folder in folders for item in _read_all(folder)]


def _check_free(settings: Settings, name: str, author: str) -> None:
    """Refuse names that are taken, and more than an author may have waiting."""
    if (DEFINITIONS / name).exists():
        raise JobsError(f"there is a job type {name} already; choose another name.")
    others = [item for item, _ in _everything(settings) if item.name == name and item.status != REJECTED]
    if any(item.author != author for item in others):
        raise JobsError(f"somebody else has submitted a job type {name}; choose another name.")
    own = [item for item, _ in _read_all(settings.definitions_folder / PENDING / _digest(author))]
    if len([item for item in own if item.name != name]) >= MAX_PENDING:
        raise JobsError(f"{MAX_PENDING} definitions of yours wait already; withdraw some, or wait for the operator.")


def _waiting(settings: Settings, name: str) -> tuple[Submission, Path]:
    for submission, folder in pending(settings):
        if submission.name == name:
            return submission, folder
    names = ", ".join(item.name for item, _ in pending(settings)) or "none"
    raise JobsError(f"no job definition {name[:80]} waits; waiting are: {names}.")


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(child for child in place.iterdir() if child.is_dir() and not child.name.startswith("."))
    except FileNotFoundError:
        return []


def _read_all(place: Path) -> Iterator[tuple[Submission, Path]]:
    for folder in _folders(place):
        try:
            yield Submission(**json.loads((folder / SUBMISSION).read_text(encoding="utf-8"))), folder
        except (OSError, ValueError, TypeError):
            continue  # put there by hand, without a submission


# --- files -----------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(settings: Settings) -> Iterator[Path]:
    """Let one at a time change the definitions; give their folder."""
    root = settings.definitions_folder
    try:
        for name in (PENDING, REJECTED, ACCEPTED):
            (root / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as exc:
        raise JobsError(f"the folder of the definitions, {root}, cannot be written ({exc.strerror}).") from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield root
    finally:
        os.close(descriptor)


def _place(root: Path, status: str, author: str, name: str) -> Path:
    return root / status / _digest(author) / name


def _put(new: Path, place: Path) -> None:
    """Move a folder to its place; one that is there goes."""
    place.parent.mkdir(exist_ok=True, mode=0o700)
    _remove(place)
    new.rename(place)


def _remove(folder: Path) -> None:
    """Remove a folder so that nobody sees half of it."""
    if folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".old-") as old:
            folder.rename(Path(old) / "definition")
            shutil.rmtree(Path(old) / "definition", ignore_errors=True)


def _write(folder: Path, submission: Submission) -> None:
    write_whole(folder / SUBMISSION, json.dumps(asdict(submission), indent=1))


def _digest(author: str) -> str:
    return hashlib.sha256(author.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")  # tells submissions apart
