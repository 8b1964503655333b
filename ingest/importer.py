"""Imports a collection: folder and collection file in, rows in the caller's transaction and a summary out."""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from ingest.collection import Collection, load_collection, write_collection
from ingest.errors import CollectionError
from ingest.events.load import Loaded, forget_events, load_events
from ingest.fitsfile import FitsError, read_hdus
from ingest.folder import Folder, FoundFile, is_folder
from ingest.harvest import Harvest, access_rule
from ingest.header import text
from ingest.observatory import fill
from ingest.plan import Naming, Plan, make_plan
from ingest.products.ogip import WORDS as PARTS
from ingest.rows import CollectionRow, DatasetRow, DocumentRow, HduRow, PartRow, ProblemRow, ProductRow, SourceRow
from ingest.store import Store
from ingest.timescale import convert_mjd
from ingest.workers import harvest_all

EV_IN_JOULE = 1.602176634e-19
BATCH_FILES = 200
# How many sentences of each severity a summary quotes; all are in cta.import_problem.
QUOTED_PROBLEMS = 10
DOUBLED = "the collection has another event list of observation"
NO_EVENTS = "its events are not in cta.event:"
INCOMPLETE = "a file that it names is not published"
UNUSED = "no spectrum of the collection names this file"
# Sentences on how files go together: said anew by every import.
JUDGED_ANEW = (DOUBLED, INCOMPLETE, UNUSED, NO_EVENTS)


@dataclass(slots=True)
class Summary:
    """What an import did. `exit_status` is 0 when every file found was taken."""

    collection: str
    collection_file: str
    collection_file_written: bool = False
    files_found: int = 0
    published: int = 0
    new_or_changed: int = 0
    unchanged: int = 0
    removed: int = 0
    parts: int = 0
    """Files published as parts of datasets."""
    documents: int = 0
    index_files: int = 0
    events_loaded: int = 0
    metadata_files: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    seconds: float = 0.0
    exit_status: int = 0

    def write(self, path: Path) -> None:
        """Write the summary as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Site:
    """Where an archive keeps its collections and what it is called."""

    authority: str
    resource_dir: Path
    """DaCHS's ``inputs/cta`` with ``collections/`` and ``data/``."""
    processes: int | None = None

    def names(self) -> list[str]:
        """Return the collections that have data linked."""
        data = self.resource_dir / "data"
        return sorted(entry.name for entry in data.iterdir()) if data.is_dir() else []

    def collection_file(self, name: str) -> Path:
        """Return the path of a collection's description."""
        return self.resource_dir / "collections" / f"{name}.toml"

    def folder(self, name: str) -> Path:
        """Return the path of a collection's files."""
        return self.resource_dir / "data" / name

    def naming(self, name: str) -> Naming:
        """Return how the files of a collection are called."""
        return Naming(self.authority, f"cta/data/{name}/")


def import_collection(site: Site, name: str, store: Store) -> Summary:
    """Bring the tables up to date with a collection's folder.

    Nothing is committed here: the caller does, or readers go on seeing the old state.

    Parameters
    ----------
    site
        The archive.
    name
        The collection.
    store
        The tables, in an open transaction.

    Raises
    ------
    CollectionError
        When the collection file or the folder is unusable.
    """
    started = time.monotonic()
    path = site.collection_file(name)
    summary = Summary(name, str(path), collection_file_written=_ensure_collection_file(site, name))
    collection = load_collection(path, name)
    folder = Folder(site.folder(name), collection.outside)
    naming = site.naming(name)
    known = store.known_datasets(naming.prefix)
    plan = make_plan(collection, folder, naming, known)
    store.delete_datasets(plan.gone)
    problems = _kept_problems(store, name, plan)
    problems += _note(collection, plan.problems)
    n_new = 0
    access_paths = {task.file.relpath: _access_path(naming, task.file) for task in plan.tasks}
    for harvests in _batches(_with_progress(harvest_all(plan.tasks, collection, site.processes), len(plan.tasks))):
        # A published file that is now unusable keeps its old row: only what is read anew is replaced.
        rows = (harvest.row or harvest.part for harvest in harvests)
        read_anew = {row.accref for row in rows if row is not None}
        store.delete_datasets(sorted(read_anew & known.keys()))
        n_new += _write(store, access_paths, harvests)
        _renew_access(store, collection, naming, [harvest for harvest in harvests if _is_unusable(harvest)], known)
        for harvest in harvests:
            problems += _note(collection, ((harvest.relpath, *problem) for problem in harvest.problems))
            plan.n_index_files += harvest.is_index
    problems += _note(collection, _doubled_observations(store, naming, plan))
    problems += _note(collection, _broken_sets(store, naming, plan))
    loaded = _bring_events(site, collection, naming, store)
    paths = {naming.accref(path): path for path in (*plan.unchanged, *access_paths)}
    problems += _note(
        collection, ((paths[accref], "warning", f"{NO_EVENTS} {sentence}") for accref, sentence in loaded.problems)
    )
    store.replace_documents(name, plan.documents)
    store.replace_derivations(name, plan.derivations)
    store.add(ProductRow, (_document_product(document, naming) for document in plan.documents))
    row = _collection_row(collection, store, naming)
    store.replace_collection(row)
    problems += _fill_model(collection, store, naming, plan, bool(n_new or plan.gone))
    store.replace_problems(name, problems)
    _complete(summary, plan, problems, n_new)
    summary.published, summary.parts = row.n_datasets, store.count_parts(naming.prefix)
    summary.events_loaded = loaded.n_events
    if row.n_datasets == 0 and not plan.metadata:
        summary.exit_status = 1
        summary.sentences.insert(0, "nothing could be published: the folder holds no usable data file.")
    summary.seconds = round(time.monotonic() - started, 3)
    return summary


def forget_collection(site: Site, name: str, store: Store) -> Summary:
    """Remove everything stored of a collection whose data are no longer linked."""
    gone = list(store.known_datasets(site.naming(name).prefix))
    store.delete_datasets(gone)
    forget_events(store.cursor, name)
    store.replace_problems(name, [])
    store.replace_documents(name, [])
    fill.forget(store.cursor, name)
    store.replace_derivations(name, [])
    store.delete_collection(name)
    return Summary(name, str(site.collection_file(name)), removed=len(gone))


def load_public_events(site: Site, name: str, store: Store) -> Loaded:
    """Load the events of data of a collection that have become public since its import.

    Raises
    ------
    CollectionError
        When the collection file is unusable.
    """
    collection = load_collection(site.collection_file(name), name)
    return _bring_events(site, collection, site.naming(name), store)


def _bring_events(site: Site, collection: Collection, naming: Naming, store: Store) -> Loaded:
    if not collection.events:
        forget_events(store.cursor, collection.name)
        return Loaded()
    return load_events(store.cursor, collection.name, naming.prefix, site.resource_dir.parent, site.processes)


def _ensure_collection_file(site: Site, name: str) -> bool:
    """Write a collection file from the headers when there is none; return whether that was done."""
    path, folder = site.collection_file(name), site.folder(name)
    if path.exists():
        return False
    if not is_folder(folder):
        raise CollectionError(f"the collection {name} has no folder of files: {folder} does not lead to one.")
    facts: dict[str, str | None] = {}
    for file in islice((file for file in Folder(folder).find().files.values() if file.kind == "fits"), 3):
        try:
            headers = [hdu.header for hdu in read_hdus(file.path, lambda _: False)]
        except (FitsError, OSError):
            continue
        for key, keyword in (("facility_name", "TELESCOP"), ("instrument_name", "INSTRUME"), ("creator", "ORIGIN")):
            value = next((value for header in headers if (value := text(header, keyword))), None)
            facts.setdefault(key, value)
    write_collection(path, name, facts)
    return True


def _kept_problems(store: Store, name: str, plan: Plan) -> list[ProblemRow]:
    """Return what was noted earlier of files that are not read this time, but for what is always judged anew."""
    earlier = store.known_problems(name)
    return [row for row in earlier if row.path in plan.unchanged and not row.sentence.startswith(JUDGED_ANEW)]


def _fill_model(
    collection: Collection, store: Store, naming: Naming, plan: Plan, datasets_changed: bool
) -> list[ProblemRow]:
    """Bring the data model's tables up to date; return what is to be noted of the metadata files."""
    outcome = fill.update(store.cursor, collection.name, naming.prefix, plan.metadata, datasets_changed)
    if outcome.unchanged:
        paths = {file.relpath for file in plan.metadata}
        return [row for row in store.known_problems(collection.name) if row.path in paths]
    return _note(collection, outcome.problems)


def _note(collection: Collection, problems: Iterable[tuple[str, str, str]]) -> list[ProblemRow]:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").removesuffix("+00:00")
    return [
        ProblemRow(collection=collection.name, path=_clean(path), severity=severity, sentence=_clean(text), noticed=now)
        for path, severity, text in problems
    ]


def _clean(text: str) -> str:
    """Return text that any database encoding takes: file names may hold anything."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def _with_progress(harvests: Iterable[Harvest], total: int) -> Iterator[Harvest]:
    last = time.monotonic()
    for done, harvest in enumerate(harvests, 1):
        now = time.monotonic()
        if now - last >= 2.0:
            print(f"progress: {done} of {total} files read", file=sys.stderr, flush=True)
            last = now
        yield harvest


def _batches(harvests: Iterator[Harvest]) -> Iterator[list[Harvest]]:
    while batch := list(islice(harvests, BATCH_FILES)):
        yield batch


def _access_path(naming: Naming, file: FoundFile) -> str:
    """Return where DaCHS finds a file: below its inputs, or anywhere for an allowed folder outside."""
    return str(file.path) if file.relpath.startswith("outside/") else naming.prefix + file.relpath


def _write(store: Store, access_paths: Mapping[str, str], harvests: list[Harvest]) -> int:
    rows = [harvest.row for harvest in harvests if harvest.row is not None]
    parts = [harvest.part for harvest in harvests if harvest.part is not None]
    store.add(DatasetRow, rows)
    store.add(HduRow, (hdu for harvest in harvests for hdu in harvest.hdus))
    served = [
        (row, access_paths[harvest.relpath])
        for harvest in harvests
        if (row := harvest.row or harvest.part) is not None and not harvest.is_listed
    ]
    store.add(ProductRow, (_product(row, path) for row, path in served))
    if parts:
        store.add(PartRow, parts)
    sources = [source for harvest in harvests for source in harvest.sources]
    if sources:
        store.add(SourceRow, sources)
    return len(rows)


def _is_unusable(harvest: Harvest) -> bool:
    return harvest.row is None and harvest.part is None


def _renew_access(
    store: Store, collection: Collection, naming: Naming, unusable: list[Harvest], known: Mapping[str, str]
) -> None:
    """Let new rules of access hold for the rows that files gone bad keep, too."""
    for harvest in unusable:
        accref = naming.accref(harvest.relpath)
        if accref in known:
            owner, embargo, released = access_rule(collection, harvest.relpath)
            store.set_access(accref, owner, embargo, released, _last_proprietary_day(embargo))


def _product(row: DatasetRow | PartRow, access_path: str) -> ProductRow:
    return ProductRow(
        accref=row.accref,
        owner=row.owner,
        embargo=_last_proprietary_day(row.embargo),
        mime=row.mime,
        accessPath=access_path,
        sourceTable="cta.part" if isinstance(row, PartRow) else "cta.dataset",
    )


def _last_proprietary_day(embargo: str | None) -> str | None:
    """Return the day before an embargo ends: DaCHS gives data away only from the day after the date it is told."""
    if embargo is None:
        return None
    return (datetime.date.fromisoformat(embargo) - datetime.timedelta(days=1)).isoformat()


def _document_product(document: DocumentRow, naming: Naming) -> ProductRow:
    return ProductRow(
        accref=document.accref,
        owner=None,
        embargo=None,
        mime=document.mime,
        accessPath=naming.prefix + document.title,
        sourceTable="cta.document",
    )


def _doubled_observations(store: Store, naming: Naming, plan: Plan) -> Iterator[tuple[str, str, str]]:
    paths = {naming.accref(path): path for path in (*plan.unchanged, *(task.file.relpath for task in plan.tasks))}
    for obs_id, accref in store.doubled_observations(naming.prefix):
        yield paths[accref], "warning", f"{DOUBLED} {obs_id} with the same event type."


def _broken_sets(store: Store, naming: Naming, plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Withdraw spectra with a part that is missing or no such part, and tell parts that nothing names."""
    paths = {naming.accref(path): path for path in (*plan.unchanged, *(task.file.relpath for task in plan.tasks))}
    incomplete = store.incomplete_datasets(naming.prefix, list(PARTS))
    store.delete_datasets(sorted({accref for accref, _ in incomplete}))
    for accref, part in incomplete:
        name = part.rpartition("/")[2]
        yield paths[accref], "error", f"{INCOMPLETE} ({name}): it is missing, or not what it is named for."
    for accref, kind in store.unused_parts(naming.prefix):
        yield paths[accref], "warning", f"{UNUSED} ({PARTS[kind]})."


def _collection_row(collection: Collection, store: Store, naming: Naming) -> CollectionRow:
    n_datasets, n_events, t_min, t_max, energy_min, energy_max = store.summarise(naming.prefix)
    times = None if t_min is None else convert_mjd([t_min, t_max], "utc", "tdb")
    return CollectionRow(
        name=collection.name,
        obs_collection=collection.obs_collection,
        title=collection.title,
        description=collection.description or None,
        creator=collection.creator,
        terms=collection.terms,
        terms_uri=collection.terms_uri,
        acknowledgement=collection.acknowledgement,
        reference_url=collection.reference_url,
        bib_reference=collection.bib_reference,
        facility_name=collection.facility_name,
        instrument_name=collection.instrument_name,
        simulated=None if collection.simulated is None else int(collection.simulated),
        release_date=collection.release_date.isoformat() if collection.release_date else None,
        owner=collection.owner,
        n_datasets=n_datasets,
        n_events=int(n_events),
        coverage_spatial=store.sky_coverage(naming.prefix),
        coverage_t_min=None if times is None else float(times[0]),
        coverage_t_max=None if times is None else float(times[1]),
        coverage_energy_min=None if energy_min is None else energy_min * EV_IN_JOULE,
        coverage_energy_max=None if energy_max is None else energy_max * EV_IN_JOULE,
        imported=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").removesuffix("+00:00"),
    )


def _complete(summary: Summary, plan: Plan, problems: list[ProblemRow], n_new: int) -> None:
    counts = Counter(problem.severity for problem in problems)
    summary.files_found = plan.n_files
    summary.new_or_changed = n_new
    summary.unchanged = len(plan.unchanged)
    summary.removed = len(plan.gone)
    summary.documents = sum(document.kind != "index" for document in plan.documents)
    summary.index_files = plan.n_index_files
    summary.metadata_files = len(plan.metadata)
    summary.problems = {severity: counts.get(severity, 0) for severity in ("error", "warning", "info")}
    for severity in ("error", "warning"):
        quoted = islice((problem for problem in problems if problem.severity == severity), QUOTED_PROBLEMS)
        summary.sentences += [f"{severity}: {problem.path}: {problem.sentence}" for problem in quoted]
    summary.exit_status = 1 if counts.get("error") else 0
