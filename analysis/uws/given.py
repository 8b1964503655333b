"""Parameters and files as a request brings them, and where uploads are kept until the job is started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from analysis.description.model import JobDescription
from analysis.errors import RefusedError, shown
from analysis.folder import UPLOADS, write_whole
from analysis.uws.job import JobParameter
from analysis.uws.requests import UploadedFile

REFERENCE = "param:"


def read_parameters(
    description: JobDescription, pairs: Iterable[tuple[str, str]], files: Mapping[str, UploadedFile]
) -> tuple[tuple[JobParameter, ...], dict[str, UploadedFile]]:
    """Return the parameters of a request under the names of the description, and the files by input.

    A file belongs to the input its part of the form is named after, or to the one whose value is ``param:<part>``
    (DALI 1.1, section 3.4.5), also as ``UPLOAD=<input>,param:<part>``. Empty values, as forms send them, are left out.

    Raises
    ------
    RefusedError
        400 when a file is referred to that is not there, or comes for what takes none.
    """
    parameters: list[JobParameter] = []
    uploads: dict[str, UploadedFile] = {}
    referred: set[str] = set()
    for name, value in pairs:
        target, reference = _upload_of(name, value)
        if reference is None:
            if value.strip():
                parameters.append(JobParameter(name=_official(description, name), value=value))
            continue
        if reference not in files:
            raise RefusedError(
                400, f"{shown(name)} refers to a file {shown(reference)} that the request does not have."
            )
        referred.add(reference)
        uploads[_input(description, target)] = files[reference]
    for part, file in files.items():
        if part not in referred:
            uploads[_input(description, part)] = file
    parameters += [JobParameter(name=name, value=file.file_name, upload=True) for name, file in uploads.items()]
    return tuple(parameters), {name.lower(): file for name, file in uploads.items()}


def replaced(
    before: Sequence[JobParameter], new: Sequence[JobParameter], names: Iterable[str]
) -> tuple[JobParameter, ...]:
    """Return the parameters with all of these names, in whatever case, replaced by new ones."""
    gone = {name.lower() for name in names} | {item.name.lower() for item in new}
    return (*(item for item in before if item.name.lower() not in gone), *new)


def keep_uploads(folder: Path, files: Mapping[str, UploadedFile]) -> None:
    """Write uploaded files below a job's folder; the names come from a description and are in lower case."""
    if not files:
        return
    kept = folder / UPLOADS
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, file in files.items():
        write_whole(kept / name, file.content)


def _upload_of(name: str, value: str) -> tuple[str, str | None]:
    """Return the input a value is for and the part of the form it refers to, if it does."""
    if value.startswith(REFERENCE):
        return name, value[len(REFERENCE) :]
    target, _, reference = value.partition(",")
    if name.lower() == "upload" and reference.startswith(REFERENCE):
        return target, reference[len(REFERENCE) :]
    return name, None


def _official(description: JobDescription, name: str) -> str:
    known = description.parameter(name) or description.usage(name)
    return known.name if known else name


def _input(description: JobDescription, name: str) -> str:
    usage = description.usage(name)
    if usage is None:
        known = ", ".join(item.name for item in description.used) or "none"
        raise RefusedError(400, f"{description.name} takes no file {shown(name)}; inputs are: {known}.")
    return usage.name
