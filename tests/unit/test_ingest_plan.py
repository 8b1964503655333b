# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import plans: every file is read, known, set aside or has a sentence; only what changed is read again."""

from __future__ import annotations

import datetime
import os
import re
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.collection import Collection, Defaults, PathRule
from ingest.errors import CollectionError
from ingest.folder import Folder
from ingest.harvest import harvest
from ingest.plan import Naming, Plan, make_plan
from tests.unit.fits_files import COLLECTION, SHARED, bundle, events, gti, hdu_index, obs_index, response, write

NAMING = Naming("example.org", "cta/data/tests/")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    folder.mkdir()
    return folder


def plan_of(root: Path, known: dict[str, str] | None = None, collection: Collection = COLLECTION) -> Plan:
    return make_plan(collection, Folder(root, collection.outside), NAMING, known or {})


def fingerprints(plan: Plan) -> dict[str, str]:
    return {task.accref: task.fingerprint for task in plan.tasks}


def problems(plan: Plan) -> dict[str, tuple[str, str]]:
    assert all(sentence.endswith(".") for _, _, sentence in plan.problems)
    return {path: (severity, sentence) for path, severity, sentence in plan.problems}


def paths(plan: Plan) -> list[str]:
    return sorted(task.file.relpath for task in plan.tasks)


def index_of(root: Path, rows: list[tuple[int, str, str, str]], relpath: str = "hdu-index.fits.gz") -> None:
    write(root / relpath, hdu_index(rows))


def test_everything_found_is_accounted_for(root: Path) -> None:
    write(root / "data/a.fits.gz", *bundle())
    write(root / "irf.fits", response("psf"))
    write(root / "no suffix", events(), gti())
    index_of(root, [(1, "events", "data/a.fits.gz", "EVENTS")])
    for name in ("README.md", "LICENSE", "notes.pdf", "unknown.dat", ".hidden"):
        (root / name).write_bytes(b"x")
    plan = plan_of(root)
    assert paths(plan) == ["data/a.fits.gz", "irf.fits", "no suffix"]
    kinds = {document.title: document.kind for document in plan.documents}
    assert kinds == {
        "README.md": "readme",
        "LICENSE": "terms",
        "notes.pdf": "documentation",
        "hdu-index.fits.gz": "index",
    }
    assert {path: severity for path, (severity, _) in problems(plan).items()} == {
        "unknown.dat": "error",
        ".hidden": "info",
    }
    assert (plan.n_files, plan.n_index_files) == (8, 1)
    assert (plan.unchanged, plan.gone) == (set(), [])


def test_documents_are_named_like_files(root: Path) -> None:
    (root / "My notes.md").write_bytes(b"12345")
    document = plan_of(root).documents[0]
    assert document.accref == "cta/data/tests/My_x20_notes.md"
    assert (document.collection, document.mime, document.accsize) == ("tests", "text/markdown", 5)


# -- names

SAFE = re.compile(r"[A-Za-z0-9._/~-]*")
FILE_NAMES = st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name and "\0" not in name)


@given(FILE_NAMES)
def test_access_references_are_safe_in_urls_and_tell_the_name(name: str) -> None:
    accref = NAMING.accref(name)
    assert accref.startswith("cta/data/tests/")
    assert SAFE.fullmatch(accref)
    assert urllib.parse.quote(accref) == accref
    assert NAMING.publisher_did(accref) == f"ivo://example.org/~?{accref}"
    if "_x" not in name:  # a name may look like an escape itself; then see the next test but one
        escaped = accref.removeprefix("cta/data/tests/")
        raw = re.sub(rb"_x([0-9A-F]{2})_", lambda match: bytes([int(match[1], 16)]), escaped.encode())
        assert raw.decode() == name


@given(st.lists(FILE_NAMES.filter(lambda name: "_x" not in name), unique=True, max_size=10))
def test_different_names_give_different_references(names: list[str]) -> None:
    assert len({NAMING.accref(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("one", "two"), [("a b.fits", "a_x20_b.fits"), ("a b.md", "a_x20_b.md"), ("index +.fits", "index_x20__x2B_.fits")]
)
def test_names_that_would_give_one_reference_are_refused(root: Path, one: str, two: str) -> None:
    for name in (one, two):
        write(root / name, hdu_index([(1, "events", "x.fits", "EVENTS")]) if "index" in name else events())
    plan = plan_of(root)
    assert len(plan.tasks) + len(plan.documents) == 1
    severity, sentence = problems(plan)[two]
    assert severity == "error"
    assert one in sentence and "rename" in sentence


def test_names_that_are_no_text_end_as_a_problem(root: Path) -> None:
    write(root / os.fsdecode(b"caf\xe9.fits"), events())
    plan = plan_of(root)
    assert plan.tasks == []
    assert [severity for _, severity, _ in plan.problems] == ["error"]


# -- what is read again


def test_only_what_changed_is_read_again(root: Path) -> None:
    for name in ("a.fits", "b.fits", "c.fits"):
        write(root / name, events())
    known = {**fingerprints(plan_of(root)), "cta/data/tests/gone.fits": "x"}
    write(root / "b.fits", events(energies=[1.0, 2.0]), gti())
    write(root / "d.fits", events())
    plan = plan_of(root, known)
    assert paths(plan) == ["b.fits", "d.fits"]
    assert plan.unchanged == {"a.fits", "c.fits"}
    assert plan.gone == ["cta/data/tests/gone.fits"]
    again = plan_of(root, {**known, **fingerprints(plan)})
    assert (again.tasks, again.unchanged) == ([], {"a.fits", "b.fits", "c.fits", "d.fits"})


def test_a_file_that_moves_is_another_one(root: Path) -> None:
    write(root / "a.fits", events())
    known = fingerprints(plan_of(root))
    (root / "a.fits").rename(root / "b.fits")
    plan = plan_of(root, known)
    assert (paths(plan), plan.gone) == (["b.fits"], ["cta/data/tests/a.fits"])


def test_the_fingerprint_tells_size_and_time(root: Path) -> None:
    path = write(root / "a.fits", events())
    before = fingerprints(plan_of(root))
    status = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    larger = fingerprints(plan_of(root))
    assert larger != before
    path.write_bytes(path.read_bytes()[:-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert fingerprints(plan_of(root)) not in (before, larger)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fingerprints(plan_of(root)) == before


def test_the_fingerprint_tells_the_collection_file(root: Path) -> None:
    write(root / "a.fits", events())
    other = Collection(name="tests", title="Tests", obs_collection="tests", digest="another")
    assert fingerprints(plan_of(root)) != fingerprints(plan_of(root, collection=other))


def test_the_fingerprint_tells_the_lines_of_the_index(root: Path) -> None:
    write(root / "a.fits", events())
    write(root / "b.fits", events())
    seen = [fingerprints(plan_of(root))]
    index_of(root, [(1, "events", "a.fits", "EVENTS")])
    seen.append(fingerprints(plan_of(root)))
    for obs_id, ra in ((1, 5.0), (1, 6.0), (2, 6.0)):
        write(root / "obs-index.fits", obs_index([{"OBS_ID": obs_id, "RA_PNT": ra}]))
        seen.append(fingerprints(plan_of(root)))
    of_a = [one["cta/data/tests/a.fits"] for one in seen]
    assert len(set(of_a)) == 4  # the last one is about another observation
    assert of_a[4] == of_a[1]
    assert len({one["cta/data/tests/b.fits"] for one in seen}) == 1


def test_the_fingerprint_tells_a_shared_response_file(root: Path) -> None:
    write(root / "a.fits", events())
    write(root / "b.fits", events())
    irf = write(root / "irf.fits", response("psf"))
    index_of(
        root, [(1, "events", "a.fits", "EVENTS"), (1, "psf", "irf.fits", "PSF"), (2, "events", "b.fits", "EVENTS")]
    )
    before = fingerprints(plan_of(root))
    os.utime(irf, ns=(0, 0))
    after = fingerprints(plan_of(root))
    changed = {accref for accref in before if before[accref] != after[accref]}
    assert changed == {"cta/data/tests/a.fits", "cta/data/tests/irf.fits"}


def test_an_emptied_folder_is_not_believed(root: Path) -> None:
    (root / "README").write_bytes(b"x")
    assert plan_of(root).tasks == []
    with pytest.raises(CollectionError, match=r"mount it.*\.$"):
        plan_of(root, {"cta/data/tests/a.fits": "x"})


# -- index tables


def test_responses_elsewhere_come_with_their_names(root: Path) -> None:
    write(root / "runs/a.fits", events(), gti())
    write(root / "irf dir/irf.fits", response("psf"), response("aeff"))
    rows = [
        (1, "events", "../runs/a.fits", "EVENTS"),
        *((1, k, "../irf dir/irf.fits", k) for k in ("psf", "aeff", "bkg")),
    ]
    index_of(root, rows, "index/hdu-index.fits")
    plan = plan_of(root)
    task = next(task for task in plan.tasks if task.file.relpath == "runs/a.fits")
    assert [(located.entry.hdu_type, accref, did) for located, accref, did in task.elsewhere] == [
        (k, "cta/data/tests/irf_x20_dir/irf.fits", "ivo://example.org/~?cta/data/tests/irf_x20_dir/irf.fits")
        for k in ("psf", "aeff", "bkg")
    ]
    result = harvest(task, COLLECTION)
    assert result.row is not None and result.row.s_resolution is not None
    assert {(hdu.hdu_type, hdu.file_accref) for hdu in result.hdus} >= {("psf", "cta/data/tests/irf_x20_dir/irf.fits")}
    assert [sentence for _, sentence in result.problems] == [
        "the response file irf dir/irf.fits has no HDU BKG of type bkg."
    ]


def test_absent_files_are_listed_once(root: Path) -> None:
    write(root / "a.fits", events())
    rows = [
        (n, kind, path, "X")
        for n in (1, 2)
        for kind, path in (("events", f"gone{n}.fits"), ("gti", f"gone{n}.fits"), ("aeff", "irf.fits"))
    ]
    index_of(root, rows)
    assert problems(plan_of(root)) == {
        path: ("warning", f"hdu-index.fits.gz lists it for observation {obs_id} ({kind}), but there is no such file.")
        for path, obs_id, kind in (("gone1.fits", 1, "events"), ("gone2.fits", 2, "events"), ("irf.fits", 1, "aeff"))
    }


def test_observations_without_hdus_are_listed(root: Path) -> None:
    write(root / "a.fits", events())
    write(root / "obs-index.fits", obs_index([{"OBS_ID": 77}]))
    assert problems(plan_of(root)) == {
        "obs-index.fits#77": ("warning", "observation 77 is in the obs-index, but no HDU is listed.")
    }


def test_files_outside_are_not_touched(tmp_path: Path, root: Path) -> None:
    write(root / "a.fits", events())
    write(tmp_path / "elsewhere/b.fits", events())
    index_of(root, [(1, "events", "../elsewhere/b.fits", "EVENTS"), (2, "events", "/etc/passwd", "EVENTS")])
    plan = plan_of(root)
    assert paths(plan) == ["a.fits"]
    assert set(problems(plan)) == {"../elsewhere/b.fits", "/etc/passwd"}
    assert all(severity == "warning" and "'outside'" in sentence for severity, sentence in problems(plan).values())


def test_allowed_files_outside_are_published_with_all_the_index_says(tmp_path: Path, root: Path) -> None:
    write(tmp_path / "elsewhere/b.fits", events(OBS_ID=None), gti())
    write(tmp_path / "elsewhere/index of irfs.fits", response("psf"))
    rows = [(5, "events", "../elsewhere/b.fits", "EVENTS"), (5, "psf", "../elsewhere/index of irfs.fits", "PSF")]
    index_of(root, rows)
    collection = Collection(name="tests", title="T", obs_collection="tests", outside=(str(tmp_path / "elsewhere"),))
    plan = plan_of(root, collection=collection)
    assert paths(plan) == ["outside/0/b.fits", "outside/0/index of irfs.fits"]
    assert plan.problems == []
    assert plan.n_files == 3
    result = harvest(plan.tasks[0], collection)
    assert result.row is not None
    assert (result.row.obs_id, result.row.accref) == ("5", "cta/data/tests/outside/0/b.fits")
    assert result.row.s_resolution is not None
    assert {hdu.file_accref for hdu in result.hdus} == {
        "cta/data/tests/outside/0/b.fits",
        "cta/data/tests/outside/0/index_x20_of_x20_irfs.fits",
    }


def test_a_file_outside_is_published_once_though_a_link_leads_to_it_too(tmp_path: Path, root: Path) -> None:
    write(tmp_path / "elsewhere/b.fits", events())
    (root / "link").symlink_to("../elsewhere")
    index_of(root, [(5, "events", "../elsewhere/b.fits", "EVENTS")])
    collection = Collection(name="tests", title="T", obs_collection="tests", outside=(str(tmp_path / "elsewhere"),))
    plan = plan_of(root, collection=collection)
    assert paths(plan) == ["link/b.fits"]
    assert plan.tasks[0].facts.obs_id == "5"


def test_a_folder_called_like_those_outside_does_not_hide_them(tmp_path: Path, root: Path) -> None:
    write(root / "outside/0/b.fits", events())
    write(tmp_path / "elsewhere/b.fits", events())
    index_of(root, [(5, "events", "../elsewhere/b.fits", "EVENTS")])
    collection = Collection(name="tests", title="T", obs_collection="tests", outside=(str(tmp_path / "elsewhere"),))
    plan = plan_of(root, collection=collection)
    assert paths(plan) == ["outside/0/b.fits"]
    assert plan.tasks[0].facts.obs_id is None
    assert ("../elsewhere/b.fits", "error") in {(path, severity) for path, severity, _ in plan.problems}


def test_the_index_may_name_a_file_by_a_link(root: Path) -> None:
    write(root / "data/a.fits", events())
    (root / "latest").symlink_to("data")
    index_of(root, [(5, "events", "latest/a.fits", "EVENTS")])
    plan = plan_of(root)
    assert paths(plan) == ["data/a.fits"]
    assert plan.tasks[0].facts.obs_id == "5"
    assert {severity for severity, _ in problems(plan).values()} == {"info"}


def test_a_file_twice_in_the_folder_by_a_link_is_published_once(root: Path) -> None:
    write(root / "b.fits", events())
    (root / "a.fits").symlink_to("b.fits")
    plan = plan_of(root)
    assert paths(plan) == ["b.fits"]
    assert problems(plan)["a.fits"] == ("info", "this is the same file as b.fits; it is taken once.")


def test_an_event_list_may_have_index_in_its_name(root: Path) -> None:
    write(root / "spectral_index_study.fits", *bundle())
    plan = plan_of(root)
    assert paths(plan) == ["spectral_index_study.fits"]
    assert (plan.n_index_files, plan.documents, plan.problems) == (0, [], [])


@pytest.mark.parametrize(
    "content", [b"", b"no FITS at all", b"SIMPLE  =                    T" + b" " * 50, b"\x1f\x8bxxx"]
)
def test_a_damaged_index_is_an_error_and_the_rest_goes_on(root: Path, content: bytes) -> None:
    write(root / "a.fits", events())
    (root / "obs-index.fits").write_bytes(content)
    plan = plan_of(root)
    assert paths(plan) == ["a.fits"]
    severity, sentence = problems(plan)["obs-index.fits"]
    assert severity == "error" and "index" in sentence


def test_an_index_with_senseless_columns_is_an_error(root: Path) -> None:
    write(root / "a.fits", events())
    write(root / "obs-index.fits", obs_index([{"OBS_ID": 1.5}]))
    assert problems(plan_of(root))["obs-index.fits"][0] == "error"


def test_what_the_collection_file_says_of_paths_reaches_the_rows(root: Path) -> None:
    write(root / "secret/a.fits", events())
    write(root / "open/a.fits", events())
    write(root / "a.fits", events())
    collection = Collection(
        name="tests",
        title="T",
        obs_collection="DR1",
        release_date=datetime.date(2020, 1, 1),
        simulated=True,
        defaults=Defaults(),
        owner="all",
        embargo=datetime.date(2031, 1, 1),
        paths=(
            PathRule("secret/*", "pi", datetime.date(2030, 1, 1), "P7", "type-1"),
            PathRule("open/*", ""),
        ),
    )
    rows = {task.file.relpath: harvest(task, collection).row for task in plan_of(root, collection=collection).tasks}
    secret, free, other = rows["secret/a.fits"], rows["open/a.fits"], rows["a.fits"]
    assert secret is not None and free is not None and other is not None
    assert (other.owner, other.embargo, other.proposal_id) == ("all", "2031-01-01", None)
    assert (secret.owner, secret.embargo, secret.obs_release_date) == ("pi", "2030-01-01", "2030-01-01")
    assert (secret.proposal_id, secret.event_type) == ("P7", "type-1")
    assert (free.owner, free.embargo, free.obs_release_date) == (None, None, "2020-01-01")
    assert {row.obs_collection for row in (secret, free)} == {"DR1"}
    assert {row.simulated for row in (secret, free)} == {1}


def test_hess_dl3_dr1() -> None:
    """The promise of the issue: 30 files to publish, 75 entries without a file listed."""
    folder = SHARED / "data/dl3/hess-dl3-dr1"
    if not folder.exists():
        pytest.skip(f"needs {folder}")
    plan = plan_of(folder)
    assert len(plan.tasks) == 30
    assert len(plan.problems) == 75
    assert {severity for _, severity, _ in plan.problems} == {"warning"}
    assert all("no such file" in sentence for _, _, sentence in plan.problems)
    assert {document.title for document in plan.documents} == {
        "README.md",
        "README.txt",
        "hdu-index.fits.gz",
        "obs-index.fits.gz",
    }
