"""Translates ADQL queries into the SQL that the TAP service sends to the database; a JSON file in, JSON out.

Run under the system's Python in the environment of the instance.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gavo import api, base  # noqa: F401 # api first: it sets DaCHS up
from gavo.protocols import adqlglue


def main() -> None:
    """Translate a list of queries."""
    maxrec = base.getConfig("async", "defaultMAXREC")
    translated = []
    for query in json.loads(Path(sys.argv[1]).read_text()):
        sql, _ = adqlglue.morphADQL(query, maxrec=maxrec)
        translated.append(sql.replace("%%", "%"))
    json.dump(translated, sys.stdout)


if __name__ == "__main__":
    main()
