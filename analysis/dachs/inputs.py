"""What a job works on: looks datasets up, decides whether the owner may have them, and writes the job's order."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from astropy.io.votable import parse_single_table
from gavo import base

from analysis.description.model import DATASET, RECIPE, JobDescription, UsageDescription
from analysis.errors import JobsError, RefusedError
from analysis.folder import INPUTS, UPLOADS, JobOrder, Mount, write_order, write_whole
from analysis.parameters import Selection, check_identifiers, check_parameters, given_for
from analysis.provenance import recorded_job
from analysis.settings import Settings
from analysis.uws.job import Job, JobParameter
from analysis.uws.requests import UploadedFile
from datalink import archive
from datalink.access import Verdict, strictest
from datalink.datasets import Dataset
from datalink.package.core import package_plan, selected_by
from datalink.package.packages import Limits as PackageLimits
from datalink.package.tarstream import PackageError
from datalink.soda.errors import SodaError
from prov_tables.sap.core import TableDatabase

RECIPE_FILE = "recipe.json"
Describe = Callable[[str], JobDescription | None]
_BY_OBS_ID = (
    "SELECT obs_publisher_did, obs_id, split_part(accref, '/', 3) AS collection, dataproduct_subtype FROM cta.dataset"
    " WHERE obs_id = ANY(%(obs_ids)s) AND (%(kind)s IS NULL OR dataproduct_type = %(kind)s)"
    " AND coalesce(product_level, 'DL3') NOT IN ('DL0', 'DL1', 'DL2') ORDER BY obs_publisher_did"
)


def selected_datasets(usage: UsageDescription, selection: Selection, settings: Settings) -> list[Dataset]:
    """Return the datasets that identifiers or a query name, in their order.

    Parameters
    ----------
    usage
        The input they are for.
    selection
        Publisher DIDs, observation ids, or one ADQL query.
    settings
        With the number of datasets a job may have.

    Raises
    ------
    RefusedError
        404 when one is not in the archive, 400 when they do not suit the input.
    """
    if selection.query is not None:
        try:
            wanted = selected_by(selection.query)
        except SodaError as exc:
            raise RefusedError(exc.status, exc.sentence) from exc
    else:
        wanted = _publisher_dids(usage, selection.identifiers)
    low, high = usage.multiplicity.low, min(usage.multiplicity.high or settings.max_datasets, settings.max_datasets)
    if not low <= len(wanted) <= high:
        raise RefusedError(400, f"{usage.name} takes {low} to {high} datasets; these are {len(wanted)}.")
    found = archive.datasets(wanted)
    for did in wanted:
        if did not in found:
            raise RefusedError(404, f"this archive has no dataset {did[:200]}; see ivoa.obscore for those it has.")
        _check_suits(usage, found[did])
    return [found[did] for did in wanted]


def _publisher_dids(usage: UsageDescription, identifiers: Sequence[str]) -> list[str]:
    """Return publisher DIDs for identifiers, of which some may be observation ids, also ``collection:obs_id``."""
    named = {word: word.rpartition(":") for word in identifiers if not word.startswith("ivo://")}
    known: dict[str, list[tuple[str, str]]] = {}
    if named:
        parameters = {"obs_ids": [obs_id for _, _, obs_id in named.values()], "kind": usage.dataproduct_type}
        with base.getTableConn() as connection:
            for row in connection.queryToDicts(_BY_OBS_ID, parameters):
                known.setdefault(row["obs_id"], []).append((row["collection"], row["obs_publisher_did"]))
    wanted: list[str] = []
    for word in identifiers:
        if word not in named:
            wanted.append(word)
            continue
        collection, _, obs_id = named[word]
        matches = [item for item in known.get(obs_id, ()) if collection in ("", item[0])]
        wanted += _one_observation(word, matches)
    return list(dict.fromkeys(wanted))


def _one_observation(word: str, matches: Sequence[tuple[str, str]]) -> list[str]:
    collections = sorted({collection for collection, _ in matches})
    if not matches:
        raise RefusedError(404, f"this archive has no observation {word}; see obs_id in ivoa.obscore for those it has.")
    if len(collections) > 1:
        choice = " or ".join(f"{name}:{word}" for name in collections)
        raise RefusedError(400, f"several collections have an observation {word}; write {choice}.")
    return [did for _, did in matches]


def _check_suits(usage: UsageDescription, dataset: Dataset) -> None:
    name = dataset.title[:200]
    if dataset.is_listed:
        raise RefusedError(400, f"{name} is only listed in this archive, not served; leave it out.")
    if usage.dataproduct_type and dataset.product_type != usage.dataproduct_type:
        kind = dataset.product_type or "no data product"
        raise RefusedError(400, f"{name} is of type {kind}; {usage.name} takes {usage.dataproduct_type}.")
    missing = sorted(set(usage.needs) - {response.hdu_type for response in dataset.responses})
    if missing:
        raise RefusedError(400, f"{name} comes without {', '.join(missing)}, which this job type needs; leave it out.")


def check_access(datasets: Sequence[Dataset], owner: str | None) -> None:
    """Refuse datasets that the owner of a job may not have, by the decision that holds for all services.

    Raises
    ------
    RefusedError
        401 when a login may help, 403 when it does not.
    """
    who, today = archive.viewer_by_name(owner), archive.today()
    for dataset in datasets:
        verdict = strictest([file.protection.verdict(who, today) for file in dataset.files])
        if verdict is not Verdict.ALLOWED:
            raise _refusal(verdict, dataset.title[:200])


def authorize(publisher_dids: Sequence[str], owner: str | None) -> None:
    """Refuse what was made of datasets that the owner of a job may not have any more.

    Raises
    ------
    RefusedError
        401 when a login may help, 403 when it does not.
    """
    who, today = archive.viewer_by_name(owner), archive.today()
    verdict = strictest([item.verdict(who, today) for item in archive.protections(publisher_dids)])
    if verdict is not Verdict.ALLOWED:
        raise _refusal(verdict, "A dataset of this job")


def _refusal(verdict: Verdict, what: str) -> RefusedError:
    if verdict is Verdict.LOGIN_NEEDED:
        return RefusedError(401, f"{what} is proprietary; log in as a member of its group.")
    return RefusedError(403, f"{what} is proprietary, and not for your account; leave it out.")


def check(
    description: JobDescription,
    parameters: Sequence[JobParameter],
    files: Mapping[str, UploadedFile],
    complete: bool,
    settings: Settings,
) -> None:
    """Check what a request says for itself, without asking the archive; unless `complete`, something may be missing.

    Raises
    ------
    RefusedError
        400 with a sentence, for the first thing that is wrong.
    """
    given = [(item.name, item.value) for item in parameters if not item.upload]
    shape = description
    if not complete:
        shape = replace(description, parameters=tuple(replace(item, required=False) for item in description.parameters))
    check_parameters(shape, given)
    for usage in description.used:
        values = [value for value in given_for(given, usage.name) if value.strip()]
        if usage.kind == DATASET and values:
            check_identifiers(usage, values, settings.max_datasets)
    for name in files:
        usage_of = description.usage(name)
        if usage_of is None or usage_of.kind == RECIPE:
            raise RefusedError(400, f"{description.name} takes no file as {name[:80]!r}.")


def prepare(job: Job, description: JobDescription, settings: Settings, describe: Describe) -> tuple[str, ...]:
    """Write the order of a job that is about to be queued; return the publisher DIDs of its datasets.

    Parameters
    ----------
    job
        With the parameters as they were given; uploads are in its folder.
    description
        Of its type.
    settings
        With the limits.
    describe
        Gives the descriptions of other job types.

    Raises
    ------
    RefusedError
        When a parameter or a dataset does not do, or is not for the owner.
    """
    folder = settings.jobs_folder / job.job_id
    given = [(item.name, item.value) for item in job.parameters if not item.upload]
    uploaded = {item.name.lower(): folder / UPLOADS / item.name.lower() for item in job.parameters if item.upload}
    usages = {usage.name.lower() for usage in description.used}
    parameters = check_parameters(description, [pair for pair in given if pair[0].lower() not in usages])
    datasets: dict[str, Dataset] = {}
    uploads: dict[str, str] = {}
    scripts = [str(description.folder)]
    (folder / INPUTS).mkdir(parents=True, exist_ok=True, mode=0o700)
    for usage in description.used:
        values = [value for name, value in given if name.lower() == usage.name.lower() and value.strip()]
        upload = uploaded.get(usage.name.lower())
        if usage.kind == DATASET:
            if upload is not None:
                values += uploaded_identifiers(upload, usage.name)
            if not values and usage.multiplicity.low == 0:
                continue
            chosen = selected_datasets(usage, check_identifiers(usage, values, settings.max_datasets), settings)
            datasets.update((dataset.file.publisher_did, dataset) for dataset in chosen)
        elif usage.kind == RECIPE:
            recorded, folders = _follow_recipe(usage, values, folder, describe)
            datasets.update(recorded)
            scripts += folders
        else:
            uploads.update(_uploaded(usage, upload, folder))
    check_access(list(datasets.values()), job.owner)
    mounts = place_datasets(list(datasets.values()), folder, settings) if datasets else ()
    write_order(
        folder,
        JobOrder(
            job_id=job.job_id,
            job_type=job.job_type,
            script=str(description.script),
            parameters=parameters,
            limits=settings.limits(description, job.execution_duration),
            mounts=mounts,
            uploads=uploads,
            read_only=tuple(scripts),
        ),
    )
    return tuple(datasets)


def place_datasets(datasets: Sequence[Dataset], folder: Path, settings: Settings) -> tuple[Mount, ...]:
    """Lay datasets out as in a package: write what is made for the job; return which files of the archive it reads."""
    how = "\n".join(dataset.file.publisher_did for dataset in datasets)
    try:
        # the time of the newest file, so that the same inputs are the same files when a job is repeated
        newest = max(dataset.file.path.stat().st_mtime for dataset in datasets)
        utc = datetime.datetime.fromtimestamp(newest, datetime.timezone.utc)
        plan = package_plan(datasets, how, PackageLimits(max_datasets=settings.max_datasets), utc)
    except OSError as exc:
        raise RefusedError(503, f"a file is not there at the moment ({exc.strerror}); tell the operator.") from exc
    except PackageError as exc:
        raise RefusedError(400, str(exc)) from exc
    mounts = []
    for member in plan.members:
        if isinstance(member.source, bytes):
            target = folder / INPUTS / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.source)
        else:
            mounts.append(Mount(source=str(member.source.resolve()), target=member.name))
    return tuple(mounts)


def uploaded_identifiers(path: Path, name: str) -> list[str]:
    """Return the identifiers in an uploaded list: lines of text, or a VOTable's column obs_publisher_did or obs_id.

    Raises
    ------
    RefusedError
        400 when the file is neither.
    """
    content = path.read_bytes()
    if content.lstrip()[:1] == b"<":
        return _column_of(content, name)
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise RefusedError(400, f"the file given as {name} is neither text nor a VOTable.") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _column_of(content: bytes, name: str) -> list[str]:
    try:
        table = parse_single_table(io.BytesIO(content), verify="ignore").to_table(use_names_over_ids=True)
    except Exception as exc:  # astropy raises about anything on what is no VOTable
        raise RefusedError(400, f"the file given as {name} cannot be read as a VOTable: {str(exc)[:200]}.") from exc
    for column in ("obs_publisher_did", "obs_id"):
        if column in table.colnames:
            return [str(value) for value in table[column]]
    raise RefusedError(400, f"the VOTable given as {name} has no column obs_publisher_did or obs_id.")


def _uploaded(usage: UsageDescription, upload: Path | None, folder: Path) -> Mapping[str, str]:
    """Move an upload to where the script finds it."""
    if upload is None:
        if usage.multiplicity.low > 0:
            raise RefusedError(400, f"{usage.name} is missing; upload a file of that name (multipart/form-data).")
        return {}
    target = folder / INPUTS / UPLOADS / usage.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(upload.read_bytes())
    return {usage.name: f"{UPLOADS}/{usage.name}"}


def _follow_recipe(
    usage: UsageDescription, values: Sequence[str], folder: Path, describe: Describe
) -> tuple[dict[str, Dataset], list[str]]:
    """Write down what is recorded of how a product was made; return its inputs and the folder of the script."""
    if len(values) != 1:
        raise RefusedError(400, f"give one product as {usage.name}: its publisher DID, or its id in the provenance.")
    with base.getTableConn() as connection:
        try:
            recorded = recorded_job(TableDatabase(connection), values[0])
        except JobsError as exc:
            raise RefusedError(404, str(exc)) from exc
    description = describe(recorded.job_type)
    if description is None:
        raise RefusedError(404, f"there is no job type {recorded.job_type} any more, which has made this product.")
    found = archive.datasets(recorded.datasets)
    gone = [did for did in recorded.datasets if did not in found]
    if gone:
        raise RefusedError(404, f"{gone[0]}, which was used to make this product, is not in this archive any more.")
    recipe = {
        "job_type": recorded.job_type,
        "script": str(description.script),
        "parameters": recorded.parameters,
        "results": recorded.results,
        "software": recorded.software,
    }
    write_whole(folder / INPUTS / RECIPE_FILE, json.dumps(recipe))
    return found, [str(description.folder)]
