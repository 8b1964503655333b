"""Behind a reverse proxy: clients without an account are counted by their own addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.archive import Archive
from tests.live.jobs.definitions import accept_all, with_settings


@pytest.fixture
def place(workshop: Archive) -> Iterator[Archive]:
    """An instance that trusts a proxy on this machine, where one address may create one job a minute."""
    own = 'trusted_proxies = ["127.0.0.1"]\nanonymous_per_minute = 1\n'
    accept_all(workshop)
    with with_settings(workshop, lambda before: own + before):
        yield workshop


def create(place: Archive, forwarded: str) -> int:
    """Create a job as a proxy passes it on, and return the status."""
    url = f"{place.url}/jobs/test_nothing"
    headers = {"X-Forwarded-For": forwarded}
    return place.session.post(url, headers=headers, allow_redirects=False, timeout=60).status_code


def test_each_client_has_its_own_count(place: Archive) -> None:
    assert create(place, "198.51.100.1") == 303
    assert create(place, "198.51.100.1") == 429
    assert create(place, "198.51.100.2") == 303
    assert create(place, "203.0.113.9, 198.51.100.2") == 429, "what a client makes up does not count"
