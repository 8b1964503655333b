"""The provenance of one job as a document or picture, in the notations of ProvSAP."""

from __future__ import annotations

import dataclasses

from analysis.errors import RefusedError
from prov_tables.readers.job import ACTIVITY
from prov_tables.sap.answer import write_graph
from prov_tables.sap.request import RequestError, parse_request
from prov_tables.sap.selection import Database, select_graph

NOTATIONS = {
    "provenance-json": "PROV-JSON",
    "provenance-n": "PROV-N",
    "provenance-xml": "PROV-XML",
    "provenance-votable": "PROV-VOTABLE",
    "provenance-svg": "PROV-SVG",
}
"""Names that these documents have among the results of a job."""


def provenance_document(database: Database, activity: str, notation: str, server_url: str) -> tuple[bytes, str]:
    """Return a document on a job, and its media type: inputs, results, parameters, user, descriptions.

    Parameters
    ----------
    database
        Answers queries on the tables.
    activity
        ``Job.activity``, with or without ``job:``.
    notation
        A key or value of `NOTATIONS`.
    server_url
        Address of this archive, without a slash at its end.

    Raises
    ------
    RefusedError
        404 when the job is not, or not yet, in the provenance; 400 when there is no such notation.
    """
    key = activity if activity.startswith(ACTIVITY) else f"{ACTIVITY}{activity}"
    form = NOTATIONS.get(notation, notation)
    try:
        # of the activity: one relation back is what it used, one forward what it made
        request = parse_request({"ID": [key], "DEPTH": ["1"], "DIRECTION": ["BOTH"], "RESPONSEFORMAT": [form]})
        if form != "PROV-SVG":
            request = dataclasses.replace(request, descriptions=2)
        return write_graph(select_graph(database, request), request, server_url), request.media_type
    except RequestError as exc:
        if exc.status == 404:
            raise RefusedError(404, "the provenance of this job is not recorded yet; ask again in a moment.") from exc
        raise RefusedError(exc.status, str(exc)) from exc
