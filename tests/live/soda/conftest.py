"""What all tests of cut-outs share: no file may be left behind; people; a public and a proprietary run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import soda_helpers as helpers
from tests.live.archive import Archive


@pytest.fixture(scope="module", autouse=True)
def tidy(archive: Archive) -> Iterator[None]:
    """No test of this module leaves a temporary file."""
    with helpers.nothing_left(archive):
        yield
