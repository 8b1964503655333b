"""The record of a job that has ended, in the form that `prov_tables.readers.job` imports.

Accounts, the job's own id (who knows an anonymous job's id owns it), machines and folders are not in it.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from analysis.description.model import (
    RECIPE,
    UPLOAD,
    GenerationDescription,
    JobDescription,
    Multiplicity,
    ParameterDescription,
)
from analysis.errors import JobsError
from analysis.folder import INPUTS, RESULTS, JobOrder, JobStatus, read_order
from analysis.plain_files import digest_of, plain_files, plain_size
from analysis.uws.job import Job, Phase
from prov_tables.privacy import without_names
from prov_tables.readers.job import FORM

SECRET = "pseudonyms.key"
STATUS = {"completed": "completed", "duration": "interrupted", "killed": "interrupted"}
# So that the same job, recorded twice, has the same results; the id of the activity is public anyway.
_PRODUCTS = uuid.UUID("6f3c4a5e-2f0c-4d0e-9d1e-0f9c2a7d1b11")


def pseudonym_of(folder: Path, account: str | None) -> str | None:
    """Return under which name an account's jobs are recorded; None for nobody's.

    Parameters
    ----------
    folder
        That of the settings; the secret is kept there (mode 0600), made at the first call.
    account
        Its name.

    Raises
    ------
    JobsError
        When the secret cannot be read: without it, everybody would get another name.
    """
    if account is None:
        return None
    digest = hmac.new(_secret(folder / SECRET), account.encode("utf-8", "surrogateescape"), hashlib.sha256)
    return f"user {digest.hexdigest()[:12]}"


def _secret(path: Path) -> bytes:
    try:
        if not path.exists():
            new = path.with_name(f".{path.name}.{os.getpid()}")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(secrets.token_bytes(32))
            try:
                os.link(new, path)  # the first one stays, whoever else makes one at this moment
            except FileExistsError:
                pass
            finally:
                new.unlink()
        key = path.read_bytes()
    except OSError as exc:
        raise JobsError(f"the key of the pseudonyms, {path}, cannot be read or made ({exc.strerror}).") from exc
    if len(key) < 32:
        raise JobsError(f"the key of the pseudonyms, {path}, is damaged: put it back from a copy, or remove it.")
    return key


def job_record(
    job: Job, description: JobDescription, status: JobStatus, folder: Path, *, pseudonym: str | None
) -> dict[str, Any]:
    """Return the record of a job; it can be written as JSON.

    Parameters
    ----------
    job
        Its row.
    description
        Of its type.
    status
        How it ended, with the digests of the results.
    folder
        Of the job; results without a digest are read where they lie, links are not followed.
    pseudonym
        From `pseudonym_of`; None for nobody's.
    """
    private = {name for name in (job.job_id, job.owner) if name}
    return {
        "form": FORM,
        "activity_name": description.name,
        "activity_uuid": job.activity,
        "activity_type": description.type,
        "status": "interrupted" if job.phase is Phase.ABORTED else STATUS.get(status.reason, "error"),
        "exit_code": status.exit_code,
        "start": {"time_utc": _time(status.start, job.start_time or job.creation_time)},
        "stop": {"time_utc": _time(status.end, job.end_time)},
        "system": {"packages": [{"name": name, "version": text} for name, text in sorted(status.software.items())]},
        "agents": [{"name": pseudonym, "role": "Operator"}] if pseudonym else [],
        "config": _parameters(job, description, folder, private),
        "input": [*_datasets(job, description), *_uploads(description, folder)],
        "output": list(_results(job, description, folder, private, status.digests)),
        "description": _described(description),
    }


def _time(seconds: float, otherwise: datetime.datetime | None) -> str | None:
    utc = datetime.timezone.utc
    time = datetime.datetime.fromtimestamp(seconds, utc) if seconds else otherwise
    return None if time is None else time.astimezone(utc).replace(tzinfo=None).isoformat(timespec="milliseconds")


# --- parameters ------------------------------------------------------------------------------------------------------


def _parameters(job: Job, description: JobDescription, folder: Path, private: set[str]) -> dict[str, str]:
    """Return the parameters as texts that a request could give; of a recipe that was followed, its product."""
    given: dict[str, Any] = {item.name: item.value for item in job.parameters if not item.upload}
    order = _order(folder)
    found = {}
    for name, value in (given if order is None else order.parameters).items():
        described = description.parameter(name)
        if described is not None and value is not None:
            text = parameter_text(value)
            free = described.datatype == "char" and not described.options
            found[described.name] = without_names(text, private) if free else text
    for name, value in given.items():
        usage = description.usage(name)
        if usage is not None and usage.kind == RECIPE:
            found[usage.name] = without_names(value, private)
    return found


def _order(folder: Path) -> JobOrder | None:
    """Return what the worker was told; None when it never came so far."""
    try:
        return read_order(folder)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def parameter_text(value: object) -> str:
    """Return the value of a parameter as a request gives it; the values of an array are separated by blanks."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(parameter_text(item) for item in value)
    if isinstance(value, float):
        return repr(value)
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()  # what a database can hold


# --- inputs and results ----------------------------------------------------------------------------------------------


def _datasets(job: Job, description: JobDescription) -> Iterator[dict[str, Any]]:
    usages = [usage for usage in description.used if usage.kind != UPLOAD]
    usage = usages[0] if usages else None
    for did in dict.fromkeys(job.datasets):
        yield {"did": did, "role": usage.role if usage else None, "usage": usage.name if usage else None}


def _uploads(description: JobDescription, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the digests of uploaded files; their names are their owner's business."""
    order = _order(folder)
    for name, path in sorted(order.uploads.items() if order else ()):
        usage = description.usage(name)
        digest = digest_of(folder / INPUTS / path)
        if usage is not None and digest is not None:
            yield {"sha256": digest, "role": usage.role, "usage": usage.name}


def _results(
    job: Job, description: JobDescription, folder: Path, private: set[str], digests: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    # the service names result files by their place in the job's folder
    paths = {Path(result.file_name): result for result in job.results if result.file_name}
    listed = {path.name: result for path, result in paths.items() if path.parent.name == RESULTS}
    for path in plain_files(folder / RESULTS):
        generated = generated_by(description, path.name)
        if generated is None and path.name not in listed:
            continue
        # Of large files the runner would have to read for seconds; who watched over the job has done so already.
        size, digest = plain_size(path), digests.get(path.name) or digest_of(path)
        if size is None or digest is None:
            continue
        content_type = generated.content_type if generated else listed[path.name].content_type
        name = without_names(path.name, private)
        yield {
            "product_id": f"result-{uuid.uuid5(_PRODUCTS, f'{job.activity}/{name}')}",
            "name": name,
            "file_name": name,
            "size": size,
            "sha256": digest,
            "content_type": content_type,
            "role": generated.role if generated else listed[path.name].name,
            "generated": generated.name if generated else None,
        }


def generated_by(description: JobDescription, file_name: str) -> GenerationDescription | None:
    """Return which output of a job type a file is."""
    exact = (item for item in description.generated if item.file_name == file_name)
    several = (
        item for item in description.generated if item.multiplicity.high != 1 and fnmatchcase(file_name, item.file_name)
    )
    return next(exact, None) or next(several, None)


# --- the job type ----------------------------------------------------------------------------------------------------


def _described(description: JobDescription) -> dict[str, Any]:
    """Return what is common to all jobs of a type, named like the columns of the tables."""
    parameters = [_parameter_description(item) for item in description.parameters]
    parameters += [
        {"name": item.name, "value_type": "char(*)", "description": item.description}
        for item in description.used
        if item.kind == RECIPE
    ]
    used = [
        {
            "name": item.name,
            "role": item.role,
            "description": item.description,
            "content_type": item.content_type,
            "type": item.dataproduct_type,
            "multiplicity": _multiplicity(item.multiplicity),
        }
        for item in description.used
    ]
    generated = [
        {
            "name": item.name,
            "role": item.role,
            "description": item.description,
            "content_type": item.content_type,
            "type": item.dataproduct_subtype,
            "multiplicity": _multiplicity(item.multiplicity),
        }
        for item in description.generated
    ]
    text = description.description
    return {
        "name": description.name,
        "version": description.version,
        "description": text if text.startswith(description.title) else f"{description.title}. {text}".strip(),
        "docurl": description.docurl,
        "type": description.type,
        "subtype": description.subtype,
        "parameters": parameters,
        "used": used,
        "generated": generated,
    }


def _parameter_description(item: ParameterDescription) -> dict[str, Any]:
    size = item.arraysize or ("*" if item.datatype == "char" else None)
    return {
        "name": item.name,
        "value_type": f"{item.datatype}({size})" if size else item.datatype,
        "description": item.description,
        "unit": item.unit,
        "ucd": item.ucd,
        "min_value": None if item.low is None else format(item.low, ".15g"),
        "max_value": None if item.high is None else format(item.high, ".15g"),
        "default_value": item.default,
        "options": ", ".join(item.options),
    }


def _multiplicity(item: Multiplicity) -> str:
    if item.low == item.high:
        return str(item.low)
    return f"{item.low}..{'*' if item.high is None else item.high}"
