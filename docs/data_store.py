"""From an ADQL query to an open gammapy DataStore: an example of what a client of this archive can do.

    python docs/data_store.py http://127.0.0.1:8080 crab "SELECT obs_publisher_did FROM ivoa.obscore
      WHERE 1=CONTAINS(POINT(83.633, 22.014), s_region) AND dataproduct_type='event' AND data_rights='public'"

The archive packs the selected event lists with their responses and index tables; nothing but pyvo (which brings
requests) and gammapy is needed. For proprietary data pass a session that has logged in.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path
from typing import Any

import pyvo
from gammapy.data import DataStore


def data_stores(server: str, adql: str, folder: Path, session: Any = None) -> dict[str, DataStore]:
    """Return a DataStore for each collection that a query selects from.

    Parameters
    ----------
    server
        Address of the archive.
    adql
        A query that selects obs_publisher_did.
    folder
        Where to put the files.
    session
        A requests session, for instance with ``session.auth = (name, password)``.
    """
    tap = pyvo.dal.TAPService(f"{server}/tap", session=session)
    answer = tap._session.get(f"{server}/cta/dl/package/dlget", params={"QUERY": adql}, stream=True)
    if not answer.ok:
        raise RuntimeError(answer.text)
    answer.raw.decode_content = True  # the server compresses what a client lets it
    with tarfile.open(fileobj=answer.raw, mode="r|") as package:
        package.extraction_filter = getattr(tarfile, "data_filter", None)  # refuses hostile names where Python can
        package.extractall(folder)
    return {index.parent.name: DataStore.from_dir(index.parent) for index in folder.glob("*/obs-index.fits.gz")}


if __name__ == "__main__":
    for name, store in data_stores(sys.argv[1], sys.argv[3], Path(sys.argv[2])).items():
        observations = store.get_observations(required_irf="all-optional")
        print(f"{name}: {len(observations)} observations, {sum(len(run.events.table) for run in observations)} events")
