"""Stores the provenance of jobs that have ended, before their end is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from analysis.description.model import JobDescription
from analysis.provenance import job_record, pseudonym_of, spool_folder, store_records
from analysis.runner.turn import Ended, end_of
from analysis.settings import Settings


class Recorder:
    """Writes to the tables of the provenance, by the runner's connection.

    Parameters
    ----------
    settings
        With the folder that has the key of the pseudonyms.
    connection
        Of psycopg2.
    """

    def __init__(self, settings: Settings, connection: Any) -> None:
        self._settings = settings
        self._connection = connection

    def record(self, ended: Sequence[Ended]) -> None:
        """Store what is to be known of some jobs, and what could not be stored earlier; it may be called with none."""
        records = [self._record(item) for item in ended]
        store_records(self._connection, records, spool_folder(self._settings))

    def _record(self, item: Ended) -> dict[str, Any]:
        job = replace(item.job, phase=item.outcome.phase, results=item.outcome.results, end_time=end_of(item.status))
        description = item.description or JobDescription(
            name=job.job_type, title=job.job_type, description="", script=item.folder, folder=item.folder
        )
        pseudonym = pseudonym_of(self._settings.folder, job.owner)
        return job_record(job, description, item.status, item.folder, pseudonym=pseudonym)
