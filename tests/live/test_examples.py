"""The TAP examples: clients can read them, they run, they find something, and they use indexes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

import pytest
import pyvo
from lxml import etree

from tests.live.archive import Archive
from tests.live.conftest import REAL

XHTML = {"h": "http://www.w3.org/1999/xhtml"}
SYNTHETIC_ROWS = 20_000
# Examples that read a table of a dozen rows as a whole; a large one of sources has an index (q3c).
NEED_NO_INDEX = {"What the collections are, and on which terms", "Catalogued sources around a position"}
NEED_REAL_DATA = {"Files of responses", "A target in a span of time"}


@dataclass(frozen=True)
class Example:
    """One example of the document."""

    name: str
    identifier: str
    query: str


def text_of(element: etree._Element) -> str:
    """Return the text of an element and everything below it."""
    return "".join(element.itertext())


@pytest.fixture(scope="module")
def document(archive: Archive) -> etree._Element:
    """The examples document."""
    answer = archive.get("/tap/examples")
    assert answer.status_code == 200
    return etree.fromstring(answer.content)


@pytest.fixture(scope="module")
def examples(document: etree._Element) -> list[Example]:
    """What is marked up as example (RDFa) in the document."""
    found = []
    for element in document.xpath("//*[@typeof='example']"):
        (name,) = element.xpath(".//*[@property='name']")
        (query,) = element.xpath(".//*[@property='query']")
        assert element.get("resource") == f"#{element.get('id')}"
        found.append(Example(text_of(name).strip(), element.get("id"), unescape(text_of(query)).strip()))
    return found


def test_the_document_is_rdfa(document: etree._Element, examples: list[Example]) -> None:
    assert document.xpath("//*[@vocab='http://www.ivoa.net/rdf/examples#']")
    assert len(examples) >= 10
    assert len({example.identifier for example in examples}) == len(examples)
    assert len({example.name for example in examples}) == len(examples)


def test_they_cover_what_the_archive_is_asked(examples: list[Example]) -> None:
    """Target and time, region, energy above 50 TeV, blazars, proposal, configuration."""
    everything = "\n".join(example.query for example in examples)
    for (
        word
    ) in "INTERSECTS CONTAINS DISTANCE target_name t_min energy_max target_class proposal_id pointing_mode".split():
        assert word in everything, word
    assert re.search(r"energy_max\s*>=?\s*5e13", everything)
    assert "NATURAL JOIN ivoa.obscore_hea" in everything


def test_pyvo_reads_them(tap: pyvo.dal.TAPService, examples: list[Example]) -> None:
    queries = [" ".join(example["QUERY"].split()) for example in tap.examples]
    assert queries == [" ".join(example.query.split()) for example in examples]


def test_each_runs(archive: Archive, examples: list[Example]) -> None:
    for example in examples:
        archive.query(example.query)


def test_each_finds_something_in_the_sample(archive: Archive, examples: list[Example]) -> None:
    empty = {example.name for example in examples if not archive.query(example.query)}
    assert empty <= NEED_REAL_DATA


@REAL
def test_each_finds_something(archive: Archive, examples: list[Example]) -> None:
    assert [example.name for example in examples if not archive.query(example.query)] == []


def test_the_span_of_time_is_complete(archive: Archive, examples: list[Example]) -> None:
    """The third condition, which is there for speed, must not lose a run."""
    (example,) = [example for example in examples if example.name == "A target in a span of time"]
    without = re.sub(r"\s+AND t_min\s*>\s*53299", "", example.query)
    assert without != example.query
    assert archive.query(example.query) == archive.query(without)
    assert (
        archive.query("SELECT MAX(t_max-t_min) AS longest FROM ivoa.obscore WHERE target_name LIKE 'Crab%'")[0][
            "longest"
        ]
        < "1"
    )


def translated(archive: Archive, adql: str) -> str:
    """Return the SQL that DaCHS makes of ADQL, from the answer's own words."""
    document = etree.fromstring(archive.query_votable(adql).encode())
    (info,) = document.findall(".//{*}INFO[@name='sql_query']")
    return str(info.get("value"))


# Copies of the archive's own rows, moved to random places, times and names, as a larger archive would have them.
GROW = f"""
INSERT INTO cta.dataset ({{columns}})
SELECT {{values}} FROM generate_series(1, {SYNTHETIC_ROWS}) AS i
JOIN LATERAL (SELECT 360 * random() AS ra, degrees(asin(2 * random() - 1)) AS dec, 51544 + 9000 * random() AS t,
    (random() * 400)::integer AS source) AS r ON i > 0
JOIN cta.dataset AS d ON d.accref = (SELECT accref FROM models WHERE number = i % (SELECT count(*) FROM models));
"""
# Their runs and observations in the data model, of 400 targets, each with a sub-array and a proposal of its own.
GROW_MODEL = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS SELECT obs_publisher_did, obs_id, s_ra, s_dec,
    t_min, t_max, 'synthetic/' || obs_id AS run_id, 'source ' || row_number() OVER () % 400 AS source
    FROM cta.dataset WHERE obs_collection='synthetic';
INSERT INTO cta.observatory (observatory_id, collection, name) VALUES ('synthetic/O', 'synthetic', 'O');
INSERT INTO cta.site_array (site_array_id, collection, observatory_id, name)
    VALUES ('synthetic/A', 'synthetic', 'synthetic/O', 'A');
INSERT INTO cta.sub_array (sub_array_id, collection, site_array_id, name, n_tels, n_lst, n_mst, n_sst)
    SELECT DISTINCT source, 'synthetic', 'synthetic/A', source, 4, 0, 4, 0 FROM made;
INSERT INTO cta.target (target_id, collection, name) SELECT DISTINCT source, 'synthetic', source FROM made;
INSERT INTO cta.observing_proposal (observing_proposal_id, collection, identifier, pi_name)
    SELECT DISTINCT source, 'synthetic', source, source FROM made;
INSERT INTO cta.observation
    (observation_id, collection, identifier, start_time, end_time, target_id, observing_proposal_id)
    SELECT run_id, 'synthetic', obs_id, t_min, t_max, source, source FROM made;
INSERT INTO cta.run (run_id, collection, identifier, start_time, end_time, observation_id, sub_array_id)
    SELECT run_id, 'synthetic', obs_id, t_min, t_max, run_id, source FROM made;
INSERT INTO cta.science_run (run_id, collection) SELECT run_id, 'synthetic' FROM made;
INSERT INTO cta.dataset_run (obs_publisher_did, collection, run_id)
    SELECT obs_publisher_did, 'synthetic', run_id FROM made;
INSERT INTO ivoa.obsplan (observation_id, collection, obs_id, target_name, s_ra, s_dec, t_planning, facility_name,
    category, priority, execution_status, tracking_type)
    SELECT run_id, 'synthetic', obs_id, source, s_ra, s_dec, t_min, 'O', 'Other', 0, 'Performed', 'Sidereal' FROM made;
ANALYZE cta.sub_array; ANALYZE cta.target; ANALYZE cta.observing_proposal; ANALYZE cta.observation; ANALYZE cta.run;
ANALYZE cta.science_run; ANALYZE cta.dataset_run; ANALYZE ivoa.obsplan;
"""
CHANGED = {
    "accref": "'cta/data/synthetic/' || i",
    "obs_publisher_did": "'ivo://cta.example/~?cta/data/synthetic/' || i",
    "obs_id": "(10000000 + i)::text",
    "obs_collection": "'synthetic'",
    "proposal_id": "'SYN-' || r.source",
    "target_name": "'Source ' || r.source",
    "target_class": "(ARRAY['SNR','Psr','G','HII','*','X'])[1 + i % 6]",
    "s_ra": "r.ra",
    "s_dec": "r.dec",
    "s_region": "spoly('{' || (SELECT string_agg(format('(%sd,%sd)', x + 2 * cos(k * 0.785), y + 2 * sin(k * 0.785)),"
    " ',' ORDER BY k) FROM generate_series(0, 7) AS k, (SELECT greatest(least(r.ra, 355), 5) AS x,"
    " greatest(least(r.dec, 85), -85) AS y) AS c) || '}')",
    "t_min": "r.t",
    "t_max": "r.t + 0.02",
    "t_exptime": "1000 + 500 * random()",
    "energy_min": "10^(10.5 + 1.5 * random())",
    "energy_max": "10^(12.5 + 1.6 * random())",
    "em_min": "1.239842e-6 / 10^(12.5 + 1.6 * random())",
    "em_max": "1.239842e-6 / 10^(10.5 + 1.5 * random())",
    "pointing_mode": "'parallel'",
    "dataproduct_subtype": "'event-bundle'",
    "s_resolution": "200 + 400 * random()",
}


@pytest.mark.slow
def test_each_uses_an_index(archive: Archive, examples: list[Example]) -> None:
    """In an archive of 20 000 datasets no example reads the whole table; the rows are gone afterwards."""
    before = archive.count("cta.dataset")
    columns = [
        name
        for (name,) in archive.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema='cta' AND table_name='dataset'"
        )
    ]
    assert set(CHANGED) <= set(columns)
    values = [CHANGED.get(name, f"d.{name}") for name in columns]
    script = [
        "BEGIN;",
        "CREATE TEMPORARY TABLE models ON COMMIT DROP AS SELECT accref,"
        " row_number() OVER (ORDER BY accref) - 1 AS number FROM cta.dataset WHERE dataproduct_type='event';",
        GROW.format(columns=", ".join(columns), values=", ".join(values)),
        "INSERT INTO cta.hdu_index SELECT obs_publisher_did, obs_collection, obs_id, t, t, t, accref, obs_publisher_did"
        " FROM cta.dataset, unnest(ARRAY['events','gti','aeff','edisp','psf','bkg']) AS t"
        " WHERE obs_collection='synthetic';",
        GROW_MODEL,
        "ANALYZE cta.dataset; ANALYZE cta.hdu_index;",
        "SELECT 'rows', count(*) FROM cta.dataset;",
    ]
    for number, example in enumerate(examples):
        script += [f"SELECT 'example', {number};", f"EXPLAIN {translated(archive, example.query)};"]
    script.append("ROLLBACK;")
    queries = {example.name: example.query for example in examples}
    output = archive.sql("\n".join(script), timeout=300)
    plans: dict[str, list[str]] = {}
    for row in output:
        if row[0] == "rows":
            assert int(row[1]) >= before + SYNTHETIC_ROWS
        elif row[0] == "example":
            plan = plans.setdefault(examples[int(row[1])].name, [])
        else:
            plan.append(row[0])
    assert set(plans) == {example.name for example in examples}
    scanning = {
        name: "\n".join(plan)
        for name, plan in plans.items()
        if re.search(
            r"Seq Scan on (dataset|hdu_index|dataset_run|run|science_run|observation|obsplan)\b", "\n".join(plan)
        )
        or not re.search(r"Index|Bitmap", "\n".join(plan))
    }
    # their tables have a few hundred rows here; the benchmarks ask the same of a million
    scanning = {
        name: plan
        for name, plan in scanning.items()
        if "Seq Scan on dataset " in plan or "provenance." not in queries[name]
    }
    assert set(scanning) <= NEED_NO_INDEX, "\n\n".join(f"{name}\n{plan}" for name, plan in scanning.items())
    assert archive.count("cta.dataset") == before
