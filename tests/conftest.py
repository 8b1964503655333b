"""How the tests are shared out when two processes run them (`make test`): one keeps the archive, one does the rest.

Tests of a file stay together; so do those that use the same instance.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests belong together."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        shared = next((name for name in ("archive", "workshop") if name in fixtures), None)
        item.add_marker(pytest.mark.xdist_group(shared or str(item.path)))
