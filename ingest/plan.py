"""Decides what an import has to do: which files to read, which are unchanged, which are gone, what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.collection import Collection
from ingest.contents import Located, read_contents
from ingest.errors import CollectionError, IngestError
from ingest.fitsfile import FitsError
from ingest.folder import Folder, Found, FoundFile, begins_like_fits, document_kind, document_mime, escaped, is_utf8
from ingest.harvest import Task
from ingest.index import Index, IndexFacts, add_index
from ingest.products.companion import companion_name
from ingest.products.listing import ListedFile, read_listing
from ingest.records import LEFT_OUT, is_provenance_record
from ingest.rows import READER_VERSION, DerivationRow, DocumentRow

_MIMES = {"index": "application/fits", "listing": "text/plain"}


@dataclass(frozen=True, slots=True)
class Naming:
    """How files of a collection are called in the archive."""

    authority: str
    prefix: str
    """Access references of the collection begin with this, e.g. ``cta/data/hess-dl3-dr1/``."""

    def accref(self, relpath: str) -> str:
        """Return the access reference: the path with characters that are unsafe in URLs written as ``_xHH_``."""
        return self.prefix + escaped(relpath)

    def publisher_did(self, accref: str) -> str:
        """Return DaCHS's standard publisher DID of an access reference."""
        return f"ivo://{self.authority}/~?{accref}"


@dataclass(slots=True)
class Plan:
    """What an import has to do. `problems` are (path, severity, sentence)."""

    tasks: list[Task] = field(default_factory=list)
    unchanged: set[str] = field(default_factory=set)
    """Paths, in the collection, of the files that are published as they are."""
    gone: list[str] = field(default_factory=list)
    """Access references of the stored datasets whose files are not there any more."""
    documents: list[DocumentRow] = field(default_factory=list)
    metadata: list[FoundFile] = field(default_factory=list)
    """Observation metadata files."""
    derivations: list[DerivationRow] = field(default_factory=list)
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
    plan = Plan(problems=list(found.problems))
    index_files: set[str] = set()
    index = _read_indexes(found, plan, index_files)
    listed = _locate_listed(index, folder, found, plan)
    plan.n_files = len(found.files)
    data_files = _sort_files(found, plan, naming, collection, index_files)
    listings = _read_listings(found, plan)
    if known and not data_files and not listings:
        raise CollectionError(
            f"the folder {folder.root} holds no data file, but {len(known)} of its files are published; mount it, or "
            f"remove the link data/{collection.name} to withdraw the collection."
        )
    tasks = _tasks(data_files, collection, naming, index, listed, found)
    tasks += _listed_tasks(listings, collection, naming, found, plan)
    plan.derivations = _derivations(listings, collection, naming, {task.file.relpath for task in tasks}, plan)
    for task in tasks:
        if known.get(task.accref) == task.fingerprint:
            plan.unchanged.add(task.file.relpath)
        else:
            plan.tasks.append(task)
    plan.gone = sorted(known.keys() - {task.accref for task in tasks})
    _list_missing(index, folder, listed, plan)
    return plan


def _read_indexes(found: Found, plan: Plan, index_files: set[str]) -> Index:
    """Read the index tables; add the files that have some, or cannot be read, to `index_files`."""
    index = Index()
    for file in found.files.values():
        if file.kind != "index":
            continue
        try:
            if add_index(index, file.relpath, read_contents(file).hdus) == 0:
                continue  # an event list may have an index in its name as well
        except OSError as exc:
            plan.problems.append((file.relpath, "error", f"the index file cannot be read ({exc.strerror or exc})."))
        except (FitsError, ArithmeticError, LookupError, TypeError, ValueError) as exc:
            plan.problems.append((file.relpath, "error", f"the index table is not usable: {exc}"))
        index_files.add(file.relpath)
    plan.n_index_files = len(index_files)
    return index


def _locate_listed(index: Index, folder: Folder, found: Found, plan: Plan) -> dict[str, FoundFile | None]:
    """Return the file that each path of an index means, and make the index call event lists as the archive does.

    Files in allowed folders outside of the collection are found this way only.
    """
    located: dict[str, FoundFile | None] = {}
    for path, (_, _, index_file) in index.listed.items():
        file = folder.locate(path)
        if file is not None and file.path in found.real:
            file = found.files[found.real[file.path]]
        elif file is not None and file.relpath.startswith("outside/"):
            if file.relpath in found.files or not is_utf8(file.relpath):
                plan.problems.append(
                    (path, "error", f"{index_file} lists it, but it has no usable name in the archive.")
                )
                file = None
            else:
                found.add(file, file.path)
        located[path] = file
    events: dict[str, IndexFacts] = {}
    for path, facts in index.events.items():
        file = located[path]
        events.setdefault(path if file is None else file.relpath, facts)
    index.events = events
    return located


def _sort_files(
    found: Found, plan: Plan, naming: Naming, collection: Collection, index_files: set[str]
) -> list[tuple[FoundFile, str]]:
    """Put documents and index files aside; return the files to read, each with its access reference."""
    data_files: list[tuple[FoundFile, str]] = []
    taken: dict[str, str] = {}
    for file in found.files.values():
        if is_provenance_record(file.path):
            plan.problems.append((file.relpath, "info", LEFT_OUT))
            continue
        kind = "index" if file.relpath in index_files else _data_or_document(file)
        if kind == "other":
            plan.problems.append((file.relpath, "error", "this is neither FITS nor a document of a known type."))
            continue
        if kind == "metadata":
            plan.metadata.append(file)
            continue
        accref = naming.accref(file.relpath)
        if accref in taken:
            sentence = f"its identifier would be the same as that of {taken[accref]}; rename one."
            plan.problems.append((file.relpath, "error", sentence))
            continue
        taken[accref] = file.relpath
        if kind == "fits":
            data_files.append((file, accref))
        else:
            plan.documents.append(_document(file, accref, kind, collection))
    return data_files


def _data_or_document(file: FoundFile) -> str:
    """Return ``fits`` for data, ``listing``, ``document``, ``other``; what an index lists outside is always data."""
    if file.kind in ("fits", "index", "table") or file.relpath.startswith("outside/"):
        return "fits"
    return "fits" if file.kind == "other" and begins_like_fits(file.path) else file.kind


def _document(file: FoundFile, accref: str, kind: str, collection: Collection) -> DocumentRow:
    return DocumentRow(
        accref=accref,
        collection=collection.name,
        kind=kind if kind in ("index", "listing") else document_kind(file.path),
        title=file.relpath,
        mime=_MIMES.get(kind) or document_mime(file.path) or "application/octet-stream",
        accsize=file.size,
    )


def _tasks(
    files: list[tuple[FoundFile, str]],
    collection: Collection,
    naming: Naming,
    index: Index,
    listed: Mapping[str, FoundFile | None],
    found: Found,
) -> list[Task]:
    tasks: list[Task] = []
    has_descriptions = any(path.endswith(".yaml") for path in found.files)
    for file, accref in files:
        facts = index.facts_for(file.relpath)
        elsewhere = []
        for entry in facts.responses:
            response_file = listed[entry.path]
            if response_file is not None and response_file.relpath != file.relpath:
                response_accref = naming.accref(response_file.relpath)
                elsewhere.append(
                    (Located(entry, response_file), response_accref, naming.publisher_did(response_accref))
                )
        companion = _companion(file, found) if has_descriptions else None
        others = [item[0].file for item in elsewhere] + ([] if companion is None else [companion])
        tasks.append(
            Task(
                file=file,
                accref=accref,
                publisher_did=naming.publisher_did(accref),
                fingerprint=_fingerprint(file, collection, facts, others),
                facts=facts,
                elsewhere=tuple(elsewhere),
                companion=companion,
            )
        )
    return tasks


def _companion(file: FoundFile, found: Found) -> FoundFile | None:
    """Return the YAML description that goes with a product, None when there is none."""
    folder, slash, name = file.relpath.rpartition("/")
    wanted = companion_name(name)
    return None if wanted is None else found.files.get(f"{folder}{slash}{wanted}")


def _read_listings(found: Found, plan: Plan) -> list[tuple[FoundFile, list[ListedFile]]]:
    """Read the listings of a collection; what is wrong with one is noted."""
    listings = []
    for file in found.files.values():
        if file.kind != "listing":
            continue
        try:
            files, problems = read_listing(file.path, file.relpath.rpartition("/")[0])
        except IngestError as exc:
            plan.problems.append((file.relpath, "error", str(exc)))
            continue
        except OSError as exc:
            plan.problems.append((file.relpath, "error", f"the listing cannot be read ({exc.strerror or exc})."))
            continue
        plan.problems += [(file.relpath, "warning", problem) for problem in problems]
        listings.append((file, files))
    return listings


def _listed_tasks(
    listings: list[tuple[FoundFile, list[ListedFile]]],
    collection: Collection,
    naming: Naming,
    found: Found,
    plan: Plan,
) -> list[Task]:
    """Return a task for each file of levels DL0 to DL2 that is listed and not here."""
    tasks: dict[str, Task] = {}
    for listing, files in listings:
        for listed in files:
            accref = naming.accref(listed.path)
            if listed.path in found.files:
                continue
            if not listed.is_below_dl3 or accref in tasks:
                reason = "it is listed twice" if accref in tasks else f"{listed.level} is served, and it is not there"
                plan.problems.append((listed.path, "warning", f"{listing.relpath} lists it, but {reason}."))
                continue
            facts = (READER_VERSION, "listed", collection.digest, listed)
            tasks[accref] = Task(
                file=FoundFile(listed.path, listing.path, listed.size or 0, listing.mtime_ns),
                accref=accref,
                publisher_did=naming.publisher_did(accref),
                fingerprint=_digest(facts),
                listed=listed,
            )
    return list(tasks.values())


def _derivations(
    listings: list[tuple[FoundFile, list[ListedFile]]],
    collection: Collection,
    naming: Naming,
    present: set[str],
    plan: Plan,
) -> list[DerivationRow]:
    """Return which datasets were made from which, as the listings say."""
    rows: dict[tuple[str, str], DerivationRow] = {}
    for listing, files in listings:
        for listed in files:
            for parent in listed.derived_from:
                if listed.path not in present or parent not in present:
                    lost = parent if listed.path in present else listed.path
                    sentence = f"{listing.relpath} has {listed.path} derived from {parent}, but {lost} is not known."
                    plan.problems.append((listing.relpath, "warning", sentence))
                    continue
                dids = [naming.publisher_did(naming.accref(path)) for path in (listed.path, parent)]
                rows[dids[0], dids[1]] = DerivationRow(
                    collection=collection.name, obs_publisher_did=dids[0], progenitor_did=dids[1]
                )
    return list(rows.values())


def _fingerprint(file: FoundFile, collection: Collection, facts: IndexFacts, others: list[FoundFile]) -> str:
    """Return a digest of everything a row depends on: the file, its collection file, its index lines, this reader."""
    shared = [(other.relpath, other.size, other.mtime_ns) for other in others]
    return _digest((READER_VERSION, file.size, file.mtime_ns, collection.digest, facts, shared))


def _digest(everything: object) -> str:
    return hashlib.sha1(repr(everything).encode(), usedforsecurity=False).hexdigest()[:16]


def _list_missing(index: Index, folder: Folder, listed: Mapping[str, FoundFile | None], plan: Plan) -> None:
    """Note every file an index names that is not there, once, and observations that have no file at all."""
    for path, (obs_id, hdu_type, index_file) in index.listed.items():
        named = f"{index_file} lists it for observation {obs_id} ({hdu_type})"
        if not folder.contains(path):
            plan.problems.append(
                (path, "warning", f"{named}, but it lies outside of the collection; allow its folder with 'outside'.")
            )
        elif listed[path] is None:
            plan.problems.append((path, "warning", f"{named}, but there is no such file."))
    for obs_id, index_file in index.unlisted_observations.items():
        plan.problems.append(
            (f"{index_file}#{obs_id}", "warning", f"observation {obs_id} is in the obs-index, but no HDU is listed.")
        )
