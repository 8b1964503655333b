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
from ingest.folder import FITS_SUFFIXES, FoundFile
from ingest.index import IndexFacts
from ingest.observation import Observation
from ingest.response_file import describe_response_file
from ingest.rows import SINGLE_PRECISION, DatasetRow, HduRow, columns
from ingest.timescale import TimeError

_COLUMNS = columns(DatasetRow)


@dataclass(frozen=True, slots=True)
class Task:
    """A FITS file to harvest: what it is called in the archive and what the index tables say of it."""

    file: FoundFile
    accref: str
    publisher_did: str
    fingerprint: str
    facts: IndexFacts = field(default_factory=IndexFacts)
    elsewhere: tuple[tuple[Located, str, str], ...] = ()
    """Responses in other files, each with that file's accref and publisher DID."""


@dataclass(slots=True)
class Harvest:
    """What came of one file: a row, or no row and a reason; `problems` are pairs of severity and sentence."""

    relpath: str
    row: DatasetRow | None = None
    hdus: list[HduRow] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    is_index: bool = False


def harvest(task: Task, collection: Collection) -> Harvest:
    """Read a file and describe it; whatever is wrong with the file ends as a sentence, never as an exception."""
    result = Harvest(task.file.relpath)
    try:
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
        result.row, result.hdus = None, []
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
        names = ", ".join(filter(None, (hdu.name for hdu in contents.hdus))) or "none with a name"
        raise IngestError(f"the file has neither an EVENTS table nor responses (its HDUs: {names}).")
    result.problems += [("warning", doubt) for doubt in _drop_unstorable(result.row)]
    result.hdus = list(_hdu_rows(task, contents, result.row))


def _drop_unstorable(row: DatasetRow) -> Iterator[str]:
    """Remove numbers that the table cannot hold; one of them would end the import of all files. Yield sentences."""
    for name in _COLUMNS:
        value = getattr(row, name)
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
    suffix = next((suffix for suffix in FITS_SUFFIXES if name.lower().endswith(suffix)), "")
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
