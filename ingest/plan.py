"""Decides what an import has to do: which files to read, which are unchanged, which are gone, what is missing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.collection import Collection
from ingest.contents import Located, read_contents
from ingest.errors import CollectionError, IngestError
from ingest.fitsfile import FitsError
from ingest.folder import Folder, Found, FoundFile, begins_like_fits, document_kind, document_mime
from ingest.harvest import Task
from ingest.index import Index, IndexFacts, add_index
from ingest.rows import READER_VERSION, DocumentRow

# DaCHS puts access references into URLs and identifiers unquoted: anything else is written as _xHH_.
_UNSAFE = re.compile(r"[^A-Za-z0-9._/~-]")


@dataclass(frozen=True, slots=True)
class Naming:
    """How files of a collection are called in the archive."""

    authority: str
    prefix: str
    """Access references of the collection begin with this, e.g. ``cta/data/hess-dl3-dr1/``."""

    def accref(self, relpath: str) -> str:
        """Return the access reference: the path with characters that are unsafe in URLs written as ``_xHH_``."""
        return self.prefix + _UNSAFE.sub(lambda match: _hex_bytes(match[0]), relpath)

    def publisher_did(self, accref: str) -> str:
        """Return DaCHS's standard publisher DID of an access reference."""
        return f"ivo://{self.authority}/~?{accref}"


def _hex_bytes(character: str) -> str:
    return "".join(f"_x{byte:02X}_" for byte in character.encode("utf-8", "surrogateescape"))


@dataclass(slots=True)
class Plan:
    """What an import has to do. `problems` are (path, severity, sentence)."""

    tasks: list[Task] = field(default_factory=list)
    unchanged: set[str] = field(default_factory=set)
    """Paths, in the collection, of the files that are published as they are."""
    gone: list[str] = field(default_factory=list)
    """Access references of the stored datasets whose files are not there any more."""
    documents: list[DocumentRow] = field(default_factory=list)
    n_index_files: int = 0
    n_files: int = 0
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def make_plan(collection: Collection, folder: Folder, naming: Naming, known: Mapping[str, str]) -> Plan:
    """Compare a folder with what is stored of it.

    Parameters
    ----------
    collection
        Its description.
    folder
        Where its files are.
    naming
        How they are called in the archive.
    known
        Fingerprints of the stored datasets by access reference.

    Raises
    ------
    CollectionError
        When data are published but the folder has none: more likely it is not mounted than meant to be emptied.
    """
    found = folder.find()
    plan = Plan(n_files=len(found.files), problems=list(found.problems))
    index = _read_indexes(found, plan)
    _add_outside_files(index, folder, found)
    data_files = _sort_files(found, plan, naming, collection)
    if known and not data_files:
        raise CollectionError(
            f"the folder {folder.root} holds no data file, but {len(known)} of its files are published; mount it, or "
            f"remove the link data/{collection.name} to withdraw the collection."
        )
    tasks = _tasks(data_files, collection, folder, naming, index, plan)
    for task in tasks:
        if known.get(task.accref) == task.fingerprint:
            plan.unchanged.add(task.file.relpath)
        else:
            plan.tasks.append(task)
    plan.gone = sorted(known.keys() - {task.accref for task in tasks})
    _list_missing(index, folder, plan)
    return plan


def _read_indexes(found: Found, plan: Plan) -> Index:
    index = Index()
    for file in found.files.values():
        if file.kind != "index":
            continue
        plan.n_index_files += 1
        try:
            if add_index(index, file.relpath, read_contents(file).hdus) == 0:
                plan.problems.append((file.relpath, "warning", "this is called an index, but holds no index table."))
        except (FitsError, IngestError) as exc:
            plan.problems.append((file.relpath, "error", f"the index table is not usable: {exc}"))
        except OSError as exc:
            plan.problems.append((file.relpath, "error", f"the index file cannot be read ({exc.strerror})."))
    return index


def _add_outside_files(index: Index, folder: Folder, found: Found) -> None:
    """Add files that index tables name in allowed folders outside of the collection."""
    for path in index.listed:
        if path.startswith(("../", "/")):
            file = folder.locate(path)
            if file is not None and file.relpath.startswith("outside/"):
                found.files.setdefault(file.relpath, file)


def _sort_files(found: Found, plan: Plan, naming: Naming, collection: Collection) -> list[FoundFile]:
    """Put documents and index files aside; return the files to read."""
    data_files: list[FoundFile] = []
    for file in found.files.values():
        kind = file.kind
        if kind == "other" and begins_like_fits(file.path):
            kind = "fits"
        if kind == "fits":
            data_files.append(file)
        elif kind == "other":
            plan.problems.append((file.relpath, "error", "this is neither FITS nor a document of a known type."))
        else:
            plan.documents.append(_document(file, kind, naming, collection))
    return data_files


def _document(file: FoundFile, kind: str, naming: Naming, collection: Collection) -> DocumentRow:
    is_index = kind == "index"
    return DocumentRow(
        accref=naming.accref(file.relpath),
        collection=collection.name,
        kind="index" if is_index else document_kind(file.path),
        title=file.relpath,
        mime="application/fits" if is_index else document_mime(file.path) or "application/octet-stream",
        accsize=file.size,
    )


def _tasks(
    files: list[FoundFile], collection: Collection, folder: Folder, naming: Naming, index: Index, plan: Plan
) -> list[Task]:
    tasks: list[Task] = []
    taken: dict[str, str] = {}
    located: dict[str, FoundFile | None] = {}
    for file in files:
        accref = naming.accref(file.relpath)
        if accref in taken:
            plan.problems.append(
                (file.relpath, "error", f"its identifier would be the same as that of {taken[accref]}; rename one.")
            )
            continue
        taken[accref] = file.relpath
        facts = index.facts_for(file.relpath)
        elsewhere = []
        for entry in facts.responses:
            if entry.path not in located:
                located[entry.path] = folder.locate(entry.path)
            response_file = located[entry.path]
            if response_file is not None:
                response_accref = naming.accref(response_file.relpath)
                elsewhere.append(
                    (Located(entry, response_file), response_accref, naming.publisher_did(response_accref))
                )
        tasks.append(
            Task(
                file=file,
                accref=accref,
                publisher_did=naming.publisher_did(accref),
                fingerprint=_fingerprint(file, collection, facts, [item[0] for item in elsewhere]),
                facts=facts,
                elsewhere=tuple(elsewhere),
            )
        )
    return tasks


def _fingerprint(file: FoundFile, collection: Collection, facts: IndexFacts, elsewhere: list[Located]) -> str:
    """Return a digest of everything a row depends on: the file, its collection file, its index lines, this reader."""
    shared = [(item.file.relpath, item.file.size, item.file.mtime_ns) for item in elsewhere]
    everything = (READER_VERSION, file.size, file.mtime_ns, collection.digest, facts, shared)
    return hashlib.sha1(repr(everything).encode(), usedforsecurity=False).hexdigest()[:16]


def _list_missing(index: Index, folder: Folder, plan: Plan) -> None:
    """Note every file an index names that is not there, once, and observations that have no file at all."""
    for path, (obs_id, hdu_type, index_file) in index.listed.items():
        named = f"{index_file} lists it for observation {obs_id} ({hdu_type})"
        if not folder.contains(path):
            plan.problems.append(
                (path, "warning", f"{named}, but it lies outside of the collection; allow its folder with 'outside'.")
            )
        elif folder.locate(path) is None:
            plan.problems.append((path, "warning", f"{named}, but there is no such file."))
    for obs_id, index_file in index.unlisted_observations.items():
        plan.problems.append(
            (f"{index_file}#{obs_id}", "warning", f"observation {obs_id} is in the obs-index, but no HDU is listed.")
        )
