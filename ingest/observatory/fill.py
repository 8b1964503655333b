"""Brings the data model's tables up to date with a collection: metadata files and headers in, changed rows out."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.folder import FoundFile
from ingest.observatory import derive, obsplan
from ingest.observatory.checks import Checked, Problem, check
from ingest.observatory.document import Document, DocumentError, digest, parse, read_text
from ingest.observatory.objects import Entry, Reader
from ingest.store import Cursor, copy_tuples
from model.binding import BINDING_FILE, Binding, load_binding
from model.reader import MODEL_FILE, Model, load_model
from model.tables import COLLECTION, Table, key_of, make_tables, snake_case

# Raise this when rows are made differently: the next import makes them anew.
FILL_VERSION = 1
# Sorts and joins of a large collection stay in memory with this, until the end of the transaction.
WORK_MEMORY = "64MB"
# How many sentences a file may cause; the rest is counted.
MAX_SENTENCES = 500


@dataclass(frozen=True, slots=True)
class Schema:
    """The model and its tables, as this software has them."""

    model: Model
    binding: Binding
    tables: tuple[Table, ...]
    digest: str


@dataclass(slots=True)
class Outcome:
    """What was done. `unchanged` means that earlier sentences about the metadata files still hold."""

    unchanged: bool = False
    problems: list[Problem] = field(default_factory=list)


@functools.cache
def schema() -> Schema:
    """Return the model of this software, read once."""
    model, binding = load_model(), load_binding()
    content = hashlib.sha256(MODEL_FILE.read_bytes() + BINDING_FILE.read_bytes()).hexdigest()
    return Schema(model, binding, make_tables(model, binding), f"{FILL_VERSION} {content}")


def update(
    cursor: Cursor, name: str, prefix: str, files: Sequence[FoundFile] | None, datasets_changed: bool
) -> Outcome:
    """Write what has changed in the data model's rows of a collection, in the caller's transaction.

    Parameters
    ----------
    cursor
        Of the import's transaction; the rows of ``cta.dataset`` and ``cta.collection`` are written already.
    name
        The collection.
    prefix
        Beginning of its access references.
    files
        Its metadata files; None for what they said at the last import.
    datasets_changed
        Whether rows of ``cta.dataset`` have changed.
    """
    if not is_there(cursor):
        return Outcome(problems=[(file.relpath, "info", "the data model has no tables here.") for file in files or ()])
    outcome = Outcome()
    stored = _stored_texts(cursor, name)
    texts, documents = _read(files, stored, outcome)
    derivations = _derivations_state(cursor, name)
    # Sentences about an unusable file must go when it is usable again, even if it says the same as before.
    state = digest(
        [
            ("", schema().digest),
            ("derivations", derivations),
            *((path, "unusable") for path, _, _ in outcome.problems),
            *texts,
        ]
    )
    if not datasets_changed and not outcome.problems and stored.get("") == state:
        outcome.unchanged = True
        return outcome
    checked = _check(documents, outcome)
    _make_new_tables(cursor)
    _copy_objects(cursor, name, checked)
    parameters = {"name": name, "prefix": prefix}
    cursor.execute(derive.HEADERS, parameters)
    outcome.problems += _unknown_telescopes(cursor, checked)
    for statement in derive.STATEMENTS:
        cursor.execute(statement, parameters)
    if derivations:
        cursor.execute(derive.DERIVATIONS, parameters)
    _merge(cursor, name)
    outcome.problems += obsplan.fill(cursor, name)
    _store_texts(cursor, name, stored, {"": state, **dict(texts)})
    return outcome


def forget(cursor: Cursor, name: str) -> None:
    """Remove all rows of a collection."""
    if not is_there(cursor):
        return
    for table in reversed(schema().tables):
        cursor.execute(f"DELETE FROM cta.{table.name} WHERE {COLLECTION} = %(name)s", {"name": name})
    cursor.execute("DELETE FROM cta.model_source WHERE collection = %(name)s", {"name": name})
    obsplan.forget(cursor, name)


def forget_state(cursor: Cursor, name: str) -> None:
    """Let the next import of a collection look at its metadata files in any case, and note what is wrong with them."""
    cursor.execute("DELETE FROM cta.model_source WHERE collection = %(name)s AND path = ''", {"name": name})


def is_there(cursor: Cursor) -> bool:
    """Say whether the tables have been made: a site may do without the data model."""
    names = [f"cta.{table.name}" for table in schema().tables] + ["cta.model_source"]
    cursor.execute("SELECT every(to_regclass(name) IS NOT NULL) FROM unnest(%(names)s) AS name", {"names": names})
    return bool(cursor.fetchall()[0][0])


def _derivations_state(cursor: Cursor, name: str) -> str:
    """Return a digest of which datasets were made from which; empty where the archive does not know of such."""
    cursor.execute("SELECT to_regclass('cta.derivation') IS NOT NULL")
    if not cursor.fetchall()[0][0]:
        return ""
    cursor.execute(derive.DERIVATIONS_STATE, {"name": name})
    return str(cursor.fetchall()[0][0])


def _stored_texts(cursor: Cursor, name: str) -> dict[str, str]:
    cursor.execute("SELECT path, content FROM cta.model_source WHERE collection = %(name)s", {"name": name})
    return {str(path): str(content) for path, content in cursor.fetchall()}


def _store_texts(cursor: Cursor, name: str, stored: Mapping[str, str], texts: Mapping[str, str]) -> None:
    """Write the texts that differ from the stored ones."""
    old = [path for path, text in stored.items() if texts.get(path) != text]
    cursor.execute(
        "DELETE FROM cta.model_source WHERE collection = %(name)s AND path = ANY(%(old)s)", {"name": name, "old": old}
    )
    rows = ((name, path, text) for path, text in texts.items() if stored.get(path) != text)
    copy_tuples(cursor, "cta.model_source", ("collection", "path", "content"), rows)


def _read(
    files: Sequence[FoundFile] | None, stored: dict[str, str], outcome: Outcome
) -> tuple[list[tuple[str, str]], list[Document]]:
    """Return texts and contents of the files; what an unusable one said at the last import still holds."""
    if files is None:
        texts = sorted((path, text) for path, text in stored.items() if path)
        return texts, [parse(path, text) for path, text in texts]
    texts, documents = [], []
    for file in sorted(files, key=lambda file: file.relpath):
        try:
            text = read_text(file.path)
            document = parse(file.relpath, text)
        except DocumentError as exc:
            known = stored.get(file.relpath)
            kept = "" if known is None else " What it said at an earlier import still holds."
            outcome.problems.append((file.relpath, "error", f"{exc}{kept}"))
            if known is None:
                continue
            text, document = known, parse(file.relpath, known)
        texts.append((file.relpath, text))
        documents.append(document)
    return texts, documents


def _check(documents: Sequence[Document], outcome: Outcome) -> Checked:
    """Return the usable objects; note the others, and in a line what was taken from each file."""
    reader = Reader(schema().model, schema().binding)
    entries: list[Entry] = []
    problems: list[Problem] = []
    for document in documents:
        found, sentences = reader.read(document)
        entries += found
        problems += [(document.relpath, "error", sentence) for sentence in sentences]
    checked = check(schema().model, schema().tables, entries)
    problems += checked.problems
    for document in documents:
        own = [problem for problem in problems if problem[0] == document.relpath]
        outcome.problems += own[:MAX_SENTENCES]
        if len(own) > MAX_SENTENCES:
            sentence = f"{len(own) - MAX_SENTENCES} more sentences like these are left out."
            outcome.problems.append((document.relpath, own[-1][1], sentence))
        count = sum(entry.path == document.relpath for found in checked.entries.values() for entry in found)
        sentence = f"read as observation metadata ({count} objects); the file itself is not published."
        outcome.problems.append((document.relpath, "info", sentence))
    return checked


def _make_new_tables(cursor: Cursor) -> None:
    """Make empty temporary tables for the rows as they are to be."""
    cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
    known = ("known_configuration", "known_reconstruction", "known_analysis")
    made = [f"new_{table.name}" for table in schema().tables]
    cursor.execute(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{name}' for name in (*made, *derive.SCRATCH, *known))}")
    for table in schema().tables:
        cursor.execute(
            f"CREATE TEMP TABLE new_{table.name} (LIKE cta.{table.name}) ON COMMIT DROP;"
            f"ALTER TABLE new_{table.name} ADD PRIMARY KEY ({', '.join(table.primary)})"
        )


def _copy_objects(cursor: Cursor, name: str, checked: Checked) -> None:
    """Write objects of metadata files into the temporary tables."""
    model = schema().model
    for table in schema().tables:
        if table.is_association:
            continue
        entries = [entry for concrete in model.concrete(table.class_name) for entry in checked.entries[concrete]]
        if entries:
            rows = (_row(table, name, entry) for entry in entries)
            copy_tuples(cursor, f"new_{table.name}", table.column_names, rows)
    for class_name, entries in checked.entries.items():
        for item in model.lineage(class_name):
            for role in item.references:
                if role.many:
                    columns = (key_of(model, class_name), COLLECTION, f"{role.name}_id")
                    pairs = ((entry.key, target) for entry in entries for target in entry.references.get(role.name, ()))
                    links = ((f"{name}/{source}", name, f"{name}/{target}") for source, target in pairs)
                    copy_tuples(cursor, f"new_{snake_case(item.name)}_{role.name}", columns, links)


def _row(table: Table, name: str, entry: Entry) -> list[object]:
    """Return the values of an object in one of the tables of its class's inheritance."""
    model = schema().model
    item = model.classes[table.class_name]
    values: dict[str, object] = {
        **entry.values,
        key_of(model, table.class_name): f"{name}/{entry.key}",
        COLLECTION: name,
    }
    owner = model.owner_of(entry.class_name)
    if owner is not None and entry.owner is not None:
        values[key_of(model, owner[0])] = f"{name}/{entry.owner}"
    for role in item.references:
        targets = entry.references.get(role.name)
        if targets and not role.many:
            values[f"{role.name}_id"] = f"{name}/{targets[0]}"
    if entry.class_name == "Telescope":
        values.setdefault("tel_id", entry.values["name"])
    return [values.get(column) for column in table.column_names]


def _unknown_telescopes(cursor: Cursor, checked: Checked) -> list[Problem]:
    """Return sentences about telescopes that headers name and the metadata files do not have."""
    cursor.execute(derive.UNKNOWN_TELESCOPES)
    paths = {entry.key: entry.path for entry in checked.entries["SiteArray"]}
    return [
        (paths[array], "warning", f"headers (TELLIST) name telescopes of {array} that are not described: {tels[:200]}.")
        for array, tels in cursor.fetchall()
        if array in paths
    ]


def _merge(cursor: Cursor, name: str) -> None:
    """Make the collection's rows equal to those of the temporary tables, and touch only those that differ."""
    for table in schema().tables:
        # No ON CONFLICT: when the tables are being made anew, they have no keys yet.
        columns, same = ", ".join(table.column_names), _same_key(table)
        others = [column for column in table.column_names if column not in (*table.primary, COLLECTION)]
        if others:
            changes = ", ".join(f"{column} = new.{column}" for column in others)
            was, is_now = (", ".join(f"{row}.{column}" for column in others) for row in ("old", "new"))
            cursor.execute(
                f"UPDATE cta.{table.name} AS old SET {changes} FROM new_{table.name} AS new"
                f" WHERE {same} AND ROW({was}) IS DISTINCT FROM ROW({is_now})"
            )
        cursor.execute(
            f"INSERT INTO cta.{table.name} ({columns}) SELECT {columns} FROM new_{table.name} AS new"
            f" WHERE NOT EXISTS (SELECT FROM cta.{table.name} AS old WHERE {same})"
        )
    for table in reversed(schema().tables):
        cursor.execute(
            f"DELETE FROM cta.{table.name} AS old WHERE {COLLECTION} = %(name)s"
            f" AND NOT EXISTS (SELECT FROM new_{table.name} AS new WHERE {_same_key(table)})",
            {"name": name},
        )


def _same_key(table: Table) -> str:
    return " AND ".join(f"new.{column} = old.{column}" for column in table.primary)
