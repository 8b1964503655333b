# SPDX-License-Identifier: GPL-3.0-or-later
"""Index tables: what they say of an observation reaches its event list, and where they say its parts are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ingest.contents import read_contents
from ingest.fitsfile import FitsError
from ingest.index import HduEntry, Index, IndexFacts, add_index
from tests.unit.fits_files import SHARED, found, hdu_index, obs_index, table, write


def read(path: Path, relpath: str = "hdu-index.fits", index: Index | None = None) -> Index:
    index = Index() if index is None else index
    add_index(index, relpath, read_contents(found(path)).hdus)
    return index


def made(tmp_path: Path, *hdus: fits.BinTableHDU, relpath: str = "hdu-index.fits", index: Index | None = None) -> Index:
    return read(write(tmp_path / "index.fits", *hdus), relpath, index)


def hdus_of(obs_id: Any, events: str, irf: str | None = None) -> list[tuple[Any, str, str, str]]:
    rows = [(obs_id, "events", events, "EVENTS"), (obs_id, "gti", events, "GTI")]
    return rows + [(obs_id, kind, irf, kind.upper()) for kind in ("aeff", "edisp") if irf is not None]


def test_an_index_says_which_observation_a_file_is_of(tmp_path: Path) -> None:
    index = made(tmp_path, hdu_index(hdus_of(7, "data/a.fits", "data/a.fits")))
    assert index.facts_for("data/a.fits") == IndexFacts("7", None, {}, ())
    assert index.facts_for("data/b.fits") == IndexFacts()


def test_values_of_the_observation_come_along(tmp_path: Path) -> None:
    rows = [{"OBS_ID": 7, "OBJECT": "Crab", "RA_PNT": 83.6, "DEC_PNT": np.nan, "N_TELS": 4, "OTHER": "x"}]
    index = made(tmp_path, hdu_index(hdus_of(7, "a.fits")), obs_index(rows))
    assert index.facts_for("a.fits").values == {"OBJECT": "Crab", "RA_PNT": 83.6, "N_TELS": 4}
    assert index.unlisted_observations == {}


@pytest.mark.parametrize("order", [1, -1])
def test_both_tables_may_come_in_any_order_and_file(tmp_path: Path, order: int) -> None:
    tables = [hdu_index(hdus_of(7, "a.fits")), obs_index([{"OBS_ID": 7, "OBJECT": "Crab"}])][::order]
    index = Index()
    for number, one in enumerate(tables):
        made(tmp_path, one, relpath=f"index-{number}.fits", index=index)
    assert index.facts_for("a.fits").values == {"OBJECT": "Crab"}
    assert index.unlisted_observations == {}


def test_observations_without_any_file_are_told(tmp_path: Path) -> None:
    index = made(
        tmp_path, hdu_index(hdus_of(7, "a.fits")), obs_index([{"OBS_ID": 7}, {"OBS_ID": 8}]), relpath="index.fits"
    )
    assert index.unlisted_observations == {"8": "index.fits"}


def test_an_observation_listed_with_shared_files_only_is_not_told(tmp_path: Path) -> None:
    rows = [*hdus_of(7, "a.fits", "irf.fits"), (8, "aeff", "irf.fits", "AEFF")]
    index = made(tmp_path, hdu_index(rows), obs_index([{"OBS_ID": 7}, {"OBS_ID": 8}]))
    assert index.unlisted_observations == {}


def test_shared_responses_belong_to_every_run_that_names_them(tmp_path: Path) -> None:
    rows = [row for number in range(3) for row in hdus_of(number + 1, f"run{number}.fits", "irf/shared.fits")]
    index = made(tmp_path, hdu_index(rows), relpath="sub/hdu-index.fits")
    for number in range(3):
        responses = index.facts_for(f"sub/run{number}.fits").responses
        assert responses == tuple(
            HduEntry(str(number + 1), kind, kind, kind.upper(), "sub/irf/shared.fits") for kind in ("aeff", "edisp")
        )
    assert set(index.listed) == {"sub/run0.fits", "sub/run1.fits", "sub/run2.fits", "sub/irf/shared.fits"}


def test_responses_in_the_event_file_are_not_elsewhere(tmp_path: Path) -> None:
    index = made(tmp_path, hdu_index(hdus_of(7, "a.fits", "./sub/../a.fits")))
    assert index.facts_for("a.fits").responses == ()


@pytest.mark.parametrize(
    ("relpath", "base_dir", "written", "meant"),
    [
        ("index.fits", None, "a.fits", "a.fits"),
        ("index.fits", None, "./data//a.fits", "data/a.fits"),
        ("index/gps/index.fits", None, "../../data/a.fits", "data/a.fits"),
        ("index/index.fits", None, "../../elsewhere/a.fits", "../elsewhere/a.fits"),
        ("index/index.fits", "../data", "a.fits", "data/a.fits"),
        ("index/index.fits", "/archive", "a.fits", "/archive/a.fits"),
        ("index/index.fits", "", "a.fits", "index/a.fits"),
        ("index.fits", None, "/archive/a.fits", "/archive/a.fits"),
    ],
)
def test_paths_are_relative_to_base_dir_or_the_index(
    tmp_path: Path, relpath: str, base_dir: str | None, written: str, meant: str
) -> None:
    index = made(tmp_path, hdu_index(hdus_of(7, written), base_dir=base_dir), relpath=relpath)
    assert list(index.listed) == [meant]
    assert index.facts_for(meant).obs_id == "7"


@pytest.mark.parametrize(
    ("obs_id", "written"),
    [
        (20131103103, "20131103103"),
        (2**62 + 1, str(2**62 + 1)),
        (-1, "-1"),
        ("chunks 103 - 133", "chunks 103 - 133"),
        ("0007", "0007"),
    ],
)
def test_observation_ids_are_numbers_or_text(tmp_path: Path, obs_id: Any, written: str) -> None:
    index = made(tmp_path, hdu_index(hdus_of(obs_id, "a.fits")), obs_index([{"OBS_ID": obs_id, "OBJECT": "Crab"}]))
    facts = index.facts_for("a.fits")
    assert (facts.obs_id, facts.values) == (written, {"OBJECT": "Crab"})


def test_several_tables_in_one_file_each_have_their_event_type(tmp_path: Path) -> None:
    """As HAWC writes it: one hdu-index for each event type, all of one observation."""
    tables = [
        hdu_index(hdus_of(1, f"events{number}.fits", f"irf{number}.fits"), name=f"TYPE{number}", extra=extra)
        for number, extra in (
            (1, {"EVENT_CLASS": ["A"] * 4, "EVENT_TYPE": [1] * 4}),
            (2, {"EVENT_CLASS": ["A"] * 4, "EVENT_TYPE": [2] * 4}),
            (3, {"EVENT_CLASS": [""] * 4}),
            (4, None),
        )
    ]
    index = made(tmp_path, *tables)
    assert [index.facts_for(f"events{n}.fits").event_type for n in (1, 2, 3, 4)] == ["A-1", "A-2", None, None]
    assert [index.facts_for(f"events{n}.fits").responses[0].path for n in (1, 2)] == ["irf1.fits", "irf2.fits"]


def test_what_was_said_first_stays(tmp_path: Path) -> None:
    index = made(tmp_path, hdu_index(hdus_of(1, "a.fits")), obs_index([{"OBS_ID": 1, "OBJECT": "one"}]))
    made(tmp_path, hdu_index(hdus_of(2, "a.fits")), obs_index([{"OBS_ID": 1, "OBJECT": "two"}]), index=index)
    assert index.facts_for("a.fits").obs_id == "1"
    assert index.facts_for("a.fits").values == {"OBJECT": "one"}


def test_types_are_compared_whatever_their_case(tmp_path: Path) -> None:
    rows = [(1, "EVENTS", "a.fits", "EVENTS"), (1, "Aeff", "irf.fits", "aeff")]
    facts = made(tmp_path, hdu_index(rows)).facts_for("a.fits")
    assert facts.obs_id == "1"
    assert [(entry.hdu_type, entry.hdu_class) for entry in facts.responses] == [("aeff", "aeff")]


def test_columns_of_unusual_form(tmp_path: Path) -> None:
    columns = [
        fits.Column("OBS_ID", "K", array=[7]),
        fits.Column("N_TELS", "I", null=-1, array=np.array([-1], np.int16)),
        fits.Column("RA_PNT", "2D", array=[[83.6, 1.0]]),
        fits.Column("DEC_PNT", "0D"),
        fits.Column("TELLIST", "PA()", array=np.array(["1,2"], dtype=object)),
        fits.Column("QUALITY", "L", array=[True]),
        fits.Column("LIVETIME", "E", array=[1500.0]),
    ]
    index = made(tmp_path, table("OBS_INDEX", columns, {"HDUCLAS1": "INDEX"}))
    values = {key: value for key, value in index.observations["7"].items() if value is not None}
    assert values == {"RA_PNT": 83.6, "LIVETIME": 1500.0}


def empty(rows: fits.BinTableHDU) -> fits.BinTableHDU:
    return fits.BinTableHDU(rows.data[:0], rows.header)


def test_tables_without_rows(tmp_path: Path) -> None:
    tables = [empty(hdu_index(hdus_of(7, "a.fits"))), empty(obs_index([{"OBS_ID": 7, "RA_PNT": 1.0, "OBJECT": "x"}]))]
    index = made(tmp_path, *tables)
    assert index == Index()


@pytest.mark.parametrize("missing", ["OBS_ID", "HDU_CLASS", "FILE_DIR", "HDU_NAME"])
def test_an_hdu_index_needs_its_columns(tmp_path: Path, missing: str) -> None:
    columns = [column for column in hdu_index(hdus_of(7, "a.fits")).columns if column.name != missing]
    with pytest.raises(FitsError, match=rf"{missing}\.$"):
        made(tmp_path, table("HDU_INDEX", columns, {}))


def test_an_obs_index_needs_its_ids(tmp_path: Path) -> None:
    with pytest.raises(FitsError, match=r"OBS_ID\.$"):
        made(tmp_path, obs_index([{"RA_PNT": 1.0}]))
    with pytest.raises(FitsError, match=r"OBS_ID.*\.$"):
        made(tmp_path, obs_index([{"OBS_ID": 1.5}]))


def real(path: str, relpath: str) -> Index:
    whole = SHARED / "data/dl3" / path
    if not whole.exists():
        pytest.skip(f"needs {whole}")
    return read(whole, relpath)


def observations(index: Index) -> Sequence[str | None]:
    return sorted({facts.obs_id for facts in index.events.values()} - {None})


def test_hess() -> None:
    index = real("hess-dl3-dr1/hdu-index.fits.gz", "hdu-index.fits.gz")
    assert len(index.listed) == len(index.events) == 105
    facts = index.facts_for("data/hess_dl3_dr1_obs_id_020136.fits.gz")
    assert (facts.obs_id, facts.responses) == ("20136", ())


def test_cta_1dc() -> None:
    """One response file for all runs, reached by ``../../``."""
    index = real("cta-1dc/index/gps/hdu-index.fits.gz", "index/gps/hdu-index.fits.gz")
    facts = index.facts_for("data/baseline/gps/gps_baseline_110380.fits")
    assert facts.obs_id == "110380"
    assert {entry.path for entry in facts.responses} == {"caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"}
    assert [entry.hdu_type for entry in facts.responses] == ["aeff", "edisp", "psf", "bkg"]


def test_fact() -> None:
    """Observation numbers beyond 32 bits, one response file in common."""
    index = real("fact-joint-crab/hdu-index.fits.gz", "hdu-index.fits.gz")
    assert index.facts_for("20131103_103_dl3.fits").obs_id == "20131103103"
    assert {entry.path for entry in index.facts_for("20131103_103_dl3.fits").responses} == {"fact_irf.fits"}


def test_hawc() -> None:
    index = real("hawc-crab-pass4/hdu-index-table-GP-Crab.fits.gz", "hdu-index-table-GP-Crab.fits.gz")
    assert observations(index) == ["103000133"]
    facts = index.facts_for("events/EventList_Crab_fHitbin9GP.fits.gz")
    assert facts.event_type is not None and "9" in facts.event_type
    assert {entry.hdu_type for entry in facts.responses} >= {"aeff", "psf", "edisp", "bkg"}
    assert all("9" in entry.path for entry in facts.responses)


def test_the_full_index_of_cta_1dc() -> None:
    index = real("cta-1dc-full-index/all/hdu-index.fits.gz", "all/hdu-index.fits.gz")
    read(SHARED / "data/dl3/cta-1dc-full-index/all/obs-index.fits.gz", "all/obs-index.fits.gz", index)
    assert len(index.events) == len(index.observations) == 10052
    assert index.unlisted_observations == {}
