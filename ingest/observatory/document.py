"""Reads observation metadata files: JSON, with limits, and checked in form only.

What is in them is checked by `ingest.observatory.objects`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

FORMAT = "obsmeta 1.0"
# 10^5 runs with all their columns are 30 MB.
MAX_BYTES = 256_000_000


class DocumentError(ValueError):
    """The file is no observation metadata file; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """A metadata file of a collection: its path there, and its content."""

    relpath: str
    content: dict[str, Any]


def read_text(path: Path) -> str:
    """Return the text of a metadata file.

    Raises
    ------
    DocumentError
        When it is too large, not UTF-8, or cannot be read.
    """
    try:
        with path.open("rb") as raw:
            data = raw.read(MAX_BYTES + 1)
    except OSError as exc:
        raise DocumentError(f"the file cannot be read ({exc.strerror or exc}).") from exc
    if len(data) > MAX_BYTES:
        raise DocumentError(f"the file is larger than {MAX_BYTES / 1e6:g} MB; divide it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise DocumentError(f"the file is not UTF-8 (byte {exc.start}).") from exc
    if "\0" in text:
        raise DocumentError("the file has NUL characters: it is not text.")
    return text


def parse(relpath: str, text: str) -> Document:
    """Return the content of a metadata file.

    Raises
    ------
    DocumentError
        When it is not JSON as it should be, or says that it is something else.
    """
    try:
        content = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        raise DocumentError(f"the file is not JSON (line {exc.lineno}, column {exc.colno}: {exc.msg}).") from exc
    except RecursionError:
        raise DocumentError("the file is not usable: it is nested too deeply.") from None
    except DocumentError:
        raise
    except ValueError as exc:  # an integer of more digits than Python reads
        raise DocumentError(f"the file is not usable: {exc}.") from exc
    if not isinstance(content, dict):
        raise DocumentError(f'the file must be an object with a key "format", not a {type(content).__name__}.')
    found = content.pop("format", None)
    if found != FORMAT:
        raise DocumentError(f'the file must say "format": "{FORMAT}"; it says {shown(found)}.')
    return Document(relpath, content)


def digest(texts: list[tuple[str, str]]) -> str:
    """Return a digest of the paths and texts of metadata files."""
    total = hashlib.sha256()
    for relpath, text in texts:
        total.update(repr((relpath, len(text))).encode())
        total.update(text.encode("utf-8", "surrogatepass"))
    return total.hexdigest()


def shown(value: object) -> str:
    """Return a value as it is quoted in a sentence: on one line and not long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise DocumentError(f"the file is not usable: an object has the key {shown(double)} twice.")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"the file is not usable: {name} is no number of JSON.")
