"""Puts results of a job into a collection of the archive: ``python3 -m analysis.publish JOB_ID COLLECTION``.

For operators, with the instance's environment (``make env``). The files are copied into the collection's folder, with a
provenance record by which the import knows the published datasets as products of that job.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from analysis.description.catalogue import catalogue_of
from analysis.description.model import JobDescription
from analysis.errors import JobsError
from analysis.folder import RESULTS, JobStatus, read_status
from analysis.plain_files import open_plain
from analysis.provenance import ConnectionRows, job_record, pseudonym_of
from analysis.provenance.record import generated_by
from analysis.settings import Settings, load_settings
from analysis.uws.job import Job, Phase
from analysis.uws.store import JobStore
from ingest.collection import NAME, Collection, load_collection
from ingest.errors import CollectionError
from prov_tables.recorder import append_record
from prov_tables.sap.selection import Database

FITS = ("application/fits", "image/fits")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A dataset that the job has used, and what holds for it."""

    collection: str
    owner: str | None
    embargo: datetime.date | None


@dataclass(frozen=True, slots=True)
class Terms:
    """What must travel with whatever is made of a collection."""

    collection: str
    title: str
    terms: str
    terms_uri: str
    acknowledgement: str
    documents: tuple[str, ...] = ()
    """Access paths of its README files."""


@dataclass(slots=True)
class Published:
    """What was copied where; `remarks` are sentences for the operator."""

    collection: str
    folder: Path
    files: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def publish(
    database: Database,
    settings: Settings,
    job: Job,
    description: JobDescription,
    collection: str,
    inputs: Path,
    folder: Path | None = None,
) -> Published:
    """Copy the publishable results of a job into a collection's folder.

    Parameters
    ----------
    database
        Answers queries on ``cta.dataset`` and ``cta.collection``.
    settings
        Where jobs are.
    job, description
        The job, COMPLETED, and its type. FITS outputs with a ``dataproduct_subtype`` are published.
    collection
        Its name; its description is written if there is none.
    inputs
        DaCHS's ``inputsDir``.
    folder
        Of the collection's files; default the one that is linked, or ``published/<collection>`` beside the jobs.

    Raises
    ------
    JobsError
        When there is nothing to publish, or it would publish what is proprietary.
    """
    if not NAME.fullmatch(collection) or len(collection) > 64:
        raise JobsError(f"'{collection[:80]}' cannot name a collection: letters, digits, '.', '_' and '-' only.")
    if job.phase is not Phase.COMPLETED:
        raise JobsError(f"this job is {job.phase}; only results of a COMPLETED job, as long as they are kept, can be.")
    source = settings.jobs_folder / job.job_id
    record = _record(job, description, source, settings)
    chosen = [item for item in record["output"] if _is_publishable(description, item["file_name"])]
    if not chosen:
        raise JobsError(
            f"none of the results of this {job.job_type} can be published: those can that the job type describes as"
            " FITS with a dataproduct_subtype."
        )
    used = _inputs(database, job.datasets)
    described = inputs / "cta" / "collections" / f"{collection}.toml"
    check_embargo(used, _existing(described, collection), collection)
    data = inputs / "cta" / "data" / collection
    place = folder or (data.resolve() if data.exists() else settings.folder / "published" / collection)
    done = Published(collection, place)
    stem = f"{job.job_type}-{job.activity[:8]}"
    place.mkdir(parents=True, exist_ok=True)
    for item in chosen:
        item["name"] = f"{stem}-{item['file_name']}"
        _copy(source / RESULTS / item["file_name"], place / item["name"])
        done.files.append(item["name"])
    log = place / f"{stem}.provenance.log"
    log.unlink(missing_ok=True)
    append_record(log, record)
    terms = _terms(database, sorted({item.collection for item in used}))
    _copy_documents(terms, inputs, place)
    _describe(described, done, job, description, terms)
    return done


def _record(job: Job, description: JobDescription, folder: Path, settings: Settings) -> dict[str, Any]:
    try:
        status = read_status(folder)
    except (OSError, ValueError, TypeError):
        status = None
    status = status or JobStatus(reason="completed", exit_code=0)
    return job_record(job, description, status, folder, pseudonym=pseudonym_of(settings.folder, job.owner))


def _is_publishable(description: JobDescription, file_name: str) -> bool:
    output = generated_by(description, file_name)
    return output is not None and bool(output.dataproduct_subtype) and output.content_type.startswith(FITS)


# --- what the inputs allow -------------------------------------------------------------------------------------------


def _inputs(database: Database, dids: Sequence[str]) -> list[InputFile]:
    rows = database.rows(
        "SELECT obs_publisher_did, split_part(accref, '/', 3), owner, embargo FROM cta.dataset"
        " WHERE obs_publisher_did = ANY(%(dids)s)",
        {"dids": list(dids)},
    )
    found = {str(did): InputFile(str(name), owner, embargo) for did, name, owner, embargo in rows}
    gone = [did for did in dids if did not in found]
    if gone:
        raise JobsError(
            f"{gone[0][:200]}, which the job has used, is not in the archive any more: nobody can say under which terms"
            " its products may be published."
        )
    return list(found.values())


def check_embargo(used: Sequence[InputFile], collection: Collection | None, name: str) -> None:
    """Refuse products of proprietary data, unless the collection is proprietary for the same group as long."""
    today = datetime.datetime.now(datetime.UTC).date()
    closed = [item for item in used if item.owner and item.embargo and item.embargo > today]
    if not closed:
        return
    owners = sorted({str(item.owner) for item in closed})
    until = max(item.embargo for item in closed if item.embargo)
    if len(owners) > 1:
        raise JobsError(
            f"the job has used proprietary data of several groups ({', '.join(owners)}), the last until {until}: its"
            " results can be published then."
        )
    if collection is None or collection.owner != owners[0] or collection.embargo is None or collection.embargo < until:
        raise JobsError(
            f"the job has used data that are proprietary to {owners[0]} until {until}: publish the results then, or in"
            f' a collection with owner = "{owners[0]}" and embargo = {until} (or later) in collections/{name}.toml.'
        )
    if any(rule.owner is not None or rule.embargo is not None for rule in collection.paths):
        raise JobsError(
            f"collections/{name}.toml says of single files who may have them; use a collection with one owner and one"
            " embargo for all."
        )


def _terms(database: Database, collections: Sequence[str]) -> list[Terms]:
    rows = database.rows(
        "SELECT c.name, c.title, c.terms, c.terms_uri, c.acknowledgement, (SELECT array_agg(p.accesspath) FROM"
        " cta.document AS d JOIN dc.products AS p USING (accref) WHERE d.collection = c.name AND d.kind = 'readme'"
        " AND d.owner IS NULL) FROM cta.collection AS c WHERE c.name = ANY(%(names)s) ORDER BY c.name",
        {"names": list(collections)},
    )
    return [
        Terms(str(name), title or "", terms or "", uri or "", acknowledgement or "", tuple(documents or ()))
        for name, title, terms, uri, acknowledgement, documents in rows
    ]


# --- files -----------------------------------------------------------------------------------------------------------


def _copy(source: Path, target: Path) -> None:
    """Copy a plain file in one move; a link that the job has planted is none."""
    try:
        stream = open_plain(source)
    except OSError as exc:
        raise JobsError(f"the result {source.name} cannot be read ({exc.strerror}); it was not published.") from exc
    with stream, tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as new:
        shutil.copyfileobj(stream, new, 2**20)
    Path(new.name).chmod(0o644)
    Path(new.name).replace(target)


def _copy_documents(terms: Sequence[Terms], inputs: Path, place: Path) -> None:
    """Put the README files of the inputs' collections beside: they have the terms of use."""
    for item in terms:
        for path in item.documents:
            source = inputs / path
            if source.is_file():
                _copy(source.resolve(), place / f"README-{item.collection}-{source.name}")


def _existing(path: Path, name: str) -> Collection | None:
    try:
        return load_collection(path, name) if path.exists() else None
    except CollectionError as exc:
        raise JobsError(str(exc)) from exc


def _describe(path: Path, done: Published, job: Job, description: JobDescription, terms: Sequence[Terms]) -> None:
    """Write the collection's description if there is none; see to it that the subtypes of the files are in it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(_collection_lines(done.collection, terms)) + "\n", encoding="utf-8")
        done.remarks.append(f"{path} was written: complete it.")
    collection = _existing(path, done.collection)
    rules = []
    for output in description.generated:
        pattern = f"{job.job_type}-*-{output.file_name}"
        named = [name for name in done.files if name.endswith(f"-{output.file_name}")]
        if named and collection is not None and collection.rule_for(named[0]).match == "*":
            subtype = json.dumps(output.dataproduct_subtype)
            rules.append(f"[[paths]]\nmatch = {json.dumps(pattern)}\nsubtype = {subtype}\n")
    if rules and path.is_symlink():
        done.remarks.append(f"{path} came with the archive; these lines are missing in it:\n" + "\n".join(rules))
    elif rules:
        with path.open("a", encoding="utf-8") as stream:
            stream.write("\n" + "\n".join(rules))


def _collection_lines(name: str, terms: Sequence[Terms]) -> Iterator[str]:
    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    yield f"# Collection {name}: results of analysis jobs. Written by analysis.publish; complete it, then import again."
    yield f"title = {text(f'Results of analysis jobs: {name}')}"
    made_from = ", ".join(item.title or item.collection for item in terms)
    yield f"description = {text(f'Made by analysis jobs of this archive from {made_from}.' if made_from else '')}"
    for key in ("terms", "acknowledgement"):
        said = [f"{item.title or item.collection}: {getattr(item, key)}" for item in terms if getattr(item, key)]
        if said:
            yield f"{key} = {text(' '.join(said))}"
    addresses = {item.terms_uri for item in terms if item.terms_uri}
    if len(addresses) == 1:
        yield f"terms_uri = {text(addresses.pop())}"


# --- command ---------------------------------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> int:
    """Publish as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="analysis.publish", description="Publish results of a job in a collection.")
    parser.add_argument("job_id")
    parser.add_argument("collection")
    parser.add_argument("--folder", type=Path, help="of the collection's files, when it has none yet")
    given = parser.parse_args(words)
    try:
        done = _publish_from(given.job_id, given.collection, given.folder)
    except (JobsError, psycopg2.Error) as exc:
        print(f"error: {str(exc).splitlines()[0]}", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"error: {exc.filename} cannot be written or read ({exc.strerror}).", file=sys.stderr)
        return 1
    print(f"{len(done.files)} files are in {done.folder}:")
    for line in [*done.files, *done.remarks]:
        print(f"  {line}")
    print(f"now import them: make import DATA={done.folder} COLLECTION={done.collection}")
    return 0


def _publish_from(job_id: str, collection: str, folder: Path | None) -> Published:
    settings = load_settings()
    place = os.environ.get("GAVO_INPUTSDIR")
    if not place:
        raise JobsError("the instance's environment is missing: run `eval $(make -s env)` first.")
    connection = psycopg2.connect("")
    try:
        job = JobStore(connection).get(job_id)
        if job is None:
            raise JobsError(f"there is no job {job_id[:80]}; its address ends with its id.")
        description = catalogue_of(settings).get(job.job_type)
        if description is None:
            raise JobsError(f"the job type {job.job_type} is not there any more; put its folder back to publish.")
        rows = ConnectionRows(connection)
        return publish(rows, settings, job, description, collection, Path(place), folder)
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
