"""The demonstration: the sample archive, imported and served, and one query answered."""

from __future__ import annotations

import csv
import io
import sys
import urllib.error
import urllib.parse
import urllib.request

from ops import console, demo_account, imports, provenance, server
from ops.errors import OperatorError
from ops.instance import Instance
from ops.processes import run_logged

COLLECTION = "ctao-sample"
QUERY = (
    "SELECT TOP 5 obs_id, target_name, s_ra, s_dec, t_exptime FROM ivoa.obscore"
    " WHERE dataproduct_type='event' ORDER BY obs_id"
)


def run(instance: Instance, port: int | None) -> int:
    """Bring everything up and show it."""
    server.choose_port(instance, port)  # a port in use is told before the long steps
    instance.save()
    status = 0
    if (instance.code / "sample" / "__main__.py").exists() and (instance.code / "inputs" / "cta" / "q.rd").exists():
        sample = instance.state / "sample"
        console.step("generating the sample archive")
        run_logged(
            "generating the sample archive",
            ["/usr/bin/python3", "-m", "sample", sample],
            instance.log / "sample.log",
            instance.child_environment(),
            cwd=instance.code,
        )
        server.start(instance, port)
        status = imports.run(instance, sample, COLLECTION, provenance.harvest)
    else:
        server.start(instance, port)
    print(f"\n{QUERY}\n")
    header, *rows = query(instance, QUERY)
    print(console.table(header, rows))
    print(addresses(instance))
    name, password = demo_account.ensure(instance)
    kept = instance.state / "demo-account"
    print(f"account  {name}:{password}   may fetch the sample's proprietary runs (kept in {kept})")
    if not rows:
        print("error: the query found nothing; see the import's log above.", file=sys.stderr)
        return 1
    return status


def query(instance: Instance, adql: str) -> list[list[str]]:
    """Ask the running server's TAP service, synchronously; return header and rows."""
    parameters = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}
    address = f"{instance.url}/tap/sync"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, urllib.parse.urlencode(parameters).encode(), timeout=60) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        reason = " ".join(error.read().decode(errors="replace").split())[:300]
        raise OperatorError(f"{address} refused the query: {reason}") from error
    except OSError as error:
        raise OperatorError(f"{address} does not answer ({error}); `make status` tells what runs.") from error
    return list(csv.reader(io.StringIO(text)))


def addresses(instance: Instance) -> str:
    """Return the lines that tell where to go from here."""
    return (
        f"\nweb      {instance.url}/\n"
        f"TAP      {instance.url}/tap          (TOPCAT, Aladin, pyvo)\n"
        f"examples {instance.url}/tap/examples\n"
        f"jobs     {instance.url}/jobs         (maps, spectra, light curves by gammapy)\n"
        f"status   make status    stop   make stop    your own files   make import DATA=dir COLLECTION=name"
    )
