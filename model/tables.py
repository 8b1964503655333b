"""Maps the model to tables (VO-DML 1.0, appendix on mappings).

Every class has a table: subclasses hold what they add, and share the key of their root class. A part refers to its
owner, a reference is a column, a reference to many an association table. Keys are texts: the collection, then the names
that lead to the object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from model.binding import Binding
from model.reader import Attribute, Model, ModelError, ObjectType, Role

_SQL_TYPES = {
    "ivoa:string": "text",
    "ivoa:anyURI": "text",
    "ivoa:integer": "integer",
    "ivoa:nonnegativeInteger": "integer",
    "ivoa:real": "double precision",
    "ivoa:boolean": "smallint",
    "CalendarDate": "timestamp",
}
COLLECTION = "collection"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `datatype` is the model's type, or ``key`` for what the mapping adds."""

    name: str
    sql_type: str
    datatype: str
    unit: str
    ucd: str
    utype: str
    description: str
    required: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column that holds the key of another table."""

    column: str
    table: str
    dest: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the model. `owner` is the column with the key of the object it is part of."""

    name: str
    class_name: str
    description: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[str, ...] = ()
    is_association: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)


@dataclass(slots=True)
class _Draft:
    columns: list[Column] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)


def snake_case(name: str) -> str:
    """Return the name of a class as a table is called: ``SiteArray`` becomes ``site_array``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def key_of(model: Model, class_name: str) -> str:
    """Return the column that holds the key of a class, in its table and in those that refer to it."""
    return f"{snake_case(model.root_of(class_name))}_id"


def make_tables(model: Model, binding: Binding) -> tuple[Table, ...]:
    """Return the tables to make, those that others refer to first.

    Raises
    ------
    ModelError
        When classes refer to each other in a circle, or the binding names what the model does not have.
    """
    for name in (*binding.existing, *binding.alone):
        if name not in model.classes:
            raise ModelError(f"the binding names the class {name}, which the model does not have.")
    made = []
    for item in model.classes.values():
        if item.name not in binding.existing:
            made.append(_class_table(model, binding, item))
        made += [
            _association(model, binding, item, role)
            for role in item.references
            if (role.many or item.name in binding.existing) and role.target not in binding.existing
        ]
    unknown = binding.indexes.keys() - {table.name for table in made}
    if unknown:
        raise ModelError(f"the binding has indexes for tables that there are not: {', '.join(sorted(unknown))}.")
    return tuple(_in_order(made))


def _class_table(model: Model, binding: Binding, item: ObjectType) -> Table:
    name, key = snake_case(item.name), key_of(model, item.name)
    draft = _Draft()
    described = "Key: the collection and the names that lead to the object"
    draft.columns.append(_key_column(key, "meta.id;meta.main", f"{model.name}:{item.name}", described, required=True))
    if item.extends is not None:
        draft.foreign_keys.append(ForeignKey(key, snake_case(item.extends), key))
    described = "Collection the row came with, as name in cta.collection"
    draft.columns.append(_key_column(COLLECTION, "meta.id;meta.dataset", "", described, required=True))
    owner = model.owner_of(item.name) if item.extends is None else None
    if owner is not None:
        _refer(draft, model, key_of(model, owner[0]), owner[0], f"{owner[0]}.{owner[1].name}", required=True)
    for attribute in item.attributes:
        draft.columns += _attribute_columns(model, item.name, attribute)
    for role in item.references:
        if not role.many and role.target not in binding.existing:
            described = f"{item.name}.{role.name}"
            _refer(draft, model, f"{role.name}_id", role.target, described, role.required, role.description)
    indexes = [COLLECTION, *(entry.column for entry in draft.foreign_keys if entry.column != key)]
    return Table(
        name=name,
        class_name=item.name,
        description=item.description,
        columns=tuple(draft.columns),
        primary=(key,),
        foreign_keys=tuple(draft.foreign_keys),
        indexes=(*indexes, *binding.indexes.get(name, ())),
    )


def _association(model: Model, binding: Binding, item: ObjectType, role: Role) -> Table:
    utype = f"{item.name}.{role.name}"
    existing = binding.existing.get(item.name)
    target = f"{role.name}_id"
    draft = _Draft()
    if existing is None:
        source = key_of(model, item.name)
        _refer(draft, model, source, item.name, item.name, required=True)
    else:
        source = existing.key
        described = f"{item.name}, as {source} in {existing.table}"
        draft.columns.append(_key_column(source, "meta.ref.ivoid", f"{model.name}:{item.name}", described, True))
    described = "Collection the row came with, as name in cta.collection"
    draft.columns.append(_key_column(COLLECTION, "meta.id;meta.dataset", "", described, required=True))
    _refer(draft, model, target, role.target, utype, required=True, description=role.description)
    name = f"{snake_case(item.name)}_{role.name}"
    return Table(
        name=name,
        class_name=item.name,
        description=f"{role.description}: which {item.name} has which {role.target}",
        columns=tuple(draft.columns),
        primary=(source, target),
        foreign_keys=tuple(draft.foreign_keys),
        indexes=(COLLECTION, target, *binding.indexes.get(name, ())),
        is_association=True,
    )


def _refer(
    draft: _Draft, model: Model, column: str, target: str, utype: str, required: bool, description: str = ""
) -> None:
    table, dest = snake_case(target), key_of(model, target)
    text = f"{description or target}, as {dest} in cta.{table}"
    draft.columns.append(_key_column(column, "meta.ref", f"{model.name}:{utype}", text, required))
    draft.foreign_keys.append(ForeignKey(column, table, dest))


def _key_column(name: str, ucd: str, utype: str, description: str, required: bool) -> Column:
    return Column(name, "text", "key", "", ucd, utype, description, required)


def _attribute_columns(
    model: Model, owner: str, attribute: Attribute, path: str = "", required: bool = True
) -> list[Column]:
    """Return the column of an attribute, or those of the parts of a structured one."""
    name = path + attribute.name
    required = required and attribute.required
    parts = model.data_types.get(attribute.datatype)
    if parts is not None:
        owner = f"{owner}.{attribute.name}"
        return [column for part in parts for column in _attribute_columns(model, owner, part, f"{name}_", required)]
    return [
        Column(
            name=name,
            sql_type=sql_type(model, attribute.datatype),
            datatype=attribute.datatype,
            unit=attribute.unit,
            ucd=attribute.ucd,
            utype=f"{model.name}:{owner}.{attribute.name}",
            description=attribute.description,
            required=required,
            options=model.enumerations.get(attribute.datatype, ()),
        )
    ]


def sql_type(model: Model, datatype: str) -> str:
    """Return the SQL type of a primitive type or an enumeration.

    Raises
    ------
    ModelError
        For a type that has no counterpart.
    """
    while datatype not in _SQL_TYPES and datatype in model.primitives:
        datatype = model.primitives[datatype]
    if datatype in model.enumerations:
        return "text"
    try:
        return _SQL_TYPES[datatype]
    except KeyError:
        raise ModelError(f"there is no SQL type for {datatype}; known are {', '.join(_SQL_TYPES)}.") from None


def _in_order(tables: list[Table]) -> list[Table]:
    """Return tables so that each comes after those it refers to; otherwise in the order of the model."""
    ordered: list[Table] = []
    waiting = list(tables)
    while waiting:
        present = {table.name for table in ordered}
        ready = next(
            (table for table in waiting if all(key.table in present for key in table.foreign_keys)),
            None,
        )
        if ready is None:
            raise ModelError(f"tables refer to each other in a circle: {', '.join(table.name for table in waiting)}.")
        waiting.remove(ready)
        ordered.append(ready)
    return ordered
