"""Reads GADF index tables: what they say of each observation and where they say its HDUs are (GADF 0.3, data_storage).

Paths in index tables are the writer's: relative to BASE_DIR or to the index file, sometimes leading elsewhere.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingest.fitsfile import HDU, Column, FitsError
from ingest.gadf import EVENTS, HDU_INDEX, OBS_INDEX, RESPONSES, role_of
from ingest.header import Value, text

# Columns of an obs-index that stand in for header keywords an event file lacks.
_OBS_COLUMNS = (
    *("OBS_MODE", "RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT", "ZEN_PNT", "TSTART", "TSTOP", "ONTIME", "LIVETIME"),
    *("DEADC", "OBJECT", "RA_OBJ", "DEC_OBJ", "N_TELS", "TELLIST", "QUALITY", "MUONEFF", "NSBLEVEL", "TRGRATE"),
    *("TELESCOP", "INSTRUME"),
)


@dataclass(frozen=True, slots=True)
class HduEntry:
    """A line of an hdu-index: an HDU of an observation; `path` is relative to the collection's folder."""

    obs_id: str
    hdu_type: str
    hdu_class: str
    hdu_name: str
    path: str


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What index tables say of one event file: its observation, that one's values, its responses elsewhere."""

    obs_id: str | None = None
    event_type: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    responses: tuple[HduEntry, ...] = ()


@dataclass(slots=True)
class Index:
    """All index tables of a collection."""

    observations: dict[str, dict[str, Value]] = field(default_factory=dict)
    events: dict[str, IndexFacts] = field(default_factory=dict)
    # path -> (first observation that names it, HDU type, index file), for every file an index names
    listed: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    listed_observations: set[str] = field(default_factory=set)
    unlisted_observations: dict[str, str] = field(default_factory=dict)

    def facts_for(self, relpath: str) -> IndexFacts:
        """Return what the tables say of an event file; empty facts when they do not name it."""
        facts = self.events.get(relpath, IndexFacts())
        values = self.observations.get(facts.obs_id or "", {})
        return IndexFacts(facts.obs_id, facts.event_type, values, facts.responses)


def add_index(index: Index, relpath: str, hdus: Iterable[HDU]) -> int:
    """Add the index tables of one file; return how many there were.

    Parameters
    ----------
    index
        Is added to. What was said first of an observation or a file stays.
    relpath
        The index file's path in the collection.
    hdus
        The file's HDUs, index tables with data.

    Raises
    ------
    FitsError
        When a table lacks the columns every index has.
    """
    n_tables = 0
    for hdu in hdus:
        role = role_of(hdu)
        if role is None or role.hdu_type not in (OBS_INDEX, HDU_INDEX):
            continue
        n_tables += 1
        if role.hdu_type == OBS_INDEX:
            _add_observations(index, relpath, hdu)
        else:
            _add_hdus(index, relpath, hdu)
    for obs_id in index.listed_observations:
        index.unlisted_observations.pop(obs_id, None)
    return n_tables


def _add_observations(index: Index, relpath: str, hdu: HDU) -> None:
    columns = hdu.columns()
    names = [name for name in _OBS_COLUMNS if name in columns and columns[name].code in "ABIJKED"]
    cells = [_values(hdu, columns[name]) for name in names]
    for row, obs_id in enumerate(_obs_ids(hdu, columns)):
        index.observations.setdefault(
            obs_id, {name: cell[row] for name, cell in zip(names, cells, strict=True) if cell[row] == cell[row]}
        )
        index.unlisted_observations.setdefault(obs_id, relpath)


def _add_hdus(index: Index, relpath: str, hdu: HDU) -> None:
    columns = hdu.columns()
    for name in ("HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME"):
        if name not in columns:
            raise FitsError(f"the hdu-index has no column {name}.")
    base = posixpath.join(posixpath.dirname(relpath), text(hdu.header, "BASE_DIR") or "")
    labels = _event_labels(hdu, columns)
    groups: dict[str, list[HduEntry]] = {}
    event_types: dict[str, str | None] = {}
    rows = zip(
        _obs_ids(hdu, columns),
        *(hdu.read_text(columns[name]) for name in ("HDU_TYPE", "HDU_CLASS", "HDU_NAME", "FILE_DIR", "FILE_NAME")),
        labels,
        strict=True,
    )
    for obs_id, hdu_type, hdu_class, hdu_name, folder, name, label in rows:
        path = posixpath.normpath(posixpath.join(base, folder, name))
        if path not in index.listed or (hdu_type.lower() == EVENTS and index.listed[path][1] != EVENTS):
            index.listed[path] = (obs_id, hdu_type.lower(), relpath)
        index.listed_observations.add(obs_id)
        groups.setdefault(obs_id, []).append(HduEntry(obs_id, hdu_type.lower(), hdu_class.lower(), hdu_name, path))
        event_types.setdefault(obs_id, label)
    for obs_id, entries in groups.items():
        responses = tuple(entry for entry in entries if entry.hdu_type in RESPONSES)
        for entry in entries:
            if entry.hdu_type == EVENTS:
                elsewhere = tuple(response for response in responses if response.path != entry.path)
                index.events.setdefault(entry.path, IndexFacts(obs_id, event_types[obs_id], {}, elsewhere))


def _obs_ids(hdu: HDU, columns: Mapping[str, Column]) -> list[str]:
    column = columns.get("OBS_ID")
    if column is None:
        raise FitsError(f"the index table {hdu.name} has no column OBS_ID.")
    if column.code == "A":
        return hdu.read_text(column)
    return ["" if value is None else str(value) for value in hdu.read_int(column)]


def _values(hdu: HDU, column: Column) -> list[Value]:
    if column.code == "A":
        return list(hdu.read_text(column))
    if column.is_integer and column.repeat == 1:
        return list(hdu.read_int(column))
    if column.repeat == 0:
        return [None] * hdu.n_rows
    # of a vector the first element
    values: list[Value] = hdu.read(column).reshape(hdu.n_rows, column.repeat)[:, 0].tolist()
    return values


def _event_labels(hdu: HDU, columns: Mapping[str, Column]) -> list[str | None]:
    """Return the label of the event partition of each row, from EVENT_CLASS and EVENT_TYPE (HAWC writes them)."""
    parts = [
        ["" if value is None else str(value) for value in _values(hdu, columns[name])]
        for name in ("EVENT_CLASS", "EVENT_TYPE")
        if name in columns
    ]
    if not parts:
        return [None] * hdu.n_rows
    return ["-".join(filter(None, words)) or None for words in zip(*parts, strict=True)]
