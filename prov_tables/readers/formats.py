"""Which reader a file is for: told by its content, names help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest
from prov_tables.readers import ctapipe, logprov, model_text, opus, prov_json, prov_n, run_yaml
from prov_tables.readers.jsonstream import objects

HEAD = 65536
MAX_DOCUMENT = 2**28
# Files that lie beside records in a folder and are none.
OTHERS = re.compile(r"(?i)(licen[cs]e|copying|readme|manifest|sha256sums|changelog|notice)(\..*)?")
Reader = Callable[[Path], Iterator[Harvest]]
# These take one record after the other, of files of any size.
STREAMING: tuple[Reader, ...] = (ctapipe.read, logprov.read)


def reader_of(path: Path) -> Reader:
    """Return the reader for a file.

    Raises
    ------
    ProvenanceError
        When it is none of the known formats; with a sentence that names them.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not text:
        raise ProvenanceError("the file is empty.")
    reader = _reader_for(path, text, head)
    if reader not in STREAMING and path.stat().st_size > MAX_DOCUMENT:
        raise ProvenanceError(f"a document of more than {MAX_DOCUMENT >> 20} MiB is not read; split it.")
    return reader


def _reader_for(path: Path, text: str, head: bytes) -> Reader:
    if text.startswith("<"):
        return opus.read
    if text.startswith(("{'", "{ '")) or re.search(r"_PROV_\{|^\{'", text, re.MULTILINE):
        return logprov.read
    if text[0] in "[{":
        return _json_reader(path)
    if re.search(r"^\s*document\b", text, re.MULTILINE):
        return prov_n.read
    if re.search(r"^(Activity|Entity|DatasetEntity|ActivityDescription|Agent)\.\w+=", text, re.MULTILINE):
        return model_text.read
    if path.suffix.lower() in (".yaml", ".yml") and b"\0" not in head:
        return run_yaml.read
    raise ProvenanceError(
        "this is no provenance record known here: ctapipe and logprov logs, PROV-JSON, PROV-N, UWS jobs and OPUS job "
        "definitions are."
    )


def _json_reader(path: Path) -> Reader:
    """Return the reader for a JSON file by its first object."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        try:
            first = next(objects(stream), None)
        except ProvenanceError as exc:
            raise ProvenanceError(f"the file is damaged: {exc}") from exc
    if first is not None and ctapipe.is_record(first):
        return ctapipe.read
    if prov_json.is_document(first):
        return prov_json.read
    keys = ", ".join(list(first or {})[:5])
    raise ProvenanceError(
        f"this JSON ({keys or 'nothing'}) is neither a ctapipe log (activity_name, activity_uuid) nor PROV-JSON "
        "(entity, activity)."
    )


__all__ = ["reader_of"]
