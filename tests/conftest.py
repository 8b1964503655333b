"""How the tests are shared out when two processes run them (`make test`): one keeps the archive, one does the rest.

Tests of a file stay together; so do those that use the same instance.
"""

from __future__ import annotations

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    """Say which tests belong together."""
    if item.config.pluginmanager.hasplugin("xdist"):
        fixtures = getattr(item, "fixturenames", ())
        shared = next((name for name in ("archive", "workshop") if name in fixtures), None)
        item.add_marker(pytest.mark.xdist_group(shared or item.path.stem))
