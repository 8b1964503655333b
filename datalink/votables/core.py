"""Products as VOTables, made on request (adaptor: imports DaCHS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gavo import base

from datalink.answers import StreamAnswer, TextAnswer
from datalink.cores import DatasetCore
from datalink.datasets import Dataset
from datalink.links import TABLES
from datalink.votables.products import KINDS, Facts, product_votable
from datalink.votables.table import MEDIA_TYPE
from ingest.errors import IngestError
from ingest.fitsfile import FitsError


class TableCore(DatasetCore):
    """Gives flux points, light curves and counts spectra as VOTables to those who may have the data."""

    name_ = "tableCore"

    def deliver(self, dataset: Dataset, parameters: Mapping[str, Sequence[str]]) -> Any:
        """Return the VOTable."""
        kind = (parameters.get("KIND") or ["points"])[0].lower()
        if kind not in KINDS:
            return TextAnswer(400, f"UsageError: KIND is one of {', '.join(KINDS)}.")
        if dataset.subtype not in TABLES:
            return TextAnswer(400, "UsageError: this dataset is not made into a VOTable; fetch its file.")
        try:
            content = product_votable(dataset.file.path, kind, _facts(dataset))
        except (IngestError, FitsError) as exc:
            return TextAnswer(400, f"UsageError: there is no such table of this dataset: {exc}")
        except OSError as exc:
            return TextAnswer(500, f"Error: the file cannot be read ({exc.strerror or type(exc).__name__}).")
        stem = dataset.file.path.name.split(".")[0]
        name = "".join(char if char.isalnum() or char in "-_" else "_" for char in f"{stem}-{kind}")
        return StreamAnswer(lambda: [content], MEDIA_TYPE, f"{name}.vot", len(content))


def _facts(dataset: Dataset) -> Facts:
    return Facts(
        publisher=str(base.getConfig("web", "sitename")),
        publisher_did=dataset.file.publisher_did,
        title=dataset.title,
        collection=dataset.obs_collection,
        target_name=dataset.target_name,
        instrument=dataset.instrument_name,
        reference=dataset.bib_reference,
        ra_deg=dataset.s_ra,
        dec_deg=dataset.s_dec,
        fov_deg=dataset.s_fov,
        t_min=dataset.t_min,
        t_max=dataset.t_max,
    )
