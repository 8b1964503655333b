"""The table of the jobs is nobody's business, and keeps nobody from the other tables of its schema."""

from __future__ import annotations

from tests.live.archive import Archive
from tests.live.jobs.conftest import Submit


def tap_error(jobs: Archive, adql: str) -> str:
    answer = jobs.session.post(f"{jobs.tap_url}/sync", data={"LANG": "ADQL", "QUERY": adql}, timeout=60)
    assert answer.status_code >= 400, answer.text
    return answer.text


def test_jobs_are_not_for_tap(jobs: Archive) -> None:
    assert "permission denied for table job" in tap_error(jobs, "SELECT job_id FROM cta.job")
    assert not jobs.query("SELECT table_name FROM tap_schema.tables WHERE table_name='cta.job'")


def test_importing_it_again_loses_nothing(jobs: Archive, submit: Submit) -> None:
    job = submit("test_nothing").run()
    for words in (["imp", "cta/jobs"], ["imp", "-m", "cta/jobs"]):
        jobs.dachs(*words).check()
        assert job.phase == "COMPLETED"
        assert jobs.query("SELECT TOP 1 obs_id FROM cta.obs_index")
