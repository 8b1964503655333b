# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings of DL0 to DL2 files: rows without files, and which dataset was made from which."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.folder import Folder
from ingest.harvest import Harvest, harvest
from ingest.plan import Naming, Plan, make_plan
from tests.unit.fits_files import COLLECTION, bundle, write

HEAD = """# %ECSV 1.0
# ---
# datatype:
# - {name: path, datatype: string}
# - {name: level, datatype: string}
# - {name: size, datatype: int64}
# - {name: obs_id, datatype: string}
# - {name: derived_from, datatype: string}
# delimiter: ','
path,level,size,obs_id,derived_from
"""


def planned(root: Path, known: dict[str, str] | None = None) -> tuple[Plan, dict[str, Harvest]]:
    plan = make_plan(COLLECTION, Folder(root), Naming("x.y", "cta/data/tests/"), known or {})
    return plan, {task.file.relpath: harvest(task, COLLECTION) for task in plan.tasks}


def test_listed_files_become_rows_that_are_not_served(tmp_path: Path) -> None:
    write(tmp_path / "run.fits", *bundle())
    (tmp_path / "raw.listing.ecsv").write_text(
        f"{HEAD}raw/a.zfits,R0,123456789,7,\nraw/a.h5,DL1,1000,7,raw/a.zfits\nrun.fits,DL3,,7,raw/a.h5\n"
    )
    plan, results = planned(tmp_path)
    raw, images = results["raw/a.zfits"], results["raw/a.h5"]
    assert raw.row is not None and images.row is not None and raw.is_listed
    assert (raw.row.product_level, raw.row.calib_level, raw.row.accsize) == ("DL0", 0, 123456789)
    assert (images.row.product_level, images.row.calib_level) == ("DL1", 1)
    assert (raw.row.dataproduct_type, raw.row.dataproduct_subtype, raw.row.obs_id) == (None, "dl0", "7")
    assert "listed and not served" in str(raw.row.obs_title)
    assert {(row.obs_publisher_did[-8:], row.progenitor_did[-8:]) for row in plan.derivations} == {
        ("run.fits", "raw/a.h5"),
        ("raw/a.h5", "/a.zfits"),
    }
    assert plan.problems == []
    assert [(document.kind, document.mime) for document in plan.documents] == [("listing", "text/plain")]
    # the event list is described from its file
    run = results["run.fits"].row
    assert run is not None and run.product_level == "DL3" and not results["run.fits"].is_listed


def test_only_changed_lines_are_written_again(tmp_path: Path) -> None:
    listing = tmp_path / "raw.listing.ecsv"
    listing.write_text(f"{HEAD}a,DL0,1,7,\nb,DL0,1,7,\n")
    plan, _ = planned(tmp_path)
    known = {task.accref: task.fingerprint for task in plan.tasks}
    listing.write_text(f"{HEAD}a,DL0,1,7,\nb,DL0,2,7,\n")
    again, _ = planned(tmp_path, known)
    assert again.unchanged == {"a"} and [task.file.relpath for task in again.tasks] == ["b"]
    listing.write_text(f"{HEAD}a,DL0,1,7,\n")
    assert planned(tmp_path, known)[0].gone == ["cta/data/tests/b"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("../secret,DL0,1,7,", "does not lead to a file of the collection"),
        ("/etc/passwd,DL0,1,7,", "does not lead to a file of the collection"),
        (",DL0,1,7,", "does not lead to a file of the collection"),
        ("a,DL0,1,7,../x", "does not lead to a file of the collection"),
        ("a,DL0,1,7,nowhere", "derived from nowhere, but nowhere is not known"),
        ("a,DL5,1,7,", "DL5 is served, and it is not there"),
        ("a,DL0,1,7,\na,DL0,1,7,", "is listed before"),
    ],
)
def test_lines_that_cannot_be(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "raw.listing.ecsv").write_text(f"{HEAD}{line}\nb,DL0,1,7,\n")
    plan, results = planned(tmp_path)
    assert "b" in results
    ((_, severity, sentence),) = plan.problems
    assert severity == "warning" and reason in sentence


def test_a_listing_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "raw.listing.ecsv").write_text(
        HEAD.replace("name: level", "name: lvl").replace("path,level", "path,lvl")
    )
    plan, results = planned(tmp_path)
    assert results == {} and plan.problems[0][1:] == ("error", "the listing lacks the column level (text).")
