# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: the tar is what was announced, to the byte; what comes out of it opens in gammapy."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sample
from datalink.package.packages import Limits, PackageError, PackageFile, PackageLimitError, PackagePlan, plan_package
from datalink.package.tarstream import Member, Names, archive_chunks, archive_size, safe_name
from ingest.collection import load_collection
from ingest.folder import Folder
from ingest.harvest import harvest
from ingest.plan import Naming, make_plan
from tests.unit.fits_files import bundle, events, gti, response, write

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
COLLECTIONS = ROOT / "inputs" / "cta" / "collections"
NOW = datetime.datetime(2026, 2, 20, 12, 30, tzinfo=datetime.timezone.utc)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Document:
    accref: str
    path: Path
    kind: str


@dataclass
class Published:
    """What the archive's tables would say of some collections."""

    files: list[PackageFile] = field(default_factory=list)
    hdus: list[dict[str, Any]] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    collections: list[dict[str, Any]] = field(default_factory=list)

    def __add__(self, other: Published) -> Published:
        return Published(
            self.files + other.files,
            self.hdus + other.hdus,
            self.documents + other.documents,
            self.collections + other.collections,
        )

    @property
    def observations(self) -> list[PackageFile]:
        return [file for file in self.files if file.observation is not None]

    @property
    def others(self) -> list[PackageFile]:
        return [file for file in self.files if file.observation is None]

    def plan(self, selected: Sequence[PackageFile] | None = None, **options: Any) -> PackagePlan:
        """Plan a package of some files (of all observations by default) with all companions on offer."""
        wanted = self.observations if selected is None else selected
        options.setdefault("companions", self.others)
        return plan_package(
            wanted, self.hdus, self.documents, self.collections, options.pop("query", "SELECT 1"), NOW, **options
        )


def publish(folder: Path, name: str, collection_file: Path | None = None) -> Published:
    """Harvest a folder as the import does, without a database."""
    if collection_file is None:
        collection_file = folder.parent / f"{name}.toml"
        collection_file.write_text(
            f'title = "Test {name}"\nterms = "CC BY 4.0 in tests"\nacknowledgement = "Thanks."\n'
        )
    collection = load_collection(collection_file, name)
    plan = make_plan(collection, Folder(folder, collection.outside), Naming("test.org", f"cta/data/{name}/"), {})
    published = Published(collections=[{"name": name, "title": collection.title, "terms": collection.terms}])
    for task in plan.tasks:
        row = harvest(task, collection)
        if row.row is None:
            continue
        values: dict[str, Any] = asdict(row.row)
        is_event_list = values["dataproduct_type"] == "event"
        published.files.append(
            PackageFile(
                task.accref, task.publisher_did, task.file.path, _obs_index_row(values) if is_event_list else None
            )
        )
        published.hdus += [asdict(hdu) for hdu in row.hdus]
    published.documents = [Document(item.accref, folder / item.title, item.kind) for item in plan.documents]
    return published


def _obs_index_row(values: Mapping[str, Any]) -> dict[str, Any]:
    low, high = values["energy_min"], values["energy_max"]
    return {
        **values,
        "event_count": values["ev_xel"],
        "safe_energy_lo": None if low is None else low / 1e12,
        "safe_energy_hi": None if high is None else high / 1e12,
    }


def shared(name: str) -> Published:
    """Publish one of the real collections, or skip the test."""
    folder = SHARED / "data" / "dl3" / name
    if not folder.is_dir():
        pytest.skip(f"the collection {name} is not here")
    return publish(folder, name, COLLECTIONS / f"{name}.toml")


@pytest.fixture(scope="module")
def sample_archive(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("archive") / "ctao-sample"
    sample.generate(folder, runs=8, events_per_run=500, jobs=1)
    return publish(folder, "ctao-sample", COLLECTIONS / "ctao-sample.toml")


def unpack(plan: PackagePlan, folder: Path) -> list[str]:
    """Unpack a package, after checking that it is as long as announced; return the members' names."""
    content = b"".join(plan.chunks())
    assert len(content) == plan.size
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        # Python 3.11.2 of Debian 12 has no filters yet
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        return tar.getnames()


def simple(folder: Path, names: Sequence[str], content: bytes = b"data") -> list[PackageFile]:
    """Return files of one collection, which are no observations."""
    files = []
    for number, name in enumerate(names):
        path = folder / f"stored-{number}"
        path.write_bytes(content)
        files.append(PackageFile(f"cta/data/{name}", f"ivo://test.org/~?{number}", path))
    return files


# --- what gammapy makes of it


def opened(folder: Path, required_irf: str | list[str] = "full-enclosure") -> dict[int, Any]:
    """Open every observation of an unpacked folder with events, intervals and responses."""
    data = pytest.importorskip("gammapy.data")
    store = data.DataStore.from_dir(folder)
    observations = store.get_observations(required_irf=required_irf)
    assert sorted(store.obs_table["OBS_ID"]) == sorted(observation.obs_id for observation in observations)
    for observation in observations:
        assert observation.events.table is not None and observation.gti.table is not None
        for kind in observation.available_irfs:
            assert getattr(observation, kind) is not None
    return {observation.obs_id: observation for observation in observations}


def test_gammapy_opens_the_sample(sample_archive: Published, tmp_path: Path) -> None:
    plan = sample_archive.plan()
    unpack(plan, tmp_path)
    observations = opened(tmp_path / "ctao-sample")
    assert len(observations) == 8
    for file in sample_archive.observations:
        assert file.observation is not None
        found = observations[int(file.observation["obs_id"])]
        assert len(found.events.table) == file.observation["event_count"]
        assert set(found.available_irfs) >= {"aeff", "edisp", "psf", "bkg"}
    assert plan.n_datasets == plan.n_files == 8
    assert not plan.notes


def test_times_of_the_index_are_those_of_the_events(sample_archive: Published, tmp_path: Path) -> None:
    data = pytest.importorskip("gammapy.data")
    unpack(sample_archive.plan(), tmp_path)
    store = data.DataStore.from_dir(tmp_path / "ctao-sample")
    row = store.obs_table[0]
    gti_start = store.obs(row["OBS_ID"]).gti.time_start[0]
    assert abs((store.obs_table.time_start[0] - gti_start).to_value("s")) < 1e-3


def test_a_part_of_hess(tmp_path: Path) -> None:
    hess = shared("hess-dl3-dr1")
    selected = hess.observations[::7]
    plan = hess.plan(selected)
    unpack(plan, tmp_path)
    observations = opened(tmp_path / "hess-dl3-dr1")
    assert sorted(observations) == sorted(int(file.observation["obs_id"]) for file in selected if file.observation)
    assert (tmp_path / "hess-dl3-dr1" / "README.txt").read_bytes() == (
        SHARED / "data/dl3/hess-dl3-dr1/README.txt"
    ).read_bytes()
    for file in selected:
        relative = file.accref.removeprefix("cta/data/")
        assert (tmp_path / relative).read_bytes() == file.path.read_bytes()
    assert "No scientific publications" in (tmp_path / "README.txt").read_text().replace("\n", " ")


def test_fact_runs_share_one_response_file(tmp_path: Path) -> None:
    fact = shared("fact-joint-crab")
    plan = fact.plan(fact.observations[:6])
    names = unpack(plan, tmp_path)
    assert names.count("fact-joint-crab/fact_irf.fits") == 1
    assert (plan.n_datasets, plan.n_files) == (6, 7)
    observations = opened(tmp_path / "fact-joint-crab", "point-like")
    assert len(observations) == 6
    assert all(set(item.available_irfs) >= {"aeff", "edisp"} for item in observations.values())


def test_cta_1dc_response_file_in_a_folder_elsewhere(tmp_path: Path) -> None:
    challenge = shared("cta-1dc")
    unpack(challenge.plan(), tmp_path)
    observations = opened(tmp_path / "cta-1dc")
    assert sorted(observations) == [110380, 111140]
    assert len(observations[110380].events.table) == 106217


@pytest.mark.parametrize("name", ["magic-joint-crab", "magic-rad-max", "hess-joint-crab", "cta-ctools-iactdata"])
def test_other_real_collections(name: str, tmp_path: Path) -> None:
    collection = shared(name)
    unpack(collection.plan(), tmp_path)
    assert len(opened(tmp_path / name, "all-optional")) == len(collection.observations)


def test_event_types_of_one_observation_get_indexes_of_their_own(tmp_path: Path) -> None:
    data = pytest.importorskip("gammapy.data")
    hawc = shared("hawc-crab-pass4")
    plan = hawc.plan()
    unpack(plan, tmp_path)
    counts = []
    for folder in (tmp_path / "hawc-crab-pass4", tmp_path / "hawc-crab-pass4" / "index-2"):
        store = data.DataStore.from_dir(folder)
        (obs_id,) = store.obs_table["OBS_ID"]
        observation = store.obs(obs_id, required_irf="all-optional")
        counts.append(len(observation.events.table))
        assert observation.aeff.geom is not None  # a map, in another file
    assert sorted(counts) == sorted(item.observation["event_count"] for item in hawc.observations if item.observation)
    assert any("same OBS_ID" in note and "index-2" in note for note in plan.notes)


def test_several_collections_in_one_package(sample_archive: Published, tmp_path: Path) -> None:
    both = sample_archive + shared("magic-rad-max")
    unpack(both.plan(), tmp_path)
    assert len(opened(tmp_path / "ctao-sample")) == 8
    assert len(opened(tmp_path / "magic-rad-max", "point-like")) == 1


def test_mixed_time_references_are_split_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    early = {"MJDREFI": 50000, "MJDREFF": 0.0, "TIMESYS": "TT"}
    for number in (1, 2, 3):
        cards = early if number == 2 else {}
        write(folder / f"run{number}.fits", events(OBS_ID=number, **cards), gti(**cards), response("aeff"))
    published = publish(folder, "mixed")
    plan = published.plan()
    unpack(plan, tmp_path / "out")
    assert sorted(opened(tmp_path / "out/mixed", "all-optional")) == [1, 3]
    assert sorted(opened(tmp_path / "out/mixed/index-2", "all-optional")) == [2]
    assert any("different moments" in note and "MJDREF 50000" in note for note in plan.notes)
    header = fits.getheader(tmp_path / "out/mixed/index-2/obs-index.fits.gz", 1)
    assert (header["MJDREFI"], header["TIMESYS"]) == (50000, "TT")


def test_observations_whose_names_are_no_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "named"
    write(folder / "night one.fits", *bundle(obs_id="Crab night 1"))
    published = publish(folder, "named")
    plan = published.plan()
    unpack(plan, tmp_path / "out")
    assert list(opened(tmp_path / "out/named"))[0] > 9e15
    assert any("'Crab night 1'" in note for note in plan.notes)
    assert published.plan().members == plan.members


# --- the index files


def test_index_columns_and_units(sample_archive: Published, tmp_path: Path) -> None:
    unpack(sample_archive.plan(), tmp_path)
    with fits.open(tmp_path / "ctao-sample/obs-index.fits.gz") as hdus:
        table = hdus["OBS_INDEX"]
        names = table.columns.names
        assert {"OBS_ID", "OBS_MODE", "RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT", "TSTART", "TSTOP"} <= set(names)
        assert table.columns["TSTART"].unit == "s" and table.columns["RA_PNT"].unit == "deg"
        assert (table.header["HDUCLAS1"], table.header["HDUCLAS2"]) == ("INDEX", "OBS")
        assert (table.header["MJDREFI"], table.header["TIMESYS"]) == (58119, "TAI")
        dids = {file.publisher_did for file in sample_archive.observations}
        assert set(table.data["OBS_PUBLISHER_DID"]) == dids
    with fits.open(tmp_path / "ctao-sample/hdu-index.fits.gz") as hdus:
        table = hdus["HDU_INDEX"]
        assert len(table.data) == 8 * 6
        for line in table.data:
            file = tmp_path / "ctao-sample" / line["FILE_DIR"] / line["FILE_NAME"]
            assert file.stat().st_size == line["SIZE"]


def test_missing_values_in_the_index(sample_archive: Published, tmp_path: Path) -> None:
    first, *rest = sample_archive.observations
    row = dict.fromkeys(first.observation or {})
    row |= {"obs_id": "7", "mjdrefi": 58119, "mjdreff": 0.0, "timesys": "TAI"}
    plan = sample_archive.plan([replace(first, observation=row), *rest])
    unpack(plan, tmp_path)
    table = fits.getdata(tmp_path / "ctao-sample/obs-index.fits.gz", 1)
    assert table["OBS_ID"][0] == 7 and table["RA_PNT"][0] != table["RA_PNT"][0]
    assert table["N_TELS"][0] == -1 and table["QUALITY"][0] == -1 and table["OBJECT"][0] == ""


def test_a_response_file_that_is_not_given_is_not_named(tmp_path: Path) -> None:
    fact = shared("fact-joint-crab")
    plan = fact.plan(fact.observations[:2], companions=[])
    unpack(plan, tmp_path)
    table = fits.getdata(tmp_path / "fact-joint-crab/hdu-index.fits.gz", 1)
    assert set(table["HDU_TYPE"]) == {"events", "gti"}
    assert any("fact_irf" in note for note in plan.notes)


def test_files_without_events_need_no_index(tmp_path: Path) -> None:
    write(tmp_path / "irfs" / "irf.fits", response("aeff"))
    published = publish(tmp_path / "irfs", "irfs")
    names = unpack(published.plan(published.others), tmp_path / "out")
    assert names == ["README.txt", "irfs/irf.fits"]


# --- the README


def test_readme_says_what_from_where_when_and_under_which_terms(sample_archive: Published, tmp_path: Path) -> None:
    query = "SELECT * FROM ivoa.obscore\nWHERE target_name = 'Crab Nebula'"
    plan = sample_archive.plan(query=query, archive="Test archive, http://archive.test.org/")
    unpack(plan, tmp_path)
    text = (tmp_path / "README.txt").read_text()
    for expected in (
        "8 gamma-ray datasets",
        "2026-02-20 12:30:00 UTC",
        "http://archive.test.org/",
        "    WHERE target_name = 'Crab Nebula'",
        "CC0: simulated data",
        'DataStore.from_dir("ctao-sample")',
        *(file.publisher_did for file in sample_archive.observations),
    ):
        assert expected in text
    assert (tmp_path / "ctao-sample/TERMS.txt").exists()


def test_hostile_query_and_terms_stay_text(tmp_path: Path) -> None:
    files = simple(tmp_path, ["c/a.fits"])
    plan = plan_package(
        files, [], [], [{"name": "c", "title": "T\x1b[31m", "terms": "a\x00b"}], "\x1b]0;x\x07\u202e" + "y" * 10**6, NOW
    )
    unpack(plan, tmp_path / "out")
    text = (tmp_path / "out/README.txt").read_text()
    assert not any(ord(letter) < 32 and letter != "\n" for letter in text) and "\u202e" not in text
    assert len(text) < 50_000 and "[...]" in text


# --- the tar


texts = st.text(st.characters(), max_size=12)
hostile_names = st.one_of(
    st.lists(st.one_of(texts, st.sampled_from(["..", ".", "", "~", "-rf", "a\\b", "con ", "ä" * 70])), max_size=4).map(
        "/".join
    ),
    st.sampled_from(["/etc/passwd", "../../x", "c:\\x", "a/../../b", "\x00", "x" * 300 + ".fits.gz", "\udcff"]),
)


@QUICK
@given(st.lists(st.tuples(hostile_names, st.integers(0, 2000)), min_size=1, max_size=8), st.integers(1, 5000))
def test_any_names_and_sizes_read_back(members: list[tuple[str, int]], chunk_size: int) -> None:
    names = Names()
    made = [
        Member(names.claim(name), size, size, bytes(index % 251 for index in range(size))) for name, size in members
    ]
    content = b"".join(archive_chunks(made, chunk_size))
    assert len(content) == archive_size(made)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = tar.getmembers()
        assert [(item.name, item.size, item.mtime) for item in found] == [(m.name, m.size, m.mtime) for m in made]
        for item, member in zip(found, made, strict=True):
            extracted = tar.extractfile(item)
            assert extracted is not None and extracted.read() == member.source
            if hasattr(tarfile, "data_filter"):
                tarfile.data_filter(item, "/somewhere")


@QUICK
@given(st.lists(hostile_names, min_size=1, max_size=12))
def test_names_given_out_are_safe_and_differ(wanted: list[str]) -> None:
    names = Names()
    given_out = [names.claim(name) for name in wanted]
    assert len({name.casefold() for name in given_out}) == len(given_out)
    for name in given_out:
        path = PurePosixPath(name)
        assert not path.is_absolute() and ".." not in path.parts and str(path) == name
        assert name.isprintable() and "\\" not in name
        assert all(len(part.encode()) <= 255 for part in path.parts)
        name.encode("utf-8")
        # no file is a folder of another
        assert not any(other.startswith(f"{name}/") for other in given_out)


@QUICK
@given(hostile_names)
def test_names_for_fits_are_plain_ascii(name: str) -> None:
    safe = safe_name(name, ascii_only=True)
    assert safe.isascii() and all(part == part.strip() for part in safe.split("/"))
    assert safe_name(safe, ascii_only=True) == safe or len(name) > 150


def test_unusual_names_of_published_files_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    names = ["W0.40+215 [1].fits", "sub dir/run #2.fits", "großes Feld.fits", "trailing .fits"]
    for number, name in enumerate(names):
        write(folder / name, *bundle(obs_id=number + 1))
    (folder / "Größe.txt").write_text("terms")
    plan = publish(folder, "odd").plan()
    found = unpack(plan, tmp_path / "out")
    assert {"odd/W0.40+215 [1].fits", "odd/sub dir/run #2.fits", "odd/trailing .fits", "odd/Größe.txt"} <= set(found)
    assert "odd/gro_xC3__x9F_es Feld.fits" in found
    assert len(opened(tmp_path / "out/odd")) == 4
    assert any("_xC3__x9F_" in note for note in plan.notes)


def test_doubled_names_get_numbers(tmp_path: Path) -> None:
    plan = plan_package(
        simple(tmp_path, ["c/a.fits.gz", "c/A.fits.gz", "c/a.fits.gz", "c/obs-index.fits.gz"]), [], [], [], "", NOW
    )
    names = [member.name for member in plan.members]
    assert names == ["README.txt", "c/A.fits.gz", "c/a-2.fits.gz", "c/a-3.fits.gz", "c/obs-index-2.fits.gz"]


def test_gnu_tar_lists_and_unpacks_it(sample_archive: Published, tmp_path: Path) -> None:
    package = tmp_path / "package.tar"
    package.write_bytes(b"".join(sample_archive.plan().chunks()))
    done = subprocess.run(["tar", "-xvf", package, "-C", tmp_path], capture_output=True, text=True, check=True)
    assert not done.stderr and "ctao-sample/obs-index.fits.gz" in done.stdout.splitlines()


def test_the_same_request_gives_the_same_bytes(sample_archive: Published) -> None:
    first, second = (b"".join(sample_archive.plan().chunks()) for _ in range(2))
    assert first == second
    again = sample_archive.plan(list(reversed(sample_archive.observations)))
    assert b"".join(again.chunks(7919)) == first


def test_chunks_are_of_the_wanted_size_after_the_first(sample_archive: Published) -> None:
    chunks = list(sample_archive.plan().chunks(50_000))
    assert all(50_000 <= len(chunk) < 100_000 for chunk in chunks[1:-1])
    assert chunks[0].startswith(b"README.txt\0")


def test_a_dataset_selected_twice_is_packaged_once(sample_archive: Published) -> None:
    twice = sample_archive.observations[:2] * 2
    assert sample_archive.plan(twice).n_datasets == 2


# --- what can go wrong


@pytest.mark.parametrize("change", ["shorter", "longer", "gone", "while reading"])
def test_a_file_that_changes_cuts_the_transfer(change: str, tmp_path: Path) -> None:
    (file,) = simple(tmp_path, ["c/a.fits"], b"x" * 500_000)
    plan = plan_package([file], [], [], [], "", NOW)
    if change == "gone":
        file.path.unlink()
    elif change != "while reading":
        file.path.write_bytes(b"x" * (400_000 if change == "shorter" else 600_000))
    sent = b""
    with pytest.raises(PackageError, match=r"read any more|changed"):
        for chunk in plan.chunks(100_000):
            sent += chunk
            if change == "while reading" and len(sent) > 100_000:
                os.truncate(file.path, 150_000)
    assert len(sent) < plan.size
    assert str(tmp_path).encode() not in sent


def test_a_file_that_is_not_there_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    (file,) = simple(tmp_path, ["c/a.fits"])
    file.path.unlink()
    with pytest.raises(PackageError, match="not there") as caught:
        plan_package([file], [], [], [], "", NOW)
    assert str(tmp_path) not in str(caught.value)
    file.path.mkdir()
    with pytest.raises(PackageError, match="not a regular file"):
        plan_package([file], [], [], [], "", NOW)


def test_limits_have_a_sentence(tmp_path: Path) -> None:
    files = simple(tmp_path, ["c/a.fits", "c/b.fits"], b"x" * 20_000)
    with pytest.raises(PackageLimitError, match="2 datasets are selected, more than the 1"):
        plan_package(files, [], [], [], "", NOW, limits=Limits(max_datasets=1))
    with pytest.raises(PackageLimitError, match="GiB that are"):
        plan_package(files, [], [], [], "", NOW, limits=Limits(max_bytes=20_000))
    with pytest.raises(PackageError, match="no dataset"):
        plan_package([], [], [], [], "", NOW)


# --- large packages


_LARGE = """
import datetime, sys
from pathlib import Path
from datalink.package.packages import PackageFile, plan_package
path = Path(sys.argv[1])
rows = [{"obs_id": str(n), "mjdrefi": 1, "mjdreff": 0.0, "timesys": "TT"} for n in range(2)]
files = [PackageFile(f"cta/data/c/{n}.fits", f"ivo://x/~?{n}", path, row) for n, row in enumerate(rows)]
now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
plan = plan_package(files, [], [], [], "", now)
sent = sum(map(len, plan.chunks()))
assert sent == plan.size > 2 * 2**30
# not getrusage: that counts the memory of the process which started this one
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_two_gigabytes_need_no_memory(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as out:
        out.truncate(2**30)
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(large)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 100 * 1024


def test_a_file_larger_than_eight_gigabytes_has_the_announced_size(tmp_path: Path) -> None:
    huge = Member("huge", 9 * 2**30, 0, tmp_path / "huge")
    header = huge.header()
    assert archive_size([huge]) % 10240 == 0 and huge.n_header_bytes == len(header) > 512
    assert tarfile.TarInfo.frombuf(header[-512:], "utf-8", "strict").name == "huge"


def test_the_first_byte_of_many_files_comes_soon(tmp_path: Path) -> None:
    (stored,) = simple(tmp_path, ["c/a.fits"])
    row = {"mjdrefi": 51910, "mjdreff": 0.0, "timesys": "TT", "ra_pnt": 1.0, "object": "Crab"}
    files = [
        PackageFile(f"cta/data/c/{n}.fits", f"ivo://x/~?{n}", stored.path, {**row, "obs_id": str(n)})
        for n in range(2000)
    ]
    hdus = [
        {"obs_publisher_did": f"ivo://x/~?{n}", "hdu_type": hdu_type, "hdu_class": hdu_type, "hdu_name": hdu_type}
        | {"file_publisher_did": f"ivo://x/~?{n}"}
        for n in range(2000)
        for hdu_type in ("events", "gti", "aeff", "edisp", "psf", "bkg")
    ]
    started = time.process_time()
    plan = plan_package(files, hdus, [], [], "", NOW)
    first = next(plan.chunks())
    assert time.process_time() - started < 2.0
    assert first.startswith(b"README.txt\0") and gzip.decompress(_member(plan, "c/hdu-index.fits.gz"))[:6] == b"SIMPLE"


def _member(plan: PackagePlan, name: str) -> bytes:
    sources: Iterator[bytes | Path] = (member.source for member in plan.members if member.name == name)
    source = next(sources)
    assert isinstance(source, bytes)
    return source
