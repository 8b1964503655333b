"""Style, types and markup of the whole checkout are part of the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import lint, testbed

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not (testbed.bin_of(CHECKOUT) / "ruff").exists(), reason="only below `make test`")
@pytest.mark.parametrize("name", lint.CHECKS)
def test_nothing_complains(name: str) -> None:
    """The linters have nothing to say."""
    complaint = lint.CHECKS[name](CHECKOUT)
    assert not complaint, complaint
