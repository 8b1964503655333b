"""Objects of the data model from metadata files, checked against the model: names, types, ranges, closed lists.

The layout of a file follows the model: a list for each class that is not part of another, named like its table; in each
object its attributes, its parts as lists, and references as the names that lead to the other object, joined by ``/``.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.observatory.document import Document, shown
from model.binding import Binding
from model.reader import Attribute, Model, ObjectType, Role
from model.tables import snake_case

MAX_TEXT = 20_000
MAX_NAME = 200
_MJD_EPOCH = datetime.datetime(1858, 11, 17, tzinfo=datetime.timezone.utc)
_INT_LIMIT = 2**31 - 1
_PRIORITY = "Observation.priority"
# What numbers can be, by the first word of their UCD.
_RANGES = {
    "pos.eq.ra": (0.0, 360.0),
    "pos.eq.dec": (-90.0, 90.0),
    "pos.earth.lat": (-90.0, 90.0),
    "pos.earth.lon": (-180.0, 360.0),
    "pos.az.alt": (-90.0, 90.0),
    "pos.az.azi": (-360.0, 360.0),
    "phys.area": (0.0, math.inf),
    "phys.size": (0.0, math.inf),
    "phys.angSize": (0.0, 360.0),
    "time.duration": (0.0, 1e9),
    "em.energy": (0.0, 1e12),
    "meta.number": (0.0, math.inf),
}
_VOCABULARIES = {
    "Target.frame": ("ICRS", "FK5"),
    "ObservingConfiguration.pointing_mode": ("parallel", "convergent", "divergent"),
    "ObservingConfiguration.tracking_mode": (
        "sidereal",
        "fixed-az-el-transit",
        "solar-system-object-tracking",
        "none",
    ),
}


class ObjectError(ValueError):
    """An object is not usable; the message is the part of a sentence that says why."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a value is refused."""

    name: str
    value: object

    def because(self, wanted: str) -> ObjectError:
        """Return the error that says what the value should be."""
        return ObjectError(f"its {self.name} must be {wanted}, not {shown(self.value)}")


@dataclass(slots=True)
class Entry:
    """An object of a metadata file. `key` is the names that lead to it, joined by ``/``.

    `fault` says what is wrong with it, if anything; such an object is left out. What a `hidden` one refers to must not
    become known.
    """

    class_name: str
    key: str
    path: str
    owner: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)
    hidden: bool = False
    fault: str | None = None

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        return f"{snake_case(self.class_name).replace('_', ' ')} {shown(self.key)}"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects as a model describes them."""

    model: Model
    binding: Binding

    def read(self, document: Document) -> tuple[list[Entry], list[str]]:
        """Return the objects of a file, usable or not, and sentences about what is no object."""
        entries: list[Entry] = []
        sentences: list[str] = []
        classes = {snake_case(name): name for name in self._standing_alone()}
        for section, items in document.content.items():
            if section not in classes:
                sentences.append(f"there is no section {shown(section)}; known are {', '.join(classes)}.")
            elif not isinstance(items, list):
                sentences.append(f"the section {shown(section)} must be a list.")
            else:
                for number, item in enumerate(items):
                    where = f"{section}[{number}]"
                    entries += self._entries(classes[section], item, document.relpath, where, None, sentences)
        return entries, sentences

    def _standing_alone(self) -> Iterator[str]:
        for item in self.model.classes.values():
            if not item.abstract and item.name not in self.binding.existing and not self.model.owner_of(item.name):
                yield item.name

    def _entries(
        self, class_name: str, item: object, path: str, where: str, owner: Entry | None, sentences: list[str]
    ) -> Iterator[Entry]:
        """Yield an object and its parts."""
        lineage = self.model.lineage(class_name)
        naming = lineage[0].attributes[0].name
        name = item.get(naming) if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(name, str) or not _is_name(name):
            sentences.append(
                f"{where} is left out: it must be an object whose {naming} is a text of at most {MAX_NAME}."
            )
            return
        alone = owner is None or class_name in self.binding.alone
        entry = Entry(class_name, name if alone or owner is None else f"{owner.key}/{name}", path)
        entry.owner = None if owner is None else owner.key
        entry.hidden = item.get("confidential", False) is not False
        try:
            self._fill(entry, item, lineage)
        except ObjectError as exc:
            entry.fault = str(exc).partition(", not ")[0] if entry.hidden else str(exc)
        yield entry
        for role in _all(lineage, "compositions"):
            parts = item.get(role.name, [])
            if role.target in self.binding.existing or not isinstance(parts, list):
                continue
            for number, part in enumerate(parts):
                yield from self._entries(role.target, part, path, f"{where}.{role.name}[{number}]", entry, sentences)

    def _fill(self, entry: Entry, item: Mapping[str, Any], lineage: Sequence[ObjectType]) -> None:
        attributes = {attribute.name: (owner.name, attribute) for owner in lineage for attribute in owner.attributes}
        references = {role.name: role for role in _all(lineage, "references")}
        compositions = {role.name for role in _all(lineage, "compositions")}
        known = [*attributes, *references, *compositions]
        for name in references:
            entry.references[name] = _loose_names(item.get(name))
        for name in item:
            if name not in known:
                # Perhaps it was meant to say that the object is confidential: what it refers to is kept back, too.
                entry.hidden = True
                raise ObjectError(f"it has no {shown(name)}; known are {', '.join(known)}")
        for name, role in references.items():
            entry.references[name] = _names(role, item.get(name))
        for name, value in item.items():
            if name in attributes:
                self._value(entry, *attributes[name], value)
            elif name in compositions and not isinstance(value, list):
                raise ObjectError(f"its {name} must be a list")
        for name, (_, attribute) in attributes.items():
            if attribute.required and item.get(name) is None:
                raise ObjectError(f"its {name} is missing")

    def _value(self, entry: Entry, owner: str, attribute: Attribute, value: object, prefix: str = "") -> None:
        name = prefix + attribute.name
        parts = self.model.data_types.get(attribute.datatype)
        if value is None:
            return
        if parts is None:
            entry.values[name] = self._checked(f"{owner}.{attribute.name}", attribute, value)
            return
        known = {part.name: part for part in parts}
        if not isinstance(value, dict) or not value.keys() <= known.keys():
            raise ObjectError(f"its {name} must be an object of {', '.join(known)}, not {shown(value)}")
        for key, inner in value.items():
            self._value(entry, attribute.datatype, known[key], inner, f"{name}_")

    def _checked(self, full_name: str, attribute: Attribute, value: object) -> object:
        wrong = _Refusal(attribute.name, value)
        allowed = self.model.enumerations.get(attribute.datatype) or _VOCABULARIES.get(full_name)
        if allowed is not None:
            if value not in allowed:
                raise wrong.because(f"one of {', '.join(allowed)}")
            return value
        if attribute.datatype == "ivoa:boolean":
            if not isinstance(value, bool):
                raise wrong.because("true or false")
            return int(value)
        if attribute.datatype == "MJD":
            return _mjd(value, wrong)
        if attribute.datatype == "CalendarDate":
            return _date(value, wrong)
        if attribute.datatype in ("ivoa:string", "ivoa:anyURI"):
            return _text(value, attribute.datatype == "ivoa:anyURI", wrong)
        return _number(full_name, attribute, value, wrong)


def _all(lineage: Sequence[ObjectType], kind: str) -> Iterator[Role]:
    for item in lineage:
        yield from getattr(item, kind)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()


def _names(role: Role, value: object) -> list[str]:
    if value is None:
        return []
    if role.many:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise ObjectError(f"its {role.name} must be a list of names, not {shown(value)}")
        if len(set(value)) < len(value):
            raise ObjectError(f"its {role.name} has a name twice")
        return value
    if not isinstance(value, str):
        raise ObjectError(f"its {role.name} must be a name, not {shown(value)}")
    return [value]


def _loose_names(value: object) -> list[str]:
    """Return all texts in what may not be a proper reference."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [name for part in value for name in _loose_names(part)]
    return [value] if isinstance(value, str) else []


def _mjd(value: object, wrong: _Refusal) -> float:
    """Return a time as MJD UTC: a number is one already, a text is ISO 8601 ending in Z."""
    wanted = "a time as 2026-11-20T21:30:00Z or an MJD, UTC"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 15020 <= value <= 88069:  # the years 1900 to 2099
            raise wrong.because(wanted)
        return float(value)
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z", value):
        raise wrong.because(wanted)
    try:
        found = datetime.datetime.fromisoformat(value.removesuffix("Z") + "+00:00")
    except ValueError:
        raise wrong.because(wanted) from None
    since = found - _MJD_EPOCH
    return since.days + (since.seconds + since.microseconds / 1e6) / 86400


def _date(value: object, wrong: _Refusal) -> str:
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        raise wrong.because("a day such as 2030-01-01") from None


def _text(value: object, is_uri: bool, wrong: _Refusal) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise wrong.because(f"a text of at most {MAX_TEXT} characters")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise wrong.because("a text in Unicode") from None
    if is_uri and not re.fullmatch(r"https?://[^\s\"'<>\\]+", value):
        raise wrong.because("an address that begins with https://")
    return value.replace("\0", "")


def _number(full_name: str, attribute: Attribute, value: object, wrong: _Refusal) -> float | int:
    is_integer = attribute.datatype != "ivoa:real"
    if isinstance(value, bool) or not isinstance(value, int if is_integer else (int, float)):
        raise wrong.because("a whole number" if is_integer else "a number")
    assert isinstance(value, int | float)
    low, high = _RANGES.get(attribute.ucd.split(";")[0], (-math.inf, math.inf))
    low, high = (0, 2) if full_name == _PRIORITY else (low, high)
    if is_integer:
        low, high = max(low, -_INT_LIMIT), min(high, _INT_LIMIT)
    if not (low <= value <= high and abs(value) <= 1e300):
        raise wrong.because(f"between {low:g} and {high:g}")
    return value if is_integer else float(value)
