"""The life of a collection: imports that repeat, change, fail and recover, through the operator's command."""

from __future__ import annotations

import datetime
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from astropy.io import fits
from astropy.table import Table
from lxml import etree

from ingest.rows import ProductRow
from ingest.store import Store
from tests.live.archive import TRACEBACK, Archive, Outcome, make_readable, open_folder

NAME = "scratch"
RUNS = (100001, 100002, 100003, 100005)


def run_file(sample: Path, obs_id: int) -> Path:
    """Return the file of a public sample run."""
    return sample / "public" / f"ctao_sim_{obs_id}.fits.gz"


def versions(archive: Archive, collection: str = NAME) -> dict[str, str]:
    """Return by path which version of its row PostgreSQL shows: it changes whenever a row is written."""
    prefix = f"cta/data/{collection}/"
    rows = archive.sql(
        f"SELECT accref, xmin::text || '/' || ctid::text FROM cta.dataset WHERE starts_with(accref, '{prefix}')"
    )
    return {accref.removeprefix(prefix): version for accref, version in rows}


def observations(archive: Archive, collection: str = NAME) -> dict[str, str]:
    """Return by path the observation that TAP shows."""
    prefix = f"cta/data/{collection}/"
    rows = archive.query(
        f"SELECT obs_publisher_did, obs_id FROM ivoa.obscore WHERE obs_publisher_did LIKE '%?{prefix}%'"
    )
    return {row["obs_publisher_did"].partition(prefix)[2]: row["obs_id"] for row in rows}


def in_folder(folder: Path) -> dict[str, str]:
    """Return by path the observation of every run in a folder, from its header."""
    return {path.name: str(fits.getval(path, "OBS_ID", "EVENTS")) for path in folder.iterdir()}


def registered(archive: Archive, collection: str) -> str:
    """Return whether harvesters of the registry find a collection: alive, deleted or unknown."""
    answer = archive.get("/oai.xml", params={"verb": "ListIdentifiers", "metadataPrefix": "ivo_vor"})
    for header in etree.fromstring(answer.content).iter("{*}header"):
        if str(header.findtext("{*}identifier")).endswith(f"/cta/q/collection-{collection}"):
            return header.get("status", "alive")
    return "unknown"


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the paths whose row was written, removed or added."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def toml_of(archive: Archive, collection: str = NAME) -> Path:
    """Return the collection file of an instance."""
    return archive.resource_dir / "collections" / f"{collection}.toml"


def write_toml(archive: Archive, text: str, collection: str = NAME) -> None:
    """Write a collection file as the operator would; the server's user can read it."""
    path = toml_of(archive, collection)
    path.write_text(text)
    path.chmod(0o644)


@pytest.fixture(scope="module")
def first_import(workshop: Archive, sample: Path) -> Iterator[tuple[Path, Outcome]]:
    """A folder with four runs, and what its first import said."""
    with open_folder() as folder:
        for obs_id in RUNS:
            shutil.copy2(run_file(sample, obs_id), folder)
        yield make_readable(folder), workshop.import_folder(folder, NAME)
    workshop.withdraw(NAME)
    assert versions(workshop) == {}
    assert workshop.count("cta.import_problem", f"collection='{NAME}'") == 0
    assert workshop.count("dc.products", f"starts_with(accref, 'cta/data/{NAME}/')") == 0


@pytest.fixture
def scratch(first_import: tuple[Path, Outcome]) -> Path:
    """A folder with four runs, imported."""
    return first_import[0]


class TestFirstImport:
    """A folder nobody has described."""

    def test_everything_is_published(self, workshop: Archive, scratch: Path) -> None:
        assert observations(workshop) == in_folder(scratch)
        assert len(in_folder(scratch)) == len(RUNS)

    def test_a_collection_file_is_written(self, workshop: Archive, scratch: Path) -> None:
        text = toml_of(workshop).read_text()
        assert 'facility_name = "CTAO"' in text
        rows = workshop.query("SELECT DISTINCT obs_collection FROM ivoa.obscore")
        assert rows == [{"obs_collection": NAME}]

    def test_the_operator_is_told(self, workshop: Archive, first_import: tuple[Path, Outcome]) -> None:
        output = first_import[1].check().output
        assert re.search(r"published\s+4$", output, re.M)
        assert str(toml_of(workshop)) in output
        assert "complete it" in output


class TestNextImports:
    """Each import does what has changed and nothing else."""

    def test_again_reads_nothing(self, workshop: Archive, scratch: Path) -> None:
        before, products = versions(workshop), workshop.count("dc.products")
        workshop.import_folder(scratch, NAME).check()
        summary = workshop.summary(NAME)
        assert (summary["unchanged"], summary["new_or_changed"], summary["removed"]) == (len(before), 0, 0)
        assert versions(workshop) == before
        assert workshop.count("dc.products") == products

    def test_exactly_what_has_changed(self, workshop: Archive, scratch: Path, sample: Path) -> None:
        """Touched, replaced, removed and added, in one import."""
        before = versions(workshop)
        touched, replaced, removed = (f"ctao_sim_{obs_id}.fits.gz" for obs_id in RUNS[:3])
        os.utime(scratch / touched, (1.7e9, 1.7e9))
        shutil.copy2(run_file(sample, 100008), scratch / replaced)
        (scratch / removed).unlink()
        shutil.copy2(run_file(sample, 100009), scratch / "added.fits.gz")
        make_readable(scratch)
        workshop.import_folder(scratch, NAME).check()
        after = versions(workshop)
        assert changed(before, after) == {touched, replaced, removed, "added.fits.gz"}
        assert removed not in after
        assert observations(workshop) == in_folder(scratch)
        assert observations(workshop)[replaced] == "100008"
        summary = workshop.summary(NAME)
        assert (summary["unchanged"], summary["new_or_changed"], summary["removed"]) == (1, 3, 1)

    def test_responses_and_links_go_with_their_file(self, workshop: Archive, scratch: Path) -> None:
        for table, column in (("cta.hdu_index", "obs_publisher_did"), ("dc.products", "accref")):
            where = f"{column} LIKE '%cta/data/{NAME}/%'"
            kept = {
                row[0].partition(f"/{NAME}/")[2] for row in workshop.sql(f"SELECT {column} FROM {table} WHERE {where}")
            }
            assert kept == set(in_folder(scratch))

    def test_a_file_that_turns_bad_keeps_its_row(self, workshop: Archive, scratch: Path) -> None:
        victim = sorted(scratch.iterdir())[0]
        before, content, good = versions(workshop), self.row_of(workshop, victim), victim.read_bytes()
        try:
            victim.write_bytes(b"no FITS at all" * 100)
            done = workshop.import_folder(scratch, NAME)
            assert done.status == 1
            assert not TRACEBACK.search(done.output)
            assert self.row_of(workshop, victim) == content
            assert changed(before, versions(workshop)) <= {victim.name}
            ((severity, sentence),) = workshop.problems(NAME)[victim.name]
            assert severity == "error"
            assert victim.name in done.output and sentence in done.output
            # told again as long as it is so
            assert workshop.import_folder(scratch, NAME).status == 1
            assert workshop.problems(NAME)[victim.name][0][0] == "error"
        finally:
            victim.write_bytes(good)
        workshop.import_folder(scratch, NAME).check()
        assert workshop.problems(NAME) == {}

    @staticmethod
    def row_of(workshop: Archive, path: Path) -> list[list[str]]:
        """Return everything TAP shows of a file."""
        return workshop.sql(
            "SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
            f" WHERE obs_publisher_did LIKE '%/{NAME}/{path.name}'"
        )

    def test_an_empty_folder_is_not_believed(self, workshop: Archive, scratch: Path) -> None:
        """More likely a file system that is not mounted."""
        before = versions(workshop)
        with open_folder() as aside:
            for path in list(scratch.iterdir()):
                shutil.move(path, aside)
            try:
                sentence = workshop.import_folder(scratch, NAME).refused()
                assert "mount" in sentence
                assert versions(workshop) == before
            finally:
                for path in list(aside.iterdir()):
                    shutil.move(path, scratch)
        workshop.import_folder(scratch, NAME).check()

    def test_a_changed_description_reads_anew(self, workshop: Archive, scratch: Path) -> None:
        before = versions(workshop)
        write_toml(workshop, 'title = "Mine"\nobs_collection = "MINE-1"\nrelease_date = 2020-02-02\n')
        workshop.import_folder(scratch, NAME).check()
        assert changed(before, versions(workshop)) == set(before)
        rows = workshop.query("SELECT DISTINCT obs_collection, obs_release_date FROM ivoa.obscore")
        assert [(row["obs_collection"], row["obs_release_date"][:10]) for row in rows] == [("MINE-1", "2020-02-02")]


class TestRefusals:
    """What an operator can get wrong: a sentence each, and the content stays."""

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("title = ", "TOML"),
            ('tilte = "x"', "tilte"),
            ('title = "x"\noutside = ["/nowhere/at/all"]', "/nowhere/at/all"),
        ],
    )
    def test_collection_file(self, workshop: Archive, scratch: Path, text: str, word: str) -> None:
        before, good = versions(workshop), toml_of(workshop).read_text()
        write_toml(workshop, text)
        try:
            sentence = workshop.import_folder(scratch, NAME).refused()
            assert word in sentence
            assert "collection file" in sentence
            assert versions(workshop) == before
        finally:
            write_toml(workshop, good)

    def test_missing_folder(self, workshop: Archive) -> None:
        assert "/no/such/folder" in workshop.import_folder(Path("/no/such/folder"), NAME).refused()

    def test_a_file_for_a_folder(self, workshop: Archive, scratch: Path) -> None:
        assert "is a file" in workshop.import_folder(next(scratch.iterdir()), NAME).refused()

    def test_nothing_given(self, workshop: Archive) -> None:
        assert "COLLECTION" in workshop.ops("import", "--data", "/tmp", "--collection", "").refused()
        assert "DATA" in workshop.ops("import", "--data", "", "--collection", "x").refused()

    @pytest.mark.parametrize("name", ["../up", "a b", "-x", ".hidden", "a/b", "x" * 65, "ümlaut", "a'b", "a;b"])
    def test_bad_names(self, workshop: Archive, scratch: Path, name: str) -> None:
        done = workshop.ops("import", "--data", scratch, f"--collection={name}")
        assert "cannot name a collection" in done.refused()
        assert not (workshop.resource_dir / "data" / name).exists()

    def test_a_folder_without_data(self, workshop: Archive, folder: Path) -> None:
        (folder / "README.md").write_text("nothing here yet\n")
        done = workshop.import_folder(make_readable(folder), "empty")
        assert done.status == 1
        assert "nothing could be published" in done.output
        assert not TRACEBACK.search(done.output)
        workshop.ops("withdraw", "--collection", "empty").check()

    def test_a_folder_the_server_may_not_read(self, workshop: Archive, folder: Path) -> None:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        if os.geteuid() != 0:
            closed.chmod(0)
        sentence = workshop.import_folder(closed, "closed").refused()
        assert str(closed) in sentence
        assert workshop.user in sentence

    def test_the_instance_itself(self, workshop: Archive) -> None:
        assert "contains the instance" in workshop.import_folder(workshop.real.parent, "self").refused()

    def test_the_refused_ones_left_nothing(self, workshop: Archive) -> None:
        names = {row["name"] for row in workshop.query("SELECT name FROM cta.collection")}
        assert names <= {NAME}


class TestTwoCollections:
    """The same observation in two collections is two datasets."""

    def test_the_same_run(self, workshop: Archive, scratch: Path, folder: Path) -> None:
        name, obs_id = sorted(in_folder(scratch).items())[0]
        shutil.copy2(scratch / name, folder)
        before = versions(workshop)
        workshop.import_folder(make_readable(folder), "double").check()
        try:
            rows = workshop.query(f"SELECT obs_publisher_did, access_url FROM ivoa.obscore WHERE obs_id='{obs_id}'")
            accrefs = {row["obs_publisher_did"].partition("?")[2]: row["access_url"] for row in rows}
            assert set(accrefs) == {f"cta/data/double/{name}", f"cta/data/{NAME}/{name}"}
            assert versions(workshop) == before
            joined = "SELECT COUNT(*) AS n FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
            assert workshop.query(joined) == workshop.query("SELECT COUNT(*) AS n FROM ivoa.obscore")
            for accref, address in accrefs.items():
                assert f"/getproduct/{accref}<" in workshop.session.get(address, timeout=60).text
            assert registered(workshop, "double") == "alive"
        finally:
            workshop.ops("withdraw", "--collection", "double").check()
        assert versions(workshop) == before
        assert versions(workshop, "double") == {}
        assert registered(workshop, "double") == "deleted"

    def test_withdrawing_what_is_not_there(self, workshop: Archive) -> None:
        assert "no-such" in workshop.ops("withdraw", "--collection", "no-such").refused()

    def test_a_collection_that_moves(self, workshop: Archive, scratch: Path) -> None:
        with open_folder() as elsewhere:
            for path in scratch.iterdir():
                shutil.copy2(path, elsewhere)
            before = versions(workshop)
            done = workshop.import_folder(make_readable(elsewhere), NAME).check()
            assert str(elsewhere) in done.output and str(scratch) in done.output
            assert versions(workshop) == before  # the same files in another place
            workshop.import_folder(scratch, NAME).check()


class TestIndexFiles:
    """Index files that lead out of the collection."""

    @staticmethod
    def make(sample: Path, root: Path) -> tuple[Path, Path]:
        """Make a collection whose hdu-index names a file in itself, one beside it, and one that is not there."""
        collection, beside = root / "collection", root / "beside"
        collection.mkdir()
        beside.mkdir()
        shutil.copy2(run_file(sample, 100001), collection / "in.fits.gz")
        shutil.copy2(run_file(sample, 100002), beside / "out.fits.gz")
        index = Table.read(sample / "hdu-index.fits.gz")
        for obs_id, name in (
            (100001, "in.fits.gz"),
            (100002, "../beside/out.fits.gz"),
            (100003, "../beside/none.fits.gz"),
        ):
            chosen = index["OBS_ID"] == obs_id
            index["FILE_DIR"] = index["FILE_DIR"].astype("U80")
            index["FILE_NAME"] = index["FILE_NAME"].astype("U80")
            index["FILE_DIR"][chosen] = str(Path(name).parent)
            index["FILE_NAME"][chosen] = Path(name).name
        index = index[index["OBS_ID"] <= 100003]
        hdu = fits.table_to_hdu(index)
        hdu.header.update(HDUCLASS="GADF", HDUCLAS1="INDEX", HDUCLAS2="HDU", EXTNAME="HDU_INDEX")
        hdu.writeto(collection / "hdu-index.fits.gz")
        make_readable(root)
        return collection, beside

    def test_leaving_needs_leave(self, workshop: Archive, sample: Path, folder: Path) -> None:
        collection, beside = self.make(sample, folder)
        try:
            workshop.import_folder(collection, "index").check()
            assert set(observations(workshop, "index").values()) == {"100001"}
            problems = workshop.problems("index")
            for name in ("../beside/out.fits.gz", "../beside/none.fits.gz"):
                ((severity, sentence),) = problems[name]
                assert severity == "warning"
                assert "outside" in sentence
            write_toml(workshop, f'title = "With neighbours"\noutside = ["{beside}"]\n', "index")
            workshop.import_folder(collection, "index").check()
            assert set(observations(workshop, "index").values()) == {"100001", "100002"}
            problems = workshop.problems("index")
            assert set(problems) == {"../beside/none.fits.gz"}
            assert "there is no such file" in problems["../beside/none.fits.gz"][0][1]
            rows = workshop.query(
                "SELECT obs_publisher_did, access_url FROM ivoa.obscore WHERE obs_id='100002'"
                " AND obs_collection='index'"
            )
            links = workshop.session.get(rows[0]["access_url"], timeout=60).text
            (address,) = set(re.findall(r"<TD>(http[^<]*/getproduct/[^<]*out\.fits\.gz)</TD>", links))
            answer = workshop.session.get(address, timeout=60)
            assert answer.content == (beside / "out.fits.gz").read_bytes()
        finally:
            workshop.withdraw("index")


def test_rights_around_the_last_day(workshop: Archive, sample: Path, folder: Path) -> None:
    """An embargo is told the same way by the metadata and by the file's address; on its day the data are public."""
    today = datetime.datetime.now(datetime.UTC).date()
    expected = {-1: ("public", 200), 0: ("public", 200), 1: ("proprietary", 401)}
    rules = ['title = "Mine"']
    for days in expected:
        (folder / f"day{days}").mkdir()
        shutil.copy2(run_file(sample, 100001), folder / f"day{days}")
        rules.append(f'[[paths]]\nmatch = "day{days}/*"\nowner = "me"\nembargo = {today + datetime.timedelta(days)}')
    write_toml(workshop, "\n".join(rules), "mine")
    try:
        workshop.import_folder(make_readable(folder), "mine").check()
        for days, (rights, status) in expected.items():
            (row,) = workshop.query(
                "SELECT data_rights, obs_release_date, obs_publisher_did FROM ivoa.obscore WHERE obs_collection='mine'"
                f" AND obs_publisher_did LIKE '%/day{days}/%'"
            )
            assert row["obs_release_date"][:10] == str(today + datetime.timedelta(days))
            answer = workshop.get("/getproduct/" + row["obs_publisher_did"].partition("?")[2])
            assert (row["data_rights"], answer.status_code) == (rights, status), days
    finally:
        workshop.withdraw("mine")


def test_a_new_embargo_holds_for_a_file_that_turned_bad(workshop: Archive, sample: Path, folder: Path) -> None:
    """Its old row stays, and must not stay public."""
    shutil.copy2(run_file(sample, 100001), folder / "run.fits.gz")
    write_toml(workshop, 'title = "Mine"', "mine")
    until = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=9)
    select = "SELECT data_rights, obs_release_date, obs_publisher_did FROM ivoa.obscore WHERE obs_collection='mine'"
    try:
        workshop.import_folder(make_readable(folder), "mine").check()
        assert [row["data_rights"] for row in workshop.query(select)] == ["public"]
        (folder / "run.fits.gz").write_bytes(b"no FITS at all" * 100)
        write_toml(workshop, f'title = "Mine"\nowner = "me"\nembargo = {until}', "mine")
        assert workshop.import_folder(make_readable(folder), "mine").status == 1
        (row,) = workshop.query(select)
        assert (row["data_rights"], row["obs_release_date"][:10]) == ("proprietary", str(until))
        answer = workshop.get("/getproduct/" + row["obs_publisher_did"].partition("?")[2])
        assert answer.status_code == 401
    finally:
        workshop.withdraw("mine")


class TestManyFiles:
    """What an import costs grows with the number of files, not with its square."""

    def test_products_are_looked_up_by_index(self, workshop: Archive) -> None:
        """DaCHS's trigger on dc.products, planned while the table is small, must not read it all for each row."""
        variables = workshop.environment
        connection = psycopg2.connect(host=variables["PGHOST"], dbname="gavo", user=variables["PGUSER"])
        try:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE dc.products")
                Store(cursor).add(
                    ProductRow,
                    (
                        ProductRow(
                            accref=f"cta/data/none/{number}",
                            owner=None,
                            embargo=None,
                            mime="application/fits",
                            accessPath="none",
                            sourceTable="cta.dataset",
                        )
                        for number in range(300)
                    ),
                )
                cursor.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'dc.products'::regclass")
                assert cursor.fetchone()[0] <= 1
        finally:
            connection.rollback()
            connection.close()
