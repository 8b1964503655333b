"""The description of a collection: ``inputs/cta/collections/<name>.toml``, read, checked and, when missing, written.

What headers cannot say (title, terms, release date, owner) and what some headers lack (time scale, field of view) is
said there, once a collection.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from ingest.errors import CollectionError
from ingest.timescale import TimeError, TimeReference

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What to assume where headers and index tables are silent (section ``[defaults]``)."""

    timesys: str | None = None
    ra_pnt_deg: float | None = None
    dec_pnt_deg: float | None = None
    s_fov_deg: float | None = None
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    reference_energy_tev: float = 1.0
    reference_offset_deg: float = 0.5
    t_resolution_s: float | None = None
    obs_mode: str | None = None
    target_name: str | None = None


@dataclass(frozen=True, slots=True)
class PathRule:
    """What holds for the files whose path in the collection matches a pattern (sections ``[[paths]]``)."""

    match: str
    owner: str | None = None
    embargo: datetime.date | None = None
    proposal_id: str | None = None
    event_type: str | None = None
    target_name: str | None = None
    """Of products (DL4, DL5), whose files seldom say what they are about."""
    ra_deg: float | None = None
    dec_deg: float | None = None
    subtype: str | None = None
    """``dataproduct_subtype`` of products that do not tell it, e.g. ``counts-map``."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection file. Only `title` is required; `digest` tells versions of the file apart."""

    name: str
    title: str
    description: str = ""
    creator: str | None = None
    terms: str | None = None
    terms_uri: str | None = None
    acknowledgement: str | None = None
    reference_url: str | None = None
    bib_reference: str | None = None
    obs_collection: str = ""
    facility_name: str | None = None
    instrument_name: str | None = None
    simulated: bool | None = None
    release_date: datetime.date | None = None
    owner: str | None = None
    embargo: datetime.date | None = None
    outside: tuple[str, ...] = ()
    events: bool = False
    defaults: Defaults = field(default_factory=Defaults)
    paths: tuple[PathRule, ...] = ()
    digest: str = ""

    def rule_for(self, relpath: str) -> PathRule:
        """Return what holds for one file: the first matching ``[[paths]]`` entry over the collection's own values."""
        for rule in self.paths:
            if fnmatchcase(relpath, rule.match):
                return replace(
                    rule,
                    owner=rule.owner if rule.owner is not None else self.owner,
                    embargo=rule.embargo if rule.embargo is not None else self.embargo,
                )
        return PathRule("*", self.owner, self.embargo)


Section = TypeVar("Section", Defaults, PathRule)


def load_collection(path: Path, name: str) -> Collection:
    """Read and check a collection file.

    Parameters
    ----------
    path
        The TOML file.
    name
        The collection's name; also the default of ``obs_collection``.

    Raises
    ------
    CollectionError
        With a sentence naming the file, the key and what it should be.
    """
    _check_name(name)
    try:
        raw = path.read_bytes()
        table = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise CollectionError(f"the collection file {path} is not valid TOML: {exc}.") from exc
    except OSError as exc:
        raise CollectionError(f"the collection file {path} cannot be read: {exc.strerror}.") from exc
    try:
        collection = _collection_from(table, name, hashlib.sha1(raw, usedforsecurity=False).hexdigest()[:12])
    except CollectionError as exc:
        raise CollectionError(f"in the collection file {path}: {exc}") from exc
    _check_access(collection, path)
    return collection


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise CollectionError(f"'{name}' is not a collection name: use letters, digits, dots, dashes, underscores.")


def _collection_from(table: Mapping[str, Any], name: str, digest: str) -> Collection:
    rest = dict(table)
    sections: dict[str, Any] = {
        "defaults": _section(Defaults, rest.pop("defaults", {}), "[defaults]"),
        "paths": tuple(_section(PathRule, entry, "[[paths]]") for entry in _list_of(rest.pop("paths", []), "paths")),
        "outside": tuple(_list_of(rest.pop("outside", []), "outside")),
    }
    for folder in sections["outside"]:
        if not isinstance(folder, str):
            raise CollectionError(f"'outside' must be a list of folders in quotes, not {folder!r}.")
    _check_defaults(sections["defaults"])
    for rule in sections["paths"]:
        for key, limits in (("ra_deg", (0.0, 360.0)), ("dec_deg", (-90.0, 90.0))):
            value = getattr(rule, key)
            if value is not None and not limits[0] <= value <= limits[1]:
                raise CollectionError(f"'{key}' of '{rule.match}' must be between {limits[0]:g} and {limits[1]:g}.")
    for reserved in ("name", "digest"):
        if reserved in rest:
            raise CollectionError(f"the key '{reserved}' cannot be set.")
    values = _checked(Collection, rest, "the top level")
    values["obs_collection"] = values.get("obs_collection") or name
    return Collection(name=name, digest=digest, **sections, **values)


def _check_defaults(defaults: Defaults) -> None:
    for key, (low, high) in _LIMITS.items():
        value = getattr(defaults, key)
        if value is not None and not low <= value <= high:
            raise CollectionError(f"'{key}' in [defaults] must be between {low:g} and {high:g}, not {value:g}.")
    lower, upper = defaults.energy_min_tev, defaults.energy_max_tev
    if lower is not None and upper is not None and not lower < upper:
        raise CollectionError("'energy_min_tev' in [defaults] must be less than 'energy_max_tev'.")
    if defaults.timesys is not None:
        try:
            TimeReference.from_header({"MJDREF": 0}, defaults.timesys)
        except TimeError as exc:
            raise CollectionError(f"'timesys' in [defaults]: {exc}") from exc


def _check_access(collection: Collection, path: Path) -> None:
    """Refuse half an embargo: whoever wrote one means data that are not public."""
    for rule in (PathRule("*"), *collection.paths):
        owner = collection.owner if rule.owner is None else rule.owner
        embargo = rule.embargo or collection.embargo
        if owner and embargo is None:
            raise CollectionError(
                f"in the collection file {path}: '{rule.match}' has an owner but no embargo, so its data would be "
                "public; say until when they are proprietary (embargo = 2030-01-01)."
            )
        if not owner and (rule.embargo or (embargo and rule.owner is None)):
            raise CollectionError(
                f"in the collection file {path}: '{rule.match}' has an embargo but no owner, so its data would be "
                'public; say which group may fetch them (owner = "group").'
            )


def _list_of(value: object, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise CollectionError(f"'{key}' must be a list.")
    return value


def _section(kind: type[Section], table: object, where: str) -> Section:
    if not isinstance(table, dict):
        raise CollectionError(f"{where} must be a table of keys and values.")
    return kind(**_checked(kind, table, where))


# What a value in [defaults] can be; energies and widths are positive.
_LIMITS: dict[str, tuple[float, float]] = {
    "ra_pnt_deg": (0.0, 360.0),
    "dec_pnt_deg": (-90.0, 90.0),
    "s_fov_deg": (1e-6, 360.0),
    "energy_min_tev": (1e-12, 1e12),
    "energy_max_tev": (1e-12, 1e12),
    "reference_energy_tev": (1e-12, 1e12),
    "reference_offset_deg": (0.0, 180.0),
    "t_resolution_s": (0.0, 1e9),
}
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text in quotes"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "datetime.date": ((datetime.date,), "a date such as 2030-01-01, without quotes"),
}


def _checked(kind: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values of a table after checking keys and types against a dataclass."""
    known = {item.name: item for item in fields(kind) if item.name not in ("name", "digest")}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise CollectionError(f"{where} has no key '{key}'; it knows {', '.join(sorted(known))}.")
        wanted = str(known[key].type).removesuffix(" | None")
        types, described = _TYPES[wanted]
        wrong_bool = isinstance(value, bool) and wanted != "bool"
        if wrong_bool or not isinstance(value, types):
            raise CollectionError(f"'{key}' in {where} must be {described}, not {value!r}.")
        if isinstance(value, datetime.datetime):
            value = value.date()
        if wanted == "float" and not abs(value) <= sys.float_info.max:
            raise CollectionError(f"'{key}' in {where} must be a finite number, not {value}.")
        values[key] = float(value) if wanted == "float" else value
    for key, item in known.items():
        if key not in values and item.default is MISSING and item.default_factory is MISSING:
            raise CollectionError(f"{where} lacks the required key '{key}'.")
    return values


def write_collection(path: Path, name: str, facts: Mapping[str, str | None]) -> None:
    """Write a collection file from what the headers say, with comments that tell the operator what to complete.

    Parameters
    ----------
    path
        Where to write; must not exist.
    name
        The collection's name.
    facts
        Any of ``facility_name``, ``instrument_name`` and ``creator``, as read from the headers.

    Raises
    ------
    CollectionError
        When this is no name for a collection, or the file cannot be written.
    """
    _check_name(name)
    facility = facts.get("facility_name")
    title = f"{facility} data, collection {name}" if facility else f"Collection {name}"
    lines = [
        f"# Collection {name}: written by the import from what the headers say. Complete it, then import again.",
        f"title = {_quoted(title)}",
        'description = ""',
        *(f"{key} = {_quoted(value)}" for key, value in facts.items() if value),
        "",
        "# Terms of use; they travel with every copy.",
        '# terms = "CC BY 4.0; ..."',
        '# terms_uri = "https://creativecommons.org/licenses/by/4.0/"',
        '# acknowledgement = "This work made use of ..."',
        '# reference_url = "https://..."',
        "# release_date = 2018-09-01",
        "# simulated = false",
        "",
        "# Proprietary data: the group that may fetch them, and until when.",
        '# owner = "group"',
        "# embargo = 2030-01-01",
        "",
        "# What the headers lack.",
        "# [defaults]",
        '# timesys = "tt"',
        "# s_fov_deg = 5.0",
        "",
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write("\n".join(lines))
    except OSError as exc:
        raise CollectionError(f"the collection file {path} cannot be written: {exc.strerror}.") from exc


def _quoted(value: str) -> str:
    # TOML wants one more control character escaped than JSON does.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
