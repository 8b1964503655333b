"""event_cutouts: one cut-out for each position and run, and a manifest that tells of all."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gammapy")

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.data import DataStore, EventList

from analysis.gammapy_tools.position_table import MAX_POSITIONS, read_positions
from analysis.worker.job import Job, JobError
from tests.unit.job_inputs import CRAB, check_results, digests, make_job, run

LINES = "name,ra,dec,radius,emin\nCrab,83.633,22.014,0.4,\nhard,83.633,22.014,0.4,5\nfar away,10,-60,,\n"


def job_of(folder: Path, content: str | bytes, **parameters: Any) -> Job:
    upload = folder / "upload"
    folder.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(content.encode() if isinstance(content, str) else content)
    return make_job(folder / "job", "event_cutouts", CRAB, parameters, {"positions": upload})


def manifest(job: Job) -> list[dict[str, str]]:
    with (job.results / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_cutouts_have_the_events_that_gammapy_selects(tmp_path: Path) -> None:
    job = job_of(tmp_path, LINES)
    run(job)
    check_results(job)
    lines = manifest(job)
    assert [line["name"] for line in lines] == ["Crab", "Crab", "hard", "hard", "far away"]
    with tarfile.open(job.results / "cutouts.tar") as tar:
        tar.extractall(tmp_path / "new", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        assert "hess-dl3-dr1/README.txt" in tar.getnames()
    centre = SkyCoord(83.633, 22.014, unit="deg")
    for line in lines[:4]:
        events = EventList.read(tmp_path / "new" / line["file"])
        full = DataStore.from_dir(job.data_folders[0]).obs(int(line["obs_id"])).events
        wanted = full.radec.separation(centre).deg <= 0.4
        if line["name"] == "hard":
            wanted &= full.energy.to_value("TeV") >= 5
        assert np.array_equal(events.table["EVENT_ID"], full.table["EVENT_ID"][wanted])
        assert int(line["n_events"]) == wanted.sum() > 0
    assert not lines[4]["file"] and "outside of the field of view" in lines[4]["message"]


def test_cutouts_have_their_responses(tmp_path: Path) -> None:
    job = job_of(tmp_path, "ra,dec\n83.633,22.014\n")
    run(job)
    with tarfile.open(job.results / "cutouts.tar") as tar:
        tar.extractall(tmp_path / "new", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    store = DataStore.from_events_files([tmp_path / "new" / line["file"] for line in manifest(job)])
    for observation in store.get_observations():
        assert {"aeff", "edisp", "psf", "bkg"} <= set(observation.available_irfs)


def test_a_table_in_any_format_gives_the_same(tmp_path: Path) -> None:
    table = Table({"RA": [83.633, 84.0], "Dec": [22.014, 21.5], "name": ["one", "two"]})
    table["RA"].unit = table["Dec"].unit = "deg"
    found = []
    for form in ("votable", "fits", "ascii.ecsv", "ascii.csv"):
        path = tmp_path / f"table.{form}"
        table.write(path, format=form)
        found.append(read_positions(path))
    assert all(positions == found[0] for positions in found)
    assert [position.name for position in found[0]] == ["one", "two"]


def test_units_are_converted(tmp_path: Path) -> None:
    table = Table({"ra": [5.5], "dec": [22.0], "radius": [30.0], "emin": [500.0]})
    for name, unit in {"ra": "hourangle", "dec": "deg", "radius": "arcmin", "emin": "GeV"}.items():
        table[name].unit = unit
    table.write(tmp_path / "t.ecsv")
    (position,) = read_positions(tmp_path / "t.ecsv")
    assert (position.ra, position.radius, position.emin) == pytest.approx((82.5, 0.5, 0.5))


def test_the_same_job_gives_the_same_bytes(tmp_path: Path) -> None:
    jobs = [job_of(tmp_path / name, LINES) for name in ("a", "b")]
    for job in jobs:
        run(job)
    assert digests(jobs[0].results) == digests(jobs[1].results)


def test_a_time_without_data_is_told(tmp_path: Path) -> None:
    job = job_of(tmp_path, "ra,dec,tmin,tmax\n83.633,22.014,50000,50001\n")
    run(job)
    assert all(not line["file"] and "no good time" in line["message"] for line in manifest(job))


def test_only_positions_elsewhere_make_a_manifest_alone(tmp_path: Path) -> None:
    job = job_of(tmp_path, "ra,dec\n10,-60\n")
    run(job)
    check_results(job)
    (line,) = manifest(job)
    assert line["n_events"] == ""


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "$(touch x)", "a\x1b[31mb", "é" * 300, "..", "`x`"]
)
def test_names_cannot_leave_the_archive(name: str, tmp_path: Path) -> None:
    Table({"ra": [83.633], "dec": [22.014], "name": [name]}).write(tmp_path / "t.csv", format="ascii.csv")
    job = job_of(tmp_path / "job", (tmp_path / "t.csv").read_bytes())
    run(job)
    with tarfile.open(job.results / "cutouts.tar") as tar:
        for member in tar.getnames():
            assert ".." not in Path(member).parts and not member.startswith("/")
            assert member.isascii() and member.isprintable()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "cannot be read|no column|no line"),
        ("ra,dec\n", "no line|must have numbers"),
        ("ra\n83\n", "no column dec"),
        ("ra,dec\nx,y\n", "must have numbers"),
        ("ra,dec\n83,95\n", "is no direction"),
        ("ra,dec\nnan,5\n", "is no direction"),
        ("ra,dec\n1e400,5\n", "is no direction"),
        ("ra,dec,radius\n83,22,-1\n", "radius"),
        ("ra,dec,emin,emax\n83,22,5,1\n", "emin"),
        ("ra,dec,tmin,tmax\n83,22,5,1\n", "tmin"),
        (b"\x00\xff\xfe" * 100, "table of positions"),
        (b"SIMPLE  =                    T" + b"x" * 100, "cannot be read as FITS"),
        (b"\x1f\x8bnothing", "cannot be read as FITS"),
        ("<VOTABLE><oops", "cannot be read as VOTable|no line|no column"),
        (
            "# %ECSV 1.0\n# ---\n# datatype: !!python/object/apply:os.system [ls]\nra dec\n1 2\n",
            "cannot be read as ECSV",
        ),
        ("ra,dec\n" + "83,22\n" * (MAX_POSITIONS + 1), "at most"),
    ],
)
def test_tables_that_cannot_be_used_are_told(content: str | bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(JobError, match=words):
        read_positions(path)


def test_no_table_is_told(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "event_cutouts", CRAB)
    with pytest.raises(JobError, match="no table was uploaded"):
        run(job)
