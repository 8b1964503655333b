"""Provenance of jobs: the record of one, the tables it goes into, and what is read back from them.

``record`` makes records, ``store`` imports them, ``recorded`` reads back what would make a product again, ``document``
writes a job's graph. Nothing here imports gavo or gammapy.
"""

from __future__ import annotations

from analysis.provenance.document import NOTATIONS, provenance_document
from analysis.provenance.record import job_record, pseudonym_of
from analysis.provenance.recorded import RecordedJob, recorded_job
from analysis.provenance.store import ConnectionRows, spool_folder, store_records

__all__ = [
    "NOTATIONS",
    "ConnectionRows",
    "RecordedJob",
    "job_record",
    "provenance_document",
    "pseudonym_of",
    "recorded_job",
    "spool_folder",
    "store_records",
]
