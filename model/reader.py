"""Reads a VO-DML 1.0 model file into dataclasses.

Beyond VO-DML, the description of an attribute may begin with ``[unit; UCD]``, and the first attribute of a class names
its objects. What tables cannot be made of (several values in one attribute, several parents) is refused.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MODEL_FILE = Path(__file__).resolve().parent / "cta.vo-dml.xml"
_CONVENTION = re.compile(r"\[(?P<unit>[^;\]]*); (?P<ucd>[^\]]*)\] (?P<text>.*)", re.DOTALL)


class ModelError(ValueError):
    """The model file is not usable; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a type; `datatype` is the name of its type without the model's own prefix."""

    name: str
    datatype: str
    required: bool
    unit: str
    ucd: str
    description: str


@dataclass(frozen=True, slots=True)
class Role:
    """A composition or a reference: `target` is the name of a class."""

    name: str
    target: str
    required: bool
    many: bool
    description: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A class."""

    name: str
    description: str
    abstract: bool
    extends: str | None
    attributes: tuple[Attribute, ...]
    compositions: tuple[Role, ...]
    references: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A model; all types by name, in the order of the file."""

    name: str
    title: str
    version: str
    description: str
    primitives: dict[str, str] = field(default_factory=dict)
    """Name of each own primitive type and the one it extends."""
    enumerations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    data_types: dict[str, tuple[Attribute, ...]] = field(default_factory=dict)
    classes: dict[str, ObjectType] = field(default_factory=dict)

    def root_of(self, name: str) -> str:
        """Return the class at the top of a class's inheritance."""
        while (parent := self.classes[name].extends) is not None:
            name = parent
        return name

    def lineage(self, name: str) -> list[ObjectType]:
        """Return a class and what it inherits from, the root first."""
        found = [self.classes[name]]
        while (parent := found[0].extends) is not None:
            found.insert(0, self.classes[parent])
        return found

    def owner_of(self, name: str) -> tuple[str, Role] | None:
        """Return the class a class is part of, and as what; None for one that stands alone."""
        for owner in self.classes.values():
            for role in owner.compositions:
                if role.target == self.root_of(name):
                    return owner.name, role
        return None

    def concrete(self, name: str) -> Iterator[str]:
        """Yield the classes with objects of their own that a reference to a class may mean."""
        for found in self.classes.values():
            if not found.abstract and name in (item.name for item in self.lineage(found.name)):
                yield found.name


def load_model(path: Path = MODEL_FILE) -> Model:
    """Read a model file.

    Parameters
    ----------
    path
        A VO-DML 1.0 document with all its types at the top level.

    Raises
    ------
    ModelError
        When the file is no VO-DML, or has something that tables cannot be made of.
    """
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, OSError) as exc:
        raise ModelError(f"the model file {path} cannot be read: {exc}") from exc
    if not root.tag.startswith("{http://www.ivoa.net/xml/VODML/"):
        raise ModelError(f"{path} is not a VO-DML document.")
    prefix = f"{_text(root, 'name')}:"
    model = Model(
        name=_text(root, "name"),
        title=_text(root, "title"),
        version=_text(root, "version"),
        description=_optional(root, "description"),
        primitives={_text(item, "name"): _local(item, "extends", prefix) for item in root.iter("primitiveType")},
        enumerations={
            _text(item, "name"): tuple(_text(literal, "name") for literal in item.iter("literal"))
            for item in root.iter("enumeration")
        },
        data_types={_text(item, "name"): _attributes(item, prefix) for item in root.iter("dataType")},
        classes={found.name: found for item in root.iter("objectType") for found in [_class(item, prefix)]},
    )
    _check(model)
    return model


def _class(element: ET.Element, prefix: str) -> ObjectType:
    return ObjectType(
        name=_text(element, "name"),
        description=_optional(element, "description"),
        abstract=element.get("abstract") == "true",
        extends=_local(element, "extends", prefix) if element.find("extends") is not None else None,
        attributes=_attributes(element, prefix),
        compositions=tuple(_role(item, prefix) for item in element.findall("composition")),
        references=tuple(_role(item, prefix) for item in element.findall("reference")),
    )


def _attributes(element: ET.Element, prefix: str) -> tuple[Attribute, ...]:
    found = []
    for item in element.findall("attribute"):
        name, described = _text(item, "name"), _optional(item, "description")
        if _text(item, "multiplicity/maxOccurs") != "1":
            raise ModelError(f"attribute {_text(item, 'vodml-id')}: more than one value; make it a class of its own.")
        match = _CONVENTION.match(described)
        unit, ucd, text = (match["unit"], match["ucd"], match["text"]) if match else ("", "", described)
        required = _text(item, "multiplicity/minOccurs") != "0"
        found.append(Attribute(name, _local(item, "datatype", prefix), required, unit, ucd, text))
    return tuple(found)


def _role(element: ET.Element, prefix: str) -> Role:
    return Role(
        name=_text(element, "name"),
        target=_local(element, "datatype", prefix),
        required=_text(element, "multiplicity/minOccurs") != "0",
        many=_text(element, "multiplicity/maxOccurs") != "1",
        description=_optional(element, "description"),
    )


def _check(model: Model) -> None:
    """Refuse what the mapping to tables does not provide for."""
    types = {*model.primitives, *model.enumerations, *model.data_types}
    owned: set[str] = set()
    for item in model.classes.values():
        if item.extends is not None and item.extends not in model.classes:
            raise ModelError(f"class {item.name} extends {item.extends}, which is no class.")
        for attribute in item.attributes:
            if not attribute.datatype.startswith("ivoa:") and attribute.datatype not in types:
                raise ModelError(f"attribute {item.name}.{attribute.name}: there is no type {attribute.datatype}.")
        for role in (*item.compositions, *item.references):
            if role.target not in model.classes:
                raise ModelError(f"{item.name}.{role.name} leads to {role.target}, which is no class.")
        for role in item.compositions:
            if role.target in owned or not role.many:
                raise ModelError(f"{item.name}.{role.name}: a class is part of one other, which may have many of it.")
            owned.add(role.target)
    for item in model.classes.values():
        if not model.lineage(item.name)[0].attributes:
            raise ModelError(f"class {item.name} has no attribute that names its objects.")


def _text(element: ET.Element, path: str) -> str:
    found = element.findtext(path)
    if found is None or not found.strip():
        raise ModelError(f"<{element.tag}> {element.findtext('vodml-id') or ''} lacks <{path}>.")
    return " ".join(found.split())


def _optional(element: ET.Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())


def _local(element: ET.Element, tag: str, prefix: str) -> str:
    return _text(element, f"{tag}/vodml-ref").removeprefix(prefix)
