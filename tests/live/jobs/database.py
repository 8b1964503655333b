"""A PostgreSQL of its own with the table ``cta.job``, as RD cta/jobs declares it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from lxml import etree

from ops.cluster import find_bin

RD = Path(__file__).resolve().parents[3] / "inputs" / "cta" / "jobs.rd"


def table_statement() -> str:
    """Return the statement that makes the table, from the columns of the RD."""
    columns = etree.parse(RD).xpath("//table[@id='job']/column")
    return f"CREATE TABLE cta.job ({', '.join(_column(item) for item in columns)}, PRIMARY KEY (job_id))"


def _column(item: Any) -> str:
    return f"{item.get('name')} {item.get('type')}{' NOT NULL' if item.get('required') == 'True' else ''}"


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Start a cluster; give the arguments for ``psycopg2.connect``."""
    programs = find_bin()
    folder = Path(tempfile.mkdtemp(prefix="cta-jobs-", dir="/tmp"))
    user = None
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        account = pwd.getpwnam("nobody")
        user = account.pw_uid
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "pg"

    def run(*command: str) -> None:
        subprocess.run(command, user=user, cwd="/", check=True, capture_output=True)

    run(str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth", "trust", "--no-sync", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c timezone=UTC"
    control = (str(programs / "pg_ctl"), "-D", str(data), "-s")
    run(*control, "start", "-w", "-l", str(folder / "log"), "-o", options)
    try:
        arguments = {"host": str(folder), "user": "postgres", "dbname": "postgres"}
        connection = psycopg2.connect(**arguments)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA cta")
            cursor.execute(table_statement())
        connection.close()
        yield arguments
    finally:
        run(*control, "stop", "-w", "-m", "immediate")
        shutil.rmtree(folder, ignore_errors=True)
