"""gammapy_datastore: what is unpacked opens in gammapy, whatever was selected."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("gammapy")

from astropy.table import Table
from gammapy.data import DataStore

from analysis.worker.job import JobError
from tests.unit.job_inputs import CRAB, SHARED, check_results, digests, make_job, run


def unpacked(archive: Path, folder: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        return tar.getnames()


def test_the_package_opens_and_has_the_terms(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_datastore", CRAB)
    run(job)
    check_results(job)
    names = unpacked(job.results / "datastore.tar", tmp_path / "new")
    store = DataStore.from_dir(tmp_path / "new" / "hess-dl3-dr1")
    assert [len(item.events.table) for item in store.get_observations()] == Table.read(job.results / "check.ecsv")[
        "n_events"
    ].tolist()
    # terms of use travel with the data
    assert "hess-dl3-dr1/README.txt" in names
    for name in names:
        digest = hashlib.sha256((tmp_path / "new" / name).read_bytes()).hexdigest()
        assert digest == hashlib.sha256((job.inputs / name).read_bytes()).hexdigest()
    assert Table.read(job.results / "check.ecsv")["opens"].all()


def test_event_types_and_other_telescopes(tmp_path: Path) -> None:
    hawc = [int(row["OBS_ID"]) for row in _index("hawc-crab-pass4")]
    job = make_job(tmp_path / "job", "gammapy_datastore", {"hawc-crab-pass4": hawc, "magic-joint-crab": [5029748]})
    run(job)
    table = Table.read(job.results / "check.ecsv")
    assert len(set(table["folder"].tolist())) >= 2
    assert set(table["n_events"].tolist()) and (table["n_events"] > 0).all()
    names = unpacked(job.results / "datastore.tar", tmp_path / "new")
    assert all((tmp_path / "new" / name).is_file() for name in names)


def _index(name: str) -> Table:
    files = sorted((SHARED / "data" / "dl3" / name).rglob("*obs-index*.fits.gz"))
    if not files:
        pytest.skip(f"the collection {name} is not here")
    return Table.read(files[0], hdu=1)


def test_the_same_inputs_give_the_same_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path / name, "gammapy_datastore", CRAB) for name in ("a", "b")]
    for path in jobs[1].inputs.rglob("*.gz"):
        path.touch()
    for job in jobs:
        run(job)
    assert digests(jobs[0].results) == digests(jobs[1].results)


def test_files_of_the_service_stay_out(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_datastore", CRAB)
    (job.inputs / "recipe.json").write_text("{}")
    (job.inputs / "uploads").mkdir()
    (job.inputs / "uploads" / "list.txt").write_text("secret")
    run(job)
    with tarfile.open(job.results / "datastore.tar") as tar:
        assert not [name for name in tar.getnames() if "recipe" in name or "uploads" in name]


def test_a_damaged_file_is_told_and_packed_all_the_same(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_datastore", CRAB)
    path = next(path for path in job.inputs.rglob("*023559*"))
    path.write_bytes(path.read_bytes()[:5000])
    run(job)
    table = Table.read(job.results / "check.ecsv")
    assert dict(zip(table["obs_id"].tolist(), table["opens"].tolist(), strict=True)) == {23559: False, 23592: True}
    assert "cannot be read" in table["message"][list(table["obs_id"]).index(23559)]


def test_nothing_selected_is_told(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_datastore", {})
    with pytest.raises(JobError, match="no event list"):
        run(job)
