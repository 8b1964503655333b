"""Provenance records among a collection's files, told by their names; `prov_tables` reads them."""

from __future__ import annotations

import re
from pathlib import Path

LEFT_OUT = "this is a provenance record: the schema provenance has what it tells, the file itself is not published."
_NAME = re.compile(r"(?i)(?:.*[._-])?prov(?:enance)?(?:[._-].*)?\.(?:json|jsonl|log|provn|yaml|yml|xml|txt)")


def is_provenance_record(path: Path) -> bool:
    """Say whether the name of a file in a data folder is that of a provenance record, ``….provenance.log`` say.

    Such files name accounts and machines; they must not be published as they are.
    """
    return _NAME.fullmatch(path.name) is not None
