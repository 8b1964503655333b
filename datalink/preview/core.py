"""Previews, made at import or when they are first asked for (adaptor: imports DaCHS)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gavo import base

from datalink import archive
from datalink.answers import FileAnswer, TextAnswer
from datalink.cores import DatasetCore
from datalink.datasets import Dataset
from datalink.preview.data import Hints, PreviewError
from datalink.preview.previews import render_previews
from datalink.preview.workers import PreviewTask, render_many

# KIND -> how the file's name ends
KINDS = {"sky": "-sky.png", "plot": "-plot.png", "thumbnail": "-thumb.png"}
PNG = "image/png"


class PreviewCore(DatasetCore):
    """Gives pictures of a dataset to those who may have its data."""

    name_ = "previewCore"

    def deliver(self, dataset: Dataset, parameters: Mapping[str, Sequence[str]]) -> Any:
        """Return a picture; one that is missing or older than the data is made now."""
        kind = (parameters.get("KIND") or [_usual(dataset)])[0].lower()
        if kind not in KINDS:
            return TextAnswer(400, f"UsageError: KIND is one of {', '.join(KINDS)}.")
        task = preview_task(dataset)
        picture = task.out_dir / f"{task.name}{KINDS[kind]}"
        try:
            if is_old(picture, dataset.file.path):
                render_previews(task.path, task.out_dir, task.name, task.hints)
        except (PreviewError, OSError) as exc:
            return TextAnswer(404, f"UsageError: there is no picture of this dataset ({exc}).")
        if not picture.exists():
            return TextAnswer(404, f"UsageError: this dataset has no {kind} picture.")
        return FileAnswer(picture, PNG)


def _usual(dataset: Dataset) -> str:
    """Return the kind of picture that says most of a dataset."""
    return "plot" if dataset.product_type in ("sed", "spectrum", "timeseries") else "sky"


def preview_task(dataset: Dataset) -> PreviewTask:
    """Return where the previews of a dataset are, and what the archive knows for drawing them."""
    # cta/data/<collection>/<path> -> cta/previews/<collection>/<path>-<kind>.png
    relpath = Path(dataset.file.accref).relative_to("cta/data")
    folder = Path(base.getConfig("inputsDir")) / "cta" / "previews" / relpath.parent
    hints = Hints(
        title=dataset.target_name,
        obs_id=dataset.obs_id,
        instrument=dataset.instrument_name,
        ra_deg=dataset.s_ra,
        dec_deg=dataset.s_dec,
        fov_deg=dataset.s_fov,
    )
    return PreviewTask(dataset.file.path, folder, relpath.name, hints)


def is_old(picture: Path, data: Path) -> bool:
    """Return whether a picture is missing or was made before the data file was last written."""
    return not picture.exists() or picture.stat().st_mtime < data.stat().st_mtime


def make_previews(collection: str) -> Iterator[str]:
    """Make all previews of a collection that are missing or old, in parallel; yield a sentence for each failure."""
    tasks = []
    for dataset in archive.drawable(collection):
        task = preview_task(dataset)
        if is_old(task.out_dir / f"{task.name}{KINDS['thumbnail']}", task.path):
            tasks.append(task)
    for done, outcome in enumerate(render_many(tasks), 1):
        if outcome.problem is not None:
            yield f"{outcome.task.name}: {outcome.problem}"
        if done % 100 == 0:
            print(f"progress: {done} of {len(tasks)} previews made", file=sys.stderr, flush=True)


if __name__ == "__main__":
    for sentence in make_previews(sys.argv[1]):
        print(sentence)
