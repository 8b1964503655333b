"""Nothing is lost: every file of every folder is published, a document, or has its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import zoo
from tests.live.archive import CHECKOUT, SHARED, TRACEBACK, Archive, Outcome, files_below, headers, open_folder
from tests.live.conftest import REAL

NAME = "zoo"
DL3 = SHARED / "data" / "dl3"
COLLECTIONS = sorted(path.name for path in DL3.iterdir() if path.is_dir()) if DL3.is_dir() else []


def describes_events(collection: str) -> bool:
    """Return whether the collection file that ships with the archive asks for events in the database."""
    path = CHECKOUT / "inputs" / "cta" / "collections" / f"{collection}.toml"
    return path.exists() and tomllib.loads(path.read_text()).get("events", False)


def n_events(collection: str) -> dict[str, int]:
    """Return the number of events of each event list of a real collection, as listed with the data."""
    return {path: int(header["n_events"]) for path, header in headers(collection).items()}


def accounted_for(archive: Archive, collection: str) -> set[str]:
    """Return every path that is published, a document, or has a problem noted."""
    return {*archive.published(collection), *archive.documents(collection), *archive.problems(collection)}


def check_counts(archive: Archive, collection: str, done: Outcome) -> dict[str, Any]:
    """Check that the summary of an import adds up, with itself and with the tables; return it."""
    summary = archive.summary(collection)
    problems = archive.problems(collection)
    flat = [severity for noted in problems.values() for severity, _ in noted]
    assert summary["problems"] == {name: flat.count(name) for name in ("error", "warning", "info")}
    assert summary["published"] == len(archive.published(collection))
    kinds = list(archive.documents(collection).values())
    assert summary["documents"] + summary["index_files"] >= len(kinds)
    assert done.status == summary["exit_status"] == int("error" in flat or not summary["published"])
    assert all(sentence.strip() for noted in problems.values() for _, sentence in noted)
    assert not TRACEBACK.search(done.output), done.output
    assert not TRACEBACK.search((archive.real / "log" / f"import-{collection}.log").read_text(errors="replace"))
    return summary


class TestZoo:
    """One import of everything that can be wrong."""

    @pytest.fixture(scope="class")
    @staticmethod
    def imported(workshop: Archive, sample: Path) -> Iterator[tuple[zoo.Zoo, Outcome]]:
        """The zoo, and what its import said."""
        with open_folder() as folder:
            made = zoo.build(sample / "public" / "ctao_sim_100001.fits.gz", folder)
            try:
                yield made, workshop.import_folder(folder, NAME)
            finally:
                (folder / "closed").chmod(0o755)
                workshop.withdraw(NAME)

    def test_every_file_is_accounted_for(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        found = accounted_for(workshop, NAME)
        assert made.all - found == set()
        assert found - made.all == set()

    def test_the_good_are_published(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        assert (made.good | made.warned) - set(workshop.published(NAME)) == set()

    def test_the_doubts_are_told(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        """Without a direction there is no position, and so on; that other files have the same OBS_ID does not count."""
        made, _ = imported
        problems = workshop.problems(NAME)
        for name in made.warned:
            told = [sentence for severity, sentence in problems[name] if severity == "warning"]
            assert [sentence for sentence in told if "another event list" not in sentence], name
        rows = workshop.sql(
            f"SELECT accref FROM cta.dataset WHERE starts_with(accref, 'cta/data/{NAME}/') AND s_ra IS NULL"
            " AND dataproduct_type='event'"
        )
        assert {row[0].rpartition("/")[2] for row in rows} == {name for name in made.warned if "pointing" in name}

    def test_the_bad_are_refused_with_a_sentence(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        assert made.bad & set(workshop.published(NAME)) == set()
        problems = workshop.problems(NAME)
        for name in sorted(made.bad):
            errors = [sentence for severity, sentence in problems[name] if severity == "error"]
            assert errors, name
            assert all(len(sentence.split()) >= 4 for sentence in errors), (name, errors)
            assert not any("Error" in sentence and ":" in sentence for sentence in errors), (name, errors)

    def test_the_doubtful_are_one_or_the_other(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        published, problems = workshop.published(NAME), workshop.problems(NAME)
        for name in made.either:
            refused = [severity for severity, _ in problems.get(name, []) if severity == "error"]
            assert (name in published) != bool(refused), (name, problems.get(name))

    def test_the_rest_are_mentioned(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        problems = workshop.problems(NAME)
        for name in made.left_out:
            assert {severity for severity, _ in problems[name]} == {"info"}, name
        assert set(workshop.documents(NAME)) == made.documents

    def test_the_summary_adds_up(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, done = imported
        assert done.status == 1
        summary = check_counts(workshop, NAME, done)
        refused = {
            name
            for name, noted in workshop.problems(NAME).items()
            if "error" in [severity for severity, _ in noted]
            and (made.root / name).is_file()
            and not (made.root / name).is_symlink()
            and name != "secret.fits.gz"
        }
        assert summary["files_found"] == summary["published"] + summary["documents"] + summary["index_files"] + len(
            refused
        )

    def test_whatever_its_name_it_can_be_fetched(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        prefix = f"cta/data/{NAME}/"
        rows = workshop.sql(
            "SELECT p.accesspath, d.obs_publisher_did FROM cta.dataset AS d JOIN dc.products AS p USING (accref)"
            f" WHERE starts_with(d.accref, '{prefix}')"
        )
        links = {
            row["obs_publisher_did"]: row["access_url"]
            for row in workshop.query(
                f"SELECT obs_publisher_did, access_url FROM ivoa.obscore WHERE obs_collection='{NAME}'"
            )
        }
        for path, did in rows:
            assert did in links
            document = workshop.session.get(links[did], timeout=60)
            assert document.status_code == 200 and "Fault" not in document.text, path
            answer = workshop.get("/getproduct/" + did.partition("?")[2])
            assert answer.status_code == 200, path
            assert answer.content == (made.root / path.removeprefix(prefix)).read_bytes()

    def test_names_are_data(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        rows = workshop.sql("SELECT object FROM cta.obs_index WHERE object LIKE 'Bobby%' OR object LIKE 'a%b%'")
        assert sorted(row[0] for row in rows) == ["Bobby'); DROP TABLE cta.dataset;--", "a\\tb\\N\\."]

    def test_values_are_numbers_or_nothing(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        """What a bad file says must not become NaN or infinity in the tables."""
        columns = [
            row[0]
            for row in workshop.sql(
                "SELECT column_name FROM information_schema.columns WHERE table_schema='cta' AND table_name='dataset'"
                " AND data_type IN ('real', 'double precision')"
            )
        ]
        wrong = " OR ".join(f"{name} IN ('NaN', 'Infinity', '-Infinity')" for name in columns)
        assert workshop.sql(f"SELECT accref FROM cta.dataset WHERE {wrong}") == []
        assert (
            workshop.count("cta.dataset", "t_min > t_max OR s_dec NOT BETWEEN -90 AND 90 OR s_ra NOT BETWEEN 0 AND 360")
            == 0
        )

    def test_an_import_again_tells_the_same(self, workshop: Archive, imported: tuple[zoo.Zoo, Outcome]) -> None:
        made, _ = imported
        before, problems = workshop.published(NAME), workshop.problems(NAME)
        done = workshop.import_folder(made.root, NAME)
        assert done.status == 1
        assert workshop.published(NAME) == before
        assert {path: sorted(noted) for path, noted in workshop.problems(NAME).items()} == {
            path: sorted(noted) for path, noted in problems.items()
        }


@REAL
@pytest.mark.slow
class TestEveryRealCollection:
    """Each folder of ../shared/data/dl3 can be offered."""

    @pytest.mark.parametrize("name", COLLECTIONS)
    def test_imports_or_says_why_not(self, workshop: Archive, dl3: Path, name: str) -> None:
        done = workshop.import_folder(dl3 / name, name)
        summary = check_counts(workshop, name, done)
        files = files_below(dl3 / name)
        assert files - accounted_for(workshop, name) == set()
        assert summary["files_found"] == len(files)
        event_files = set(headers(name))
        refused = {path for path, noted in workshop.problems(name).items() if "error" in [word for word, _ in noted]}
        assert event_files - set(workshop.published(name)) - refused == set()
        assert event_files & set(workshop.published(name)) == event_files - refused

    def test_the_thirty_of_hess(self, workshop: Archive, dl3: Path) -> None:
        """30 of 30 files, and the 75 entries of the index without a file."""
        if not workshop.published("hess-dl3-dr1"):
            workshop.import_folder(dl3 / "hess-dl3-dr1", "hess-dl3-dr1").check()
        assert len(workshop.published("hess-dl3-dr1")) == 30
        missing = [
            path
            for path, noted in workshop.problems("hess-dl3-dr1").items()
            for severity, sentence in noted
            if severity == "warning" and "there is no such file" in sentence
        ]
        assert len(missing) == 75
        assert all(not (dl3 / "hess-dl3-dr1" / path).exists() for path in missing)
        (row,) = workshop.query("SELECT COUNT(*) AS n FROM cta.import_problem WHERE collection='hess-dl3-dr1'")
        assert row["n"] == "75"

    def test_every_event_file_of_the_known_collections_is_published(self, workshop: Archive) -> None:
        """No collection of real data is refused as a whole, and no event list is."""
        unpublished = {
            name: sorted(set(headers(name)) - set(workshop.published(name)))
            for name in COLLECTIONS
            if set(headers(name)) - set(workshop.published(name))
        }
        assert unpublished == {}

    @pytest.mark.parametrize("name", [name for name in COLLECTIONS if describes_events(name)])
    def test_each_event_is_a_row(self, workshop: Archive, name: str) -> None:
        expected = sum(n_events(name).values())
        where = f"obs_publisher_did LIKE '%?cta/data/{name}/%'"
        (row,) = workshop.query(f"SELECT COUNT(*) AS n FROM cta.event WHERE {where}")
        assert int(row["n"]) == expected > 0

    def test_all_collections_with_events_have_them_in_the_database(self) -> None:
        assert {name for name in COLLECTIONS if headers(name)} == {
            name for name in COLLECTIONS if describes_events(name)
        }

    def test_the_same_observations_twice(self, workshop: Archive) -> None:
        """hess-joint-crab has two runs of hess-dl3-dr1 under the same OBS_ID."""
        rows = workshop.query("SELECT obs_collection, obs_publisher_did FROM ivoa.obscore WHERE obs_id='23559'")
        assert sorted(row["obs_collection"] for row in rows) == ["hess-dl3-dr1", "hess-joint-crab"]

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def tidy(workshop: Archive) -> Iterator[None]:
        """Take the collections out again."""
        yield
        linked = {path.name for path in (workshop.resource_dir / "data").iterdir()}
        workshop.withdraw(*linked.intersection(COLLECTIONS))
