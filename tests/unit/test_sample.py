# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the sample archive: what is promised about bytes, runs, headers, index files and folders."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time

import sample
from ingest.observatory.checks import check
from ingest.observatory.document import parse, read_text
from ingest.observatory.fill import schema
from ingest.observatory.objects import Reader
from sample import archive as archive_module
from sample.__main__ import main
from sample.events import simulate
from sample.observatory import CONFIDENTIAL_PROPOSAL, CONFIDENTIAL_TARGET
from sample.response import response_of
from sample.schedule import MEAN_DURATION_S
from sample.sky import icrs_to_fov

REFERENCE_TAI = Time(58119, format="mjd", scale="tai")
RESPONSES = ("EFFECTIVE AREA", "ENERGY DISPERSION", "POINT SPREAD FUNCTION", "BACKGROUND")

# GADF 0.3, events page and general pages.
EVENTS_KEYWORDS = (
    "HDUCLASS HDUDOC HDUVERS HDUCLAS1 OBS_ID TSTART TSTOP ONTIME LIVETIME DEADC OBS_MODE RA_PNT DEC_PNT ALT_PNT AZ_PNT "
    "EQUINOX RADECSYS ORIGIN TELESCOP INSTRUME CREATOR MJDREFI MJDREFF TIMEUNIT TIMESYS TIMEREF GEOLON GEOLAT ALTITUDE "
    "CREATED OBJECT RA_OBJ DEC_OBJ EV_CLASS TELAPSE HDUCLAS2 TELLIST N_TELS DST_VER ANA_VER CAL_VER CONV_DEP DATE-OBS "
    "DATE-END PROP_ID"
).split()
TIME_KEYWORDS = ("MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> sample.Archive:
    """Return the default archive."""
    return sample.generate(tmp_path_factory.mktemp("sample") / "default", jobs=2)


@pytest.fixture(scope="module")
def hdus(archive: sample.Archive) -> dict[int, fits.HDUList]:
    """Return the files of the default archive, by OBS_ID, checksums verified while opening."""
    opened = [fits.open(path, checksum=True, memmap=False) for path in archive.files]
    return {file["EVENTS"].header["OBS_ID"]: file for file in opened}


@pytest.fixture(scope="module")
def observations(archive: sample.Archive) -> fits.FITS_rec:
    """Return the rows of the observation index."""
    return fits.getdata(archive.out / "obs-index.fits.gz", "OBS_INDEX")


def content(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder with their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Bytes


def test_same_parameters_give_the_same_bytes(archive: sample.Archive, tmp_path: Path) -> None:
    """Neither the folder nor the number of processes shows in the files."""
    again = sample.generate(tmp_path / "elsewhere", jobs=1)
    assert again.created
    assert content(again.out) == content(archive.out)


def test_run_does_not_depend_on_number_of_runs(archive: sample.Archive, tmp_path: Path) -> None:
    """The files of a smaller archive are those of the larger one."""
    small = sample.generate(tmp_path / "small", runs=10)
    assert [path.name for path in small.files] == [path.name for path in archive.files[:10]]
    for mine, theirs in zip(small.files, archive.files, strict=False):
        assert mine.read_bytes() == theirs.read_bytes()


def test_seed_changes_the_events(archive: sample.Archive, tmp_path: Path) -> None:
    """Another seed is another archive."""
    other = sample.generate(tmp_path / "other", runs=1, seed=2)
    assert other.files[0].read_bytes() != archive.files[0].read_bytes()


def test_gzip_is_one_plain_member(archive: sample.Archive) -> None:
    """One member without time stamp, which every reader of gzip takes."""
    for path in (*archive.files, *archive.out.glob("*.gz")):
        packed = path.read_bytes()
        assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        decoder = zlib.decompressobj(wbits=31)
        plain = decoder.decompress(packed)
        assert decoder.eof and decoder.unused_data == b""
        assert plain == gzip.decompress(packed) and len(plain) % 2880 == 0


def test_responses_of_a_site_are_the_same_bytes(archive: sample.Archive) -> None:
    """Everything behind the GTI table is equal in the files of a site, and differs between the sites."""
    tails: dict[str, set[bytes]] = {}
    for path in archive.files:
        plain = gzip.decompress(path.read_bytes())
        with fits.open(path) as file:
            start = file["EFFECTIVE AREA"].fileinfo()["hdrLoc"]
            tails.setdefault(file["EVENTS"].header["INSTRUME"], set()).add(plain[start:])
    assert set(tails) == {"CTAO-N", "CTAO-S"}
    assert [len(tail) for tail in tails.values()] == [1, 1]
    assert tails["CTAO-N"] != tails["CTAO-S"]


def test_default_archive_is_small(archive: sample.Archive) -> None:
    """It has the wanted number of events and stays below 20 MB."""
    assert archive.runs == len(archive.files) == 24
    assert archive.size_bytes == sum(path.stat().st_size for path in archive.files) < 20e6
    assert archive.events / archive.runs == pytest.approx(sample.DEFAULT_EVENTS, rel=0.1)


@pytest.mark.parametrize("events_per_run", [30, 500, 50000])
def test_number_of_events_is_a_parameter(events_per_run: int) -> None:
    """The mean over the rounds through the targets follows the parameter, however small."""
    runs = [sample.plan(number, seed=1) for number in range(12, 36)]
    counts = [len(simulate(run, response_of(run.site.key, events_per_run), seed=1)) for run in runs]
    exposure = sum(run.ontime_s for run in runs) / (len(runs) * MEAN_DURATION_S)
    assert np.mean(counts) / exposure == pytest.approx(events_per_run, rel=0.12)


# Runs


def test_special_runs(archive: sample.Archive, hdus: dict[int, fits.HDUList]) -> None:
    """Every kind of special run is there, recognisable from its file."""
    assert len(hdus[100003]["GTI"].data) == 3
    assert hdus[100004]["EVENTS"].header["CONV_DEP"] < 0
    assert len(hdus[100006]["EVENTS"].data) == 0
    assert hdus[100006]["EVENTS"].header["LIVETIME"] == 0
    proprietary = sorted(path.name for path in (archive.out / "proprietary").iterdir())
    assert proprietary == ["ctao_sim_100007.fits.gz", "ctao_sim_100010.fits.gz"]
    assert archive.proprietary_runs == 2
    ordinary = [file for obs_id, file in hdus.items() if obs_id not in (100003, 100004, 100006)]
    assert all(len(file["GTI"].data) == 1 for file in ordinary)
    assert all(file["EVENTS"].header["CONV_DEP"] == 0 for file in ordinary)
    assert all(len(file["EVENTS"].data) > 500 for file in ordinary)


def test_proposals_of_proprietary_runs_are_their_own(hdus: dict[int, fits.HDUList]) -> None:
    """No public run shares a proposal with a proprietary one, nor do the two proprietary runs."""
    proposals = {obs_id: file["EVENTS"].header["PROP_ID"] for obs_id, file in hdus.items()}
    guests = [proposals.pop(100007), proposals.pop(100010)]
    assert len(set(guests)) == 2
    assert not set(guests) & set(proposals.values())


def test_targets_and_wobble_pairs(hdus: dict[int, fits.HDUList]) -> None:
    """Six targets, each from the hemisphere where it culminates higher, 0.5 deg off axis on opposite sides."""
    headers = [file["EVENTS"].header for file in hdus.values()]
    names = {(header["OBJECT"], header["INSTRUME"]) for header in headers}
    north, south = ("Crab Nebula", "Mrk 421", "Cas A"), ("PKS 2155-304", "Galactic Centre", "MSH 15-52")
    assert names == {(name, "CTAO-N") for name in north} | {(name, "CTAO-S") for name in south}
    for first, second in zip(headers[::2], headers[1::2], strict=True):
        pair = SkyCoord([first["RA_PNT"], second["RA_PNT"]], [first["DEC_PNT"], second["DEC_PNT"]], unit="deg")
        target = SkyCoord(first["RA_OBJ"], first["DEC_OBJ"], unit="deg")
        assert first["OBJECT"] == second["OBJECT"]
        np.testing.assert_allclose(pair.separation(target).deg, 0.5, atol=1e-5)
        assert pair[0].separation(pair[1]).deg == pytest.approx(1.0, abs=1e-4)


# Files


def test_files_are_valid_fits(hdus: dict[int, fits.HDUList]) -> None:
    """Six tables in the usual order, standard headers, right checksums."""
    for file in hdus.values():
        file.verify("exception")
        assert [hdu.name for hdu in file] == ["PRIMARY", "EVENTS", "GTI", *RESPONSES]
        assert all(hdu.verify_checksum() == 1 and hdu.verify_datasum() == 1 for hdu in file)


def test_headers_agree_with_tables(hdus: dict[int, fits.HDUList]) -> None:
    """Keywords are complete and say what the tables say."""
    for obs_id, file in hdus.items():
        header, gti = file["EVENTS"].header, file["GTI"].data
        assert not set(EVENTS_KEYWORDS) - set(header)
        assert obs_id == file["GTI"].header["OBS_ID"] == file[0].header["OBS_ID"]
        assert header["TELESCOP"] == "CTAO" and header["INSTRUME"] in ("CTAO-N", "CTAO-S")
        assert (header["HDUCLASS"], header["HDUVERS"], header["HDUCLAS1"]) == ("GADF", "0.3", "EVENTS")
        assert (header["TSTART"], header["TSTOP"]) == (gti["START"].min(), gti["STOP"].max())
        assert header["ONTIME"] == np.sum(gti["STOP"] - gti["START"])
        assert header["LIVETIME"] == pytest.approx(header["ONTIME"] * header["DEADC"])
        assert header["TELAPSE"] == header["TSTOP"] - header["TSTART"] >= header["ONTIME"]
        assert 1200 <= header["TELAPSE"] <= 1680
        assert len(header["TELLIST"].split(",")) == header["N_TELS"]
        assert [file["GTI"].header[key] for key in TIME_KEYWORDS] == [58119, 0.0, "s", "TAI", "TOPOCENTER"]
        assert [header[key] for key in TIME_KEYWORDS] == [58119, 0.0, "s", "TAI", "TOPOCENTER"]
        for key, value in (("DATE-OBS", header["TSTART"]), ("DATE-END", header["TSTOP"])):
            assert abs(Time(header[key], scale="tai") - REFERENCE_TAI - value * u.s) < 1 * u.ms


def test_events_are_within_good_times(hdus: dict[int, fits.HDUList]) -> None:
    """Events are in order, inside an interval, and every interval has some."""
    for file in hdus.values():
        time_s, gti = file["EVENTS"].data["TIME"], file["GTI"].data
        inside = (time_s[:, None] >= gti["START"]) & (time_s[:, None] < gti["STOP"])
        assert np.all(inside.sum(axis=1) == 1)
        assert np.all(np.diff(time_s) > 0)
        assert time_s.size == 0 or np.all(inside.any(axis=0))


def test_event_columns(hdus: dict[int, fits.HDUList]) -> None:
    """Ids are unique, values in range, both kinds of coordinates the same place."""
    for file in hdus.values():
        header, events = file["EVENTS"].header, file["EVENTS"].data
        assert np.array_equal(events["EVENT_ID"], np.arange(1, len(events) + 1))
        assert np.all((events["RA"] >= 0) & (events["RA"] < 360) & (np.abs(events["DEC"]) <= 90))
        assert np.all((events["ENERGY"] > 0.039) & (events["ENERGY"] < 159))
        assert np.all((events["MULTIP"] >= 2) & (events["MULTIP"] <= header["N_TELS"]))
        assert np.all((events["GAMMANESS"] >= 0.69) & (events["GAMMANESS"] <= 1))
        position = events["RA"].astype(float), events["DEC"].astype(float)
        detx_deg, dety_deg = icrs_to_fov(*position, header["RA_PNT"], header["DEC_PNT"])
        np.testing.assert_allclose(detx_deg, events["DETX"], atol=5e-5)
        np.testing.assert_allclose(dety_deg, events["DETY"], atol=5e-5)


# Index files


def test_observation_index_agrees_with_files(observations: fits.FITS_rec, hdus: dict[int, fits.HDUList]) -> None:
    """Every keyword that is also a column of the index has the same value there."""
    assert observations["OBS_ID"].tolist() == list(hdus)
    columns = set(observations.names)
    assert {"OBS_ID", "OBS_MODE", "RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT", "TSTART", "TSTOP", "ZEN_PNT"} <= columns
    for row, file in zip(observations, hdus.values(), strict=True):
        header, events = file["EVENTS"].header, file["EVENTS"].data
        for key in columns.intersection(header) - {"DATE-OBS", "DATE-END"}:
            expected = header[key] if isinstance(header[key], str) else pytest.approx(header[key], rel=1e-6)
            assert row[key] == expected
        assert f"{row['DATE-OBS']}T{row['TIME-OBS']}" == header["DATE-OBS"]
        assert f"{row['DATE-END']}T{row['TIME-END']}" == header["DATE-END"]
        assert row["EVENT_COUNT"] == len(events)
        assert row["ALT_PNT"] + row["ZEN_PNT"] == pytest.approx(90)
        if len(events):
            assert row["EVENT_TIME_MAX"] == events["TIME"][-1]
            assert row["EVENT_ENERGY_MEDIAN"] == pytest.approx(np.median(events["ENERGY"]), rel=1e-5)
            assert row["EVENT_DEC_MEDIAN"] == pytest.approx(np.median(events["DEC"]), abs=1e-4)
        assert (row["QUALITY"] == 0) == (header["OBS_ID"] not in (100003, 100006))


def test_observation_index_header(archive: sample.Archive) -> None:
    """The index says what it is and in which time system."""
    header = fits.getheader(archive.out / "obs-index.fits.gz", "OBS_INDEX")
    assert (header["HDUCLAS1"], header["HDUCLAS2"]) == ("INDEX", "OBS")
    assert [header[key] for key in TIME_KEYWORDS] == [58119, 0.0, "s", "TAI", "TOPOCENTER"]


def test_hdu_index_agrees_with_files(archive: sample.Archive) -> None:
    """Every HDU of every file is listed, with class, size and checksum, and nothing else."""
    index = fits.getdata(archive.out / "hdu-index.fits.gz", "HDU_INDEX")
    paths = {archive.out / row["FILE_DIR"] / row["FILE_NAME"] for row in index}
    assert paths == set(archive.files)
    assert len(index) == 6 * archive.runs
    for path in paths:
        rows = [row for row in index if row["FILE_NAME"] == path.name]
        assert {row["SIZE"] for row in rows} == {path.stat().st_size}
        assert {row["MD5"] for row in rows} == {hashlib.md5(path.read_bytes()).hexdigest()}
        with fits.open(path) as file:
            assert [row["HDU_NAME"] for row in rows] == [hdu.name for hdu in file[1:]]
            classes = [hdu.header.get("HDUCLAS4", hdu.header["HDUCLAS1"]).lower() for hdu in file[1:]]
            assert [row["HDU_CLASS"] for row in rows] == classes
            assert {row["OBS_ID"] for row in rows} == {file["EVENTS"].header["OBS_ID"]}


# The folder


def test_second_call_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what it did in one line; the second time it touches no file."""
    out = tmp_path / "deep" / "archive"
    arguments = [str(out), "--runs", "3", "--events", "50"]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert main(arguments) == 0
    second = capsys.readouterr().out
    assert first.count("\n") == second.count("\n") == 1
    assert "written" in first and "up to date" in second
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == times


def test_other_parameters_replace_the_archive(tmp_path: Path) -> None:
    """No file of the old archive stays."""
    out = tmp_path / "archive"
    sample.generate(out, runs=8, events_per_run=50)
    replaced = sample.generate(out, runs=2, events_per_run=50)
    assert replaced.created and len(replaced.files) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert not list((out / "proprietary").iterdir())


def test_foreign_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with other files is refused, an empty one taken."""
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("precious")
    assert main([str(tmp_path / "foreign"), "--runs", "1"]) == 1
    assert "not a sample archive" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    assert sample.generate(tmp_path / "empty", runs=1, events_per_run=10).created


def test_broken_off_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure half way leaves the old archive as it was, and remains of killed processes are removed."""
    out = tmp_path / "archive"
    sample.generate(out, runs=2, events_per_run=50)
    before = content(out)

    def fail(*_: object) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(archive_module, "hdu_index", fail)
    with pytest.raises(OSError, match="disk full"):
        sample.generate(out, runs=3, events_per_run=50)
    assert content(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    monkeypatch.undo()
    (tmp_path / ".archive.partial-99999999").mkdir()
    sample.generate(out, runs=3, events_per_run=50)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("wrong", [{"runs": 0}, {"runs": 10**6}, {"events_per_run": 0}, {"seed": -1}])
def test_wrong_parameters_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    """Numbers out of range are named, nothing is written."""
    with pytest.raises(sample.SampleError, match="must"):
        sample.generate(tmp_path / "archive", **wrong)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_texts(archive: sample.Archive) -> None:
    """Description and terms say that nothing here was observed, and name the special runs."""
    readme, terms = ((archive.out / name).read_text() for name in ("README.md", "TERMS.txt"))
    assert "not real CTAO data" in readme and "SIMULATED" in terms
    assert "CC BY 4.0" in terms and "CC0" in terms
    assert all(str(obs_id) in readme for obs_id in (100003, 100004, 100006, 100007, 100010))


# Observation metadata


def test_metadata_files_are_read_without_a_word(archive: sample.Archive) -> None:
    """The archive's own reader takes every object, except what is confidential."""
    reader = Reader(schema().model, schema().binding)
    entries = []
    for path in sorted((archive.out / "observatory").iterdir()):
        found, sentences = reader.read(parse(path.name, read_text(path)))
        assert sentences == []
        entries += found
    checked = check(schema().model, schema().tables, entries)
    assert checked.problems == []
    left_out = {entry.key for entry in entries if entry.fault}
    assert left_out == {CONFIDENTIAL_TARGET, CONFIDENTIAL_PROPOSAL}


def test_metadata_tell_the_same_as_headers(archive: sample.Archive, hdus: dict[int, fits.HDUList]) -> None:
    """Telescopes, times, targets and proposals of the schedule are those of the files."""
    schedule = json.loads((archive.out / "observatory" / "schedule.obsmeta.json").read_text())
    arrays = json.loads((archive.out / "observatory" / "arrays.obsmeta.json").read_text())
    (observatory,) = arrays["observatory"]
    tel_ids = {
        site["name"]: ",".join(telescope["tel_id"] for telescope in site["telescope"])
        for site in observatory["site_array"]
    }
    blocks = {block["identifier"]: block for block in schedule["observation"]}
    assert {run["identifier"] for run in schedule["science_run"]} == {str(obs_id) for obs_id in hdus}
    for run in schedule["science_run"]:
        block, header = blocks[run["observation"]], hdus[int(run["identifier"])]["EVENTS"].header
        assert header["TELLIST"] == tel_ids[header["INSTRUME"]]
        assert (block["target"], block["observing_proposal"]) == (header["OBJECT"], header["PROP_ID"])
        assert (block["configuration"] == "divergent") == (header["CONV_DEP"] < 0)
        start = REFERENCE_TAI + header["TSTART"] * u.s
        end = REFERENCE_TAI + header["TSTOP"] * u.s
        assert block["start_time"] <= start.utc.mjd + 1e-9 and end.utc.mjd <= block["end_time"] + 1e-9
    stati = {block["execution_status"] for block in blocks.values()}
    assert stati == {"Planned", "Scheduled", "Unscheduled", "Performed", "Aborted"}
