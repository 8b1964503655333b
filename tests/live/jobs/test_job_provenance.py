"""Provenance of jobs in a real archive: stored, asked by ADQL and ProvSAP, followed back, published, without names."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from analysis.errors import JobsError, RefusedError
from analysis.provenance import (
    NOTATIONS,
    ConnectionRows,
    job_record,
    provenance_document,
    recorded_job,
    store_records,
)
from analysis.provenance.store import REFUSED
from analysis.publish import Published, publish
from analysis.settings import Settings
from analysis.uws.job import Job, Phase
from prov_tables.cutouts import SPOOL
from prov_tables.recorder import append_record
from prov_tables.store import LOCK
from tests.live.archive import SAMPLE, Archive, make_readable, open_folder
from tests.unit.ended_jobs import PARAMETERS, PSEUDONYM, SOFTWARE, ended, maps, rerun
from tests.unit.product_files import image, write_fits

SERVER = "https://archive.example.org"
PUBLISHED = "results-of-jobs"


@pytest.fixture(scope="module")
def connections(archive: Archive) -> Iterator[Callable[[], Any]]:
    """Make connections to the instance's database, as the runner has one."""
    environment = archive.environment
    with contextlib.ExitStack() as stack:

        def connect() -> Any:
            made = psycopg2.connect(
                host=environment["PGHOST"],
                port=environment["PGPORT"],
                dbname=environment["PGDATABASE"],
                user=environment["PGUSER"],
            )
            stack.callback(made.close)
            return made

        yield connect


@pytest.fixture
def connection(connections: Callable[[], Any]) -> Iterator[Any]:
    """A connection with no transaction left open."""
    made = connections()
    yield made
    made.close()


@pytest.fixture(scope="module")
def public(archive: Archive) -> tuple[str, ...]:
    """Publisher DIDs of two public runs of the sample."""
    rows = archive.sql(
        "SELECT obs_publisher_did FROM cta.dataset WHERE dataproduct_type='event' AND owner IS NULL"
        f" AND starts_with(accref, 'cta/data/{SAMPLE}/') ORDER BY accref LIMIT 2"
    )
    return tuple(row[0] for row in rows)


def stored(connection: Any, folder: Path, datasets: tuple[str, ...], **values: Any) -> tuple[Job, dict[str, Any]]:
    """Store the provenance of a job that has ended; return both."""
    job, description, status, place = ended(folder, datasets=datasets, **values)
    record = job_record(job, description, status, place, pseudonym=PSEUDONYM)
    assert store_records(connection, [record], folder / "spool")
    return job, record


def product(record: dict[str, Any]) -> str:
    return f"product:{record['output'][0]['product_id']}"


class TestStored:
    def test_tables_have_it_all(
        self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        job, record = stored(connection, tmp_path, public)
        key = f"job:{job.activity}"
        (activity,) = archive.query(f"SELECT * FROM provenance.activity WHERE id='{key}'")
        assert (activity["name"], activity["status"]) == ("test_maps", "completed")
        assert activity["description_id"] == "jobs/test_maps/1.0"
        used = archive.query(f"SELECT entity_id FROM provenance.used WHERE activity_id='{key}'")
        assert {row["entity_id"] for row in used} == set(public)
        (made,) = archive.query(f"SELECT entity_id FROM provenance.was_generated_by WHERE activity_id='{key}'")
        assert made["entity_id"] == product(record)
        before = archive.query(f"SELECT ancestor_id FROM provenance.progenitors WHERE entity_id='{made['entity_id']}'")
        assert set(public) <= {row["ancestor_id"] for row in before}
        units = archive.query(
            "SELECT d.unit, d.value_type, p.param_value FROM provenance.was_configured_by AS c"
            " JOIN provenance.parameter AS p ON p.id = c.parameter_id"
            " JOIN provenance.parameter_description AS d ON d.id = p.description_id"
            f" WHERE c.activity_id='{key}' AND p.name='ra'"
        )
        assert units == [{"unit": "deg", "value_type": "double", "param_value": "83.63"}]

    def test_nobody_is_named(self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        job, _ = stored(connection, tmp_path, public)
        agents = archive.query(
            "SELECT a.name FROM provenance.was_associated_with AS w JOIN provenance.agent AS a ON a.id = w.agent_id"
            f" WHERE w.activity_id='job:{job.activity}' AND a.type='Person'"
        )
        assert agents == [{"name": PSEUDONYM}]
        tables = [row[0] for row in archive.sql("SELECT tablename FROM pg_tables WHERE schemaname='provenance'")]
        for table in tables:
            for word in (job.job_id, str(job.owner), str(tmp_path)):
                found = archive.sql(
                    f"SELECT t::text FROM provenance.{table} AS t WHERE t::text LIKE '%{word}%' LIMIT 1"
                )
                assert found == [], (table, word)

    def test_stored_again_it_is_not_doubled(
        self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        _, record = stored(connection, tmp_path, public)
        counts = [archive.count(f"provenance.{table}") for table in ("entity", "activity", "used", "parameter")]
        assert store_records(connection, [record, record], tmp_path / "spool")
        assert counts == [archive.count(f"provenance.{table}") for table in ("entity", "activity", "used", "parameter")]

    def test_a_connection_that_commits_by_itself_does_as_well(
        self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        connection.autocommit = True
        job, _ = stored(connection, tmp_path, public)
        assert archive.count("provenance.activity", f"id='job:{job.activity}'") == 1
        assert not connection.info.transaction_status


class TestWaiting:
    """Nothing is lost when it cannot be stored at once."""

    def test_while_somebody_else_imports(
        self, archive: Archive, connections: Callable[[], Any], tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        connection, other = connections(), connections()
        with other.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        job, description, status, folder = ended(tmp_path, datasets=public)
        record = job_record(job, description, status, folder, pseudonym=None)
        spool = tmp_path / "spool"
        assert not store_records(connection, [record], spool)
        assert json.loads((spool / SPOOL).read_text())["activity_uuid"] == job.activity
        assert not store_records(connection, [], spool)
        other.rollback()
        assert store_records(connection, [], spool)
        assert archive.count("provenance.activity", f"id='job:{job.activity}'") == 1
        assert list(spool.iterdir()) == []

    def test_when_the_connection_is_gone(
        self, archive: Archive, connections: Callable[[], Any], tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        connection = connections()
        job, description, status, folder = ended(tmp_path, datasets=public)
        record = job_record(job, description, status, folder, pseudonym=None)
        archive.sql(f"SELECT pg_terminate_backend({connection.info.backend_pid})")
        assert not store_records(connection, [record], tmp_path / "spool")
        assert store_records(connections(), [], tmp_path / "spool")
        assert archive.count("provenance.activity", f"id='job:{job.activity}'") == 1

    def test_a_record_that_cannot_be_taken_holds_up_no_other(
        self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        spool = tmp_path / "spool"
        good, bad = (job_record(*ended(tmp_path, datasets=public), pseudonym=None) for _ in range(2))
        bad["input"][0]["did"] = "ivo://" + "x" * 1000
        spool.mkdir()
        append_record(spool / SPOOL, {"form": "nonsense"})
        assert store_records(connection, [bad, good], spool)
        assert archive.count("provenance.activity", f"id='job:{good['activity_uuid']}'") == 1
        refused = [json.loads(line) for line in (spool / REFUSED).read_text().splitlines()]
        assert [item.get("activity_uuid") for item in refused] == [bad["activity_uuid"], None]

    def test_many_go_in_one_after_the_other(
        self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        """Staging tables that stay are made anew when they have grown."""
        for _ in range(3):
            stored(connection, tmp_path, public)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO pg_temp.stage_entity (id, entity_class) SELECT repeat(md5(n::text), 4), 'Entity'"
                    " FROM generate_series(1, 12000) AS n"
                )
            connection.commit()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM provenance.entity WHERE id = repeat(md5('1'), 4)")
            assert cursor.fetchone() == (0,)
        connection.rollback()


class TestAsked:
    def test_provsap(self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        job, record = stored(connection, tmp_path, public)
        answer = archive.get("/provsap", params={"ID": product(record), "DESCRIPTIONS": "2"})
        assert answer.ok, answer.text
        document = answer.json()
        ids = {node["voprov:id"] for block in document.values() for node in block.values() if "voprov:id" in node}
        assert {f"job:{job.activity}", product(record), *public, "jobs/test_maps/1.0"} <= ids

    @pytest.mark.parametrize("name", sorted(NOTATIONS))
    def test_documents(self, name: str, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        job, record = stored(connection, tmp_path, public)
        content, media_type = provenance_document(ConnectionRows(connection), job.activity, name, SERVER)
        text = content.decode()
        assert media_type
        words = ["test_maps", "counts.fits", PSEUDONYM, "83.63"]
        for word in words if name != "provenance-svg" else words[:3]:
            assert word in text, word
        assert job.job_id not in text and str(job.owner) not in text
        assert record["output"][0]["product_id"] in text

    def test_a_job_that_is_not_recorded_yet(self, connection: Any) -> None:
        with pytest.raises(RefusedError) as caught:
            provenance_document(ConnectionRows(connection), "no-such-activity", "provenance-json", SERVER)
        assert caught.value.status == 404

    def test_recipe(self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        _, record = stored(connection, tmp_path, public)
        answer = archive.get("/cta/prov/recipe/dlget", params={"ID": product(record)})
        assert answer.ok, answer.text
        assert "--form-string ra=83.63" in answer.text
        assert f"{archive.url}/jobs/test_maps" in answer.text


class TestRecorded:
    """What rerun gets is what ran."""

    def test_by_product_and_by_activity(self, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        job, record = stored(connection, tmp_path, public)
        database = ConnectionRows(connection)
        found = recorded_job(database, product(record))
        assert (found.job_type, found.version) == ("test_maps", "1.0")
        assert found.parameters == PARAMETERS
        assert found.inputs == {"obs_ids": tuple(sorted(public))} and set(found.datasets) == set(public)
        assert found.results == {"counts.fits": record["output"][0]["sha256"]}
        assert found.software == SOFTWARE
        assert recorded_job(database, f"job:{job.activity}") == found

    def test_one_that_used_an_upload_cannot_be_repeated(
        self, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        _, record = stored(connection, tmp_path, public, upload=b"1,2")
        with pytest.raises(JobsError, match="uploaded"):
            recorded_job(ConnectionRows(connection), product(record))

    def test_a_rerun_of_a_rerun(self, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        job, _ = stored(connection, tmp_path, public, description=rerun(), parameters={}, results={})
        assert recorded_job(ConnectionRows(connection), f"job:{job.activity}").job_type == "rerun"

    def test_what_no_job_has_made(self, connection: Any, public: tuple[str, ...]) -> None:
        database = ConnectionRows(connection)
        for identifier in (public[0], "no such product", "", "a\0b"):
            with pytest.raises(JobsError) as caught:
                recorded_job(database, identifier)
            assert str(caught.value).endswith(".")


@pytest.fixture(scope="module")
def results(
    archive: Archive,
    connections: Callable[[], Any],
    tmp_path_factory: pytest.TempPathFactory,
    public: tuple[str, ...],
) -> Iterator[tuple[Job, dict[str, Any], Published]]:
    """A job's map, published in a collection that did not exist."""
    own, connection = tmp_path_factory.mktemp("published"), connections()
    map_file = write_fits(own / "map.fits", image(TELESCOP="CTA"))
    job, record = stored(connection, own / "jobs", public, results={"counts.fits": map_file.read_bytes()})
    settings = Settings(folder=own, python="/nonexistent")
    with open_folder() as folder:
        inputs = archive.resource_dir.parent
        done = publish(ConnectionRows(connection), settings, job, maps(), PUBLISHED, inputs, folder / "data")
        connection.close()
        make_readable(folder)
        archive.import_folder(done.folder, PUBLISHED).check()
        yield job, record, done
        archive.ops("withdraw", "--collection", PUBLISHED).check()
    (archive.resource_dir / "collections" / f"{PUBLISHED}.toml").unlink()


class TestPublished:
    def test_its_job_is_its_generator(
        self, archive: Archive, connection: Any, results: tuple[Job, dict[str, Any], Published]
    ) -> None:
        job, record, done = results
        (name,) = done.files
        assert name == f"test_maps-{job.activity[:8]}-counts.fits"
        (row,) = archive.query(
            "SELECT obs_publisher_did, dataproduct_subtype FROM ivoa.obscore"
            f" WHERE obs_publisher_did LIKE '%{PUBLISHED}/{name}'"
        )
        assert row["dataproduct_subtype"] == "counts-map"
        did = row["obs_publisher_did"]
        (made,) = archive.query(f"SELECT activity_id FROM provenance.was_generated_by WHERE entity_id='{did}'")
        assert made["activity_id"] == f"job:{job.activity}"
        database = ConnectionRows(connection)
        assert recorded_job(database, did).results == {"counts.fits": record["output"][0]["sha256"]}
        assert recorded_job(database, product(record)) == recorded_job(database, did)
        (step,) = archive.query(f"SELECT activity_name FROM provenance.last_step WHERE obs_publisher_did='{did}'")
        assert step["activity_name"] == "test_maps"
        assert archive.get(f"/cta/prov/recipe/dlget?ID={quote(did, safe='')}").ok
        ancestors = archive.query(f"SELECT ancestor_id FROM provenance.progenitors WHERE entity_id='{did}'")
        assert set(job.datasets) <= {row["ancestor_id"] for row in ancestors}

    def test_terms_of_the_inputs_come_along(
        self, archive: Archive, results: tuple[Job, dict[str, Any], Published]
    ) -> None:
        statement = "SELECT coalesce(terms, ''), coalesce(acknowledgement, '') FROM cta.collection WHERE name="
        (own,), (inputs,) = (archive.sql(f"{statement}'{name}'") for name in (PUBLISHED, SAMPLE))
        assert any(inputs)
        for published, text in zip(own, inputs, strict=True):
            assert text in published

    def test_nothing_in_the_folder_tells_whose_job_it_was(self, results: tuple[Job, dict[str, Any], Published]) -> None:
        job, _, done = results
        for path in done.folder.iterdir():
            content = path.read_bytes() + path.name.encode()
            assert job.job_id.encode() not in content and str(job.owner).encode() not in content

    def test_what_cannot_be(self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]) -> None:
        database, settings = ConnectionRows(connection), Settings(folder=tmp_path, python="/nonexistent")
        inputs = archive.resource_dir.parent
        (closed,) = archive.sql(
            "SELECT obs_publisher_did FROM cta.dataset WHERE owner IS NOT NULL AND embargo > now() LIMIT 1"
        )
        cases: list[tuple[dict[str, Any], str, str]] = [
            ({"phase": Phase.ERROR}, "any", "COMPLETED"),
            ({"results": {"plot-1.png": b"1"}}, "any", "none of the results"),
            ({"datasets": (*public, closed[0])}, "any", "proprietary"),
            ({"datasets": ("ivo://gone",)}, "any", "not in the archive any more"),
            ({}, "../any", "cannot name a collection"),
        ]
        for values, collection, words in cases:
            job, description, _, _ = ended(tmp_path / "jobs", **{"datasets": public, **values})
            with pytest.raises(JobsError, match=words):
                publish(database, settings, job, description, collection, inputs, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_planted_link_is_not_published(
        self, archive: Archive, connection: Any, tmp_path: Path, public: tuple[str, ...]
    ) -> None:
        job, description, _, folder = ended(tmp_path / "jobs", datasets=public, results={})
        (folder / "results" / "counts.fits").symlink_to("/etc/passwd")
        settings = Settings(folder=tmp_path, python="/nonexistent")
        with pytest.raises(JobsError):
            publish(
                ConnectionRows(connection),
                settings,
                job,
                description,
                "any",
                archive.resource_dir.parent,
                tmp_path / "o",
            )

    def test_proprietary_results_need_a_collection_as_closed(
        self, archive: Archive, connection: Any, tmp_path: Path
    ) -> None:
        ((did, owner, until),) = archive.sql(
            "SELECT obs_publisher_did, owner, embargo FROM cta.dataset"
            " WHERE owner IS NOT NULL AND embargo > now() ORDER BY 1 LIMIT 1"
        )
        job, description, _, _ = ended(tmp_path / "jobs", datasets=(did,))
        toml = tmp_path / "inputs" / "cta" / "collections" / "closed.toml"
        toml.parent.mkdir(parents=True)
        toml.write_text(f'title = "Closed"\nowner = "{owner}"\nembargo = {until}\n')
        settings = Settings(folder=tmp_path, python="/nonexistent")
        done = publish(ConnectionRows(connection), settings, job, description, "closed", tmp_path / "inputs")
        assert done.folder == tmp_path / "published" / "closed" and len(done.files) == 1
        toml.write_text('title = "Open"\n')
        with pytest.raises(JobsError, match=f"embargo = {until}"):
            publish(ConnectionRows(connection), settings, job, description, "closed", tmp_path / "inputs")
