"""One file in, its rows and problems out: the function that runs in parallel on all cores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ingest import gadf
from ingest.collection import Collection
from ingest.contents import Contents, Located, read_contents
from ingest.errors import IngestError
from ingest.fitsfile import FitsError
from ingest.folder import FITS_SUFFIXES, TABLE_SUFFIX, FoundFile, escaped
from ingest.index import IndexFacts
from ingest.observation import Observation
from ingest.products.listing import ListedFile
from ingest.products.recognise import recognise
from ingest.response_file import describe_response_file
from ingest.rows import SINGLE_PRECISION, DatasetRow, HduRow, PartRow, SourceRow, columns
from ingest.timescale import TimeError

_COLUMNS = columns(DatasetRow)


@dataclass(frozen=True, slots=True)
class Task:
    """A file to harvest: what it is called in the archive and what index tables and listings say of it."""

    file: FoundFile
    accref: str
    publisher_did: str
    fingerprint: str
    facts: IndexFacts = field(default_factory=IndexFacts)
    elsewhere: tuple[tuple[Located, str, str], ...] = ()
    """Responses in other files, each with that file's accref and publisher DID."""
    companion: FoundFile | None = None
    """The YAML description beside a product."""
    listed: ListedFile | None = None
    """What a listing says of a file that is not here; there is nothing to read then."""

    def beside(self, name: str) -> tuple[str, str]:
        """Return access reference and identifier of a file beside this one."""
        end = escaped(self.file.relpath.rpartition("/")[2])
        accref = self.accref[: len(self.accref) - len(end)] + escaped(name)
        return accref, self.publisher_did[: len(self.publisher_did) - len(self.accref)] + accref


@dataclass(slots=True)
class Harvest:
    """What came of one file: a row, or no row and a reason; `problems` are pairs of severity and sentence.

    A file that is part of other datasets has a `part` instead of a row.
    """

    relpath: str
    row: DatasetRow | None = None
    hdus: list[HduRow] = field(default_factory=list)
    part: PartRow | None = None
    sources: list[SourceRow] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    is_index: bool = False
    is_listed: bool = False
    """Whether this is a line of a listing: there is no file to deliver."""


def harvest(task: Task, collection: Collection) -> Harvest:
    """Read a file and describe it; whatever is wrong with the file ends as a sentence, never as an exception."""
    result = Harvest(task.file.relpath)
    try:
        if task.listed is not None or task.file.path.name.lower().endswith(TABLE_SUFFIX):
            _describe_product(task, collection, None, result)
        else:
            contents = read_contents(task.file, [located for located, _, _ in task.elsewhere])
            _describe(task, collection, contents, result)
    except (FitsError, IngestError, TimeError) as exc:
        result.problems.append(("error", str(exc)))
    except OSError as exc:
        result.problems.append(("error", f"the file cannot be read ({exc.strerror or exc})."))
    except Exception as exc:
        # A file can be wrong in ways nobody foresaw; it must not stop the import of the others.
        result.problems.append(("error", f"the file is not understood ({type(exc).__name__}: {exc})."))
    if any(severity == "error" for severity, _ in result.problems):
        result.row, result.hdus, result.part, result.sources = None, [], None, []
    return result


def _describe(task: Task, collection: Collection, contents: Contents, result: Harvest) -> None:
    events = contents.of_type(gadf.EVENTS)
    if events:
        row = _new_row(task, collection, _obs_id(task, contents))
        observation = Observation(contents, collection, task.facts, row)
        if gadf.obs_id_of(events[0].header) is None and task.facts.obs_id is None:
            observation.doubts.append("there is no OBS_ID; the file's name stands in for it.")
        if len(events) > 1:
            observation.doubts.append(f"the file has {len(events)} event tables; the first one is described.")
        result.row = observation.fill()
        result.problems += [("warning", doubt) for doubt in observation.doubts]
    elif any(role.hdu_type in gadf.RESPONSES for role in contents.roles.values()):
        result.row = describe_response_file(contents, collection, _new_row(task, collection, _file_id(task)))
        result.problems += [("warning", doubt) for doubt in contents.doubts]
    elif contents.of_type(gadf.OBS_INDEX) or contents.of_type(gadf.HDU_INDEX):
        result.is_index = True
        result.problems.append(
            ("warning", "this is an index table, but its name does not say so; rename it to something with 'index'.")
        )
        return
    else:
        _describe_product(task, collection, contents, result)
        return
    result.problems += [("warning", doubt) for doubt in _drop_unstorable(result.row)]
    result.hdus = list(_hdu_rows(task, contents, result.row))


def _describe_product(task: Task, collection: Collection, contents: Contents | None, result: Harvest) -> None:
    """Describe a product, a part of one, or a line of a listing; what only products need is loaded for them only."""
    from ingest.products import describe, rows

    rule, path = collection.rule_for(task.file.relpath), task.file.path
    row = _new_row(task, collection, _file_id(task))
    if task.listed is not None:
        row.obs_id = task.listed.obs_id or row.obs_id
        rows.fill_listed(row, task.listed, collection)
        result.row, result.is_listed = row, True
        result.problems += [("warning", doubt) for doubt in _drop_unstorable(row)]
        return
    companion = None if task.companion is None else task.companion.path
    if contents is None:
        row.mime = "text/plain"
        product = describe.read_text_product(path, companion)
    else:
        kind = recognise(contents.hdus, path.name)
        if kind is None:
            names = ", ".join(filter(None, (hdu.name for hdu in contents.hdus))) or "none with a name"
            raise IngestError(
                "the file has neither an EVENTS table nor responses, nor is it a product that is known"
                f" (its HDUs: {names})."
            )
        product = describe.read_fits_product(path, kind, collection, companion)
    if product.part is not None:
        result.part = rows.part_row(row, product.part, path.name)
        return
    assert product.description is not None
    row.obs_id = product.description.obs_id or row.obs_id
    describe.fill_row(row, product.description, collection, rule)
    result.row = row
    result.problems += [("warning", doubt) for doubt in (*product.description.doubts, *_drop_unstorable(row))]
    result.hdus = list(rows.link_rows(row, {kind: task.beside(name) for kind, name in product.links.items()}))
    result.sources = rows.source_rows(row, product.sources, _file_id(task))


def _drop_unstorable(row: DatasetRow) -> Iterator[str]:
    """Remove numbers that the table cannot hold; one of them would end the import of all files. Yield sentences."""
    for name in _COLUMNS:
        value = getattr(row, name)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, float):
            storable = math.isfinite(value) and (name not in SINGLE_PRECISION or _fits_single(value))
        else:
            storable = not isinstance(value, int) or name == "accsize" or -(2**31) <= value < 2**31
        if not storable:
            setattr(row, name, None)
            yield f"the value of {name} is out of range and was left out."


def _fits_single(value: float) -> bool:
    """Say whether a finite number becomes neither infinite nor zero when it is rounded to single precision."""
    return value == 0 or 2.0**-150 < abs(value) < 2.0**128 - 2.0**103


def access_rule(collection: Collection, relpath: str) -> tuple[str | None, str | None, str | None]:
    """Return owner, embargo and release date of a file, dates in ISO form."""
    rule = collection.rule_for(relpath)
    embargo = rule.embargo.isoformat() if rule.owner and rule.embargo else None
    released = rule.embargo if rule.owner else collection.release_date
    return rule.owner or None, embargo, released.isoformat() if released else None


def _new_row(task: Task, collection: Collection, obs_id: str) -> DatasetRow:
    rule = collection.rule_for(task.file.relpath)
    owner, embargo, released = access_rule(collection, task.file.relpath)
    return DatasetRow(
        accref=task.accref,
        owner=owner,
        embargo=embargo,
        accsize=task.file.size,
        obs_publisher_did=task.publisher_did,
        fingerprint=task.fingerprint,
        obs_collection=collection.obs_collection,
        obs_id=obs_id,
        obs_release_date=released,
        bib_reference=collection.bib_reference,
        proposal_id=rule.proposal_id,
        event_type=rule.event_type,
        simulated=None if collection.simulated is None else int(collection.simulated),
    )


def _obs_id(task: Task, contents: Contents) -> str:
    """Return the observation id: the header's, unless it is no number and an index gives one (GADF wants numbers)."""
    written = gadf.obs_id_of(contents.of_type(gadf.EVENTS)[0].header)
    if written is not None and (written.lstrip("-").isdigit() or task.facts.obs_id is None):
        return written
    return task.facts.obs_id or _file_id(task)


def _file_id(task: Task) -> str:
    name = task.file.path.name
    suffix = next((suffix for suffix in (*FITS_SUFFIXES, TABLE_SUFFIX) if name.lower().endswith(suffix)), "")
    return name[: -len(suffix)] if suffix and len(name) > len(suffix) else name


def _hdu_rows(task: Task, contents: Contents, row: DatasetRow) -> Sequence[HduRow]:
    own = [
        (role.hdu_type, role.hdu_class, hdu.name or str(hdu.number), task.accref, task.publisher_did)
        for hdu in contents.hdus
        if (role := contents.roles.get(hdu.number)) is not None
    ]
    present = {entry[0] for entry in own}
    linked = [
        (located.entry.hdu_type, located.entry.hdu_class, located.entry.hdu_name, accref, publisher_did)
        for located, accref, publisher_did in task.elsewhere
        if located.entry.hdu_type not in present
    ]
    return [
        HduRow(
            obs_publisher_did=row.obs_publisher_did,
            obs_collection=row.obs_collection,
            obs_id=row.obs_id,
            hdu_type=hdu_type,
            hdu_class=hdu_class,
            hdu_name=hdu_name,
            file_accref=accref,
            file_publisher_did=publisher_did,
        )
        for hdu_type, hdu_class, hdu_name, accref, publisher_did in own + linked
    ]
