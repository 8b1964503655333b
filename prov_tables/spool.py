"""Where the service of cut-outs leaves its records (adaptor: imports DaCHS)."""

from __future__ import annotations

from pathlib import Path

from gavo import base


def spool_folder() -> Path:
    """Return the folder of records that wait to be imported."""
    return Path(base.getConfig("stateDir")) / "provenance"
