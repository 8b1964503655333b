"""Packages of datasets, given by identifiers or by a query (adaptor: imports DaCHS)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from gavo import base, svcs
from gavo.protocols import adqlglue

from datalink import archive
from datalink.access import Verdict, strictest
from datalink.answers import StreamAnswer, TextAnswer, refusal
from datalink.cores import addresses, parameters_of
from datalink.datasets import Dataset
from datalink.package.packages import MEDIA_TYPE, Limits, PackageFile, PackagePlan, plan_package
from datalink.package.tarstream import PackageError
from datalink.soda.errors import SodaError, usage_error

LIMITS = Limits()
QUERY_TIMEOUT_S = 60
# DaCHS parses some kilobytes a second, one query at a time for the whole server.
MAX_QUERY_CHARACTERS = 20_000


class PackageCore(svcs.Core):  # type: ignore[misc]
    """Packs datasets into a tar, with responses, index tables, terms and a description."""

    name_ = "packageCore"
    inputTableXML = """
        <inputTable>
            <inputKey name="ID" type="text" multiplicity="multiple" ucd="meta.id;meta.main" std="True"
                description="Publisher DIDs of datasets"/>
            <inputKey name="QUERY" type="text" multiplicity="multiple"
                description="ADQL query that selects obs_publisher_did, instead of ID"/>
        </inputTable>"""

    def run(self, service: Any, input_table: Any, query_meta: Any) -> Any:
        """Return a resource of the web server."""
        parameters = parameters_of(input_table)
        try:
            wanted, how = _wanted(parameters)
            found = archive.datasets(wanted)
            if parameters.get("QUERY"):
                wanted = _served(wanted, found)
            missing = [identifier for identifier in wanted if identifier not in found]
            if missing:
                raise SodaError("UsageError", f"this archive has no dataset {missing[0][:200]!r}.", 404)
            listed = next((found[identifier] for identifier in wanted if found[identifier].is_listed), None)
            if listed is not None:
                raise usage_error(f"{listed.title[:200]!r} is not served, so it cannot be packed; leave it out.")
            refused = _refused([found[identifier] for identifier in wanted], archive.viewer(query_meta))
            if refused is not None:
                return refused
            plan = package_plan([found[identifier] for identifier in wanted], how)
        except SodaError as exc:
            return TextAnswer(exc.status, exc.body)
        except PackageError as exc:
            return TextAnswer(400, f"UsageError: {exc}")
        return StreamAnswer(plan.chunks, MEDIA_TYPE, plan.file_name, plan.size)


def _wanted(parameters: Mapping[str, Sequence[str]]) -> tuple[list[str], str]:
    """Return the identifiers asked for, and how they were given."""
    identifiers, queries = parameters.get("ID", []), parameters.get("QUERY", [])
    if bool(identifiers) == bool(queries) or len(queries) > 1:
        raise usage_error("give the identifiers of datasets as ID (repeatable), or one ADQL query as QUERY.")
    if queries:
        return selected_by(queries[0]), queries[0]
    unique = list(dict.fromkeys(identifiers))
    return unique, "\n".join(unique)


def _served(wanted: Sequence[str], found: Mapping[str, Dataset]) -> list[str]:
    """Return what of a query's answer can be packed: files that are only listed are nobody's to give."""
    served = [identifier for identifier in wanted if identifier not in found or not found[identifier].is_listed]
    if not served:
        raise SodaError("UsageError", "the query selects only datasets that are listed and not served.", 404)
    return served


def selected_by(adql: str) -> list[str]:
    """Return the identifiers that an ADQL query selects; it may only read, like any TAP query.

    Raises
    ------
    SodaError
        400 when it cannot be run or is too long, 404 when it selects nothing.
    """
    if len(adql) > MAX_QUERY_CHARACTERS:
        raise usage_error(
            f"the query has {len(adql)} characters, at most {MAX_QUERY_CHARACTERS} are read; "
            "give the identifiers as ID."
        )
    limit = LIMITS.max_datasets + 1
    try:
        with base.getUntrustedConn() as connection:
            table = adqlglue.runTAPQuery(adql, QUERY_TIMEOUT_S, connection, [], limit, autoClose=False)
            rows = list(table)
    except (base.ValidationError, base.DBError) as exc:
        raise usage_error(f"the query cannot be run: {' '.join(str(exc).split())[:500]}") from exc
    except RecursionError as exc:
        raise usage_error("the query cannot be read: it is nested too deeply.") from exc
    if rows and "obs_publisher_did" not in rows[0]:
        raise usage_error("the query must select the column obs_publisher_did.")
    identifiers = list(dict.fromkeys(str(row["obs_publisher_did"]) for row in rows))
    if not identifiers:
        raise SodaError("UsageError", "the query selects no dataset.", 404)
    return identifiers


def _refused(datasets: Any, who: Any) -> TextAnswer | None:
    """Return the refusal when any file may not be given; what a package holds is never less than what was asked."""
    today = archive.today()
    verdicts = [strictest([file.protection.verdict(who, today) for file in _files(dataset)]) for dataset in datasets]
    verdict = strictest(verdicts)
    if verdict is Verdict.ALLOWED:
        return None
    if len(verdicts) == 1:
        return refusal(verdict)
    n_refused = sum(item is not Verdict.ALLOWED for item in verdicts)
    status, word = (401, "AuthenticationError") if verdict is Verdict.LOGIN_NEEDED else (403, "AuthorizationError")
    sentence = f"{n_refused} of the {len(verdicts)} datasets are proprietary; leave them out (data_rights='public'), "
    return TextAnswer(status, f"{word}: {sentence}or log in as a member of their group.")


def _files(dataset: Dataset) -> list[Any]:
    return dataset.files


def package_plan(
    datasets: Sequence[Dataset], how: str, limits: Limits = LIMITS, utc_now: datetime.datetime | None = None
) -> PackagePlan:
    """Return the plan of a package of datasets that were looked up; who may have them is not decided here.

    Parameters
    ----------
    datasets
        With their surroundings.
    how
        How they were selected, for the package's description.
    limits
        How much is allowed.
    utc_now
        The time that README and index files tell, default now; with the same time they are the same.

    Raises
    ------
    PackageError
        When there is too much, or a file is not there.
    """
    identifiers = [dataset.file.publisher_did for dataset in datasets]
    observations = archive.observations(identifiers)
    companions = {
        file.publisher_did: PackageFile(file.accref, file.publisher_did, file.path)
        for dataset in datasets
        for file in dataset.files[1:]
    }
    documents = {document.accref: document for dataset in datasets for document in dataset.documents}
    return plan_package(
        [
            PackageFile(
                dataset.file.accref,
                dataset.file.publisher_did,
                dataset.file.path,
                observations.get(dataset.file.publisher_did),
            )
            for dataset in datasets
        ],
        archive.hdu_rows(identifiers),
        documents.values(),
        archive.collections({dataset.collection for dataset in datasets}),
        how,
        utc_now or datetime.datetime.now(datetime.timezone.utc),
        companions=[file for did, file in companions.items() if did not in set(identifiers)],
        archive=f"{base.getConfig('web', 'sitename')}, {addresses().server}",
        limits=limits,
    )
