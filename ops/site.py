"""The DaCHS root of an instance: configuration rendered, inputs linked, database initialised."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ops import accounts, analysis_env, cluster, console, pythonpath, resources
from ops.errors import OperatorError
from ops.instance import DATABASE, JOBS_SETTINGS, SOCKET_PORT, SUPERUSER, Instance
from ops.links import link, mirror
from ops.processes import run_logged

VOCABULARY_PREFIX = "http:=2F=2Fwww.ivoa.net=2Frdf=2F"  # how DaCHS names them in its cache
LINKED_CONFIG = ("userconfig.rd", "local.py", "vanitynames.txt")
SITE_RC = """\
# Your own settings of this site; they win over gavorc, which is written anew by each command.
# Change the port with `make start PORT=...`, not here. Examples:
#
# [web]
# serverURL: https://archive.example.org
# bindAddress: 0.0.0.0
#
# [ivoa]
# authority: archive.example.org
"""


def ensure(instance: Instance, *, again: bool = False) -> None:
    """Bring the instance to the state its code and configuration ask for; the cluster runs afterwards.

    With `again`, packages are fetched even if that has failed a short time ago.
    """
    with instance.locked("instance"):
        pythonpath.ensure(instance, again=again)
        cluster.ensure(instance)
        render(instance)
        link_inputs(instance)
        write_wrappers(instance)
        if not instance.memory.dachs_ready:
            _initialise(instance)
        resources.set_up(instance)


def placeholders(instance: Instance, memory_mb: int) -> dict[str, str]:
    """Return what the templates in config/ may refer to."""
    return {
        "root": str(instance.dachs),
        "port": str(instance.memory.port),
        "url": instance.url,
        "group": accounts.group_name(),
        "admin_password": instance.memory.admin_password,
        "jobs": _quotable(instance.jobs),
        "analysis_python": _quotable(analysis_env.program(instance)),
        "created": instance.memory.created.removesuffix("+00:00"),
        "index_memory": str(min(max(memory_mb // 8, 64), 2000)),
        "cores": str(max(os.cpu_count() or 1, 2)),
        "year": str(datetime.now(UTC).year),
    }


def fill(template: str, values: Mapping[str, str], source: str) -> str:
    """Replace the `{name}` placeholders of a template; other braces stay."""

    def value(match: re.Match[str]) -> str:
        try:
            return values[match.group(1)]
        except KeyError:
            known = ", ".join(sorted(values))
            raise OperatorError(f"{source} asks for {match.group(0)}, which nobody knows; known are {known}.") from None

    return re.sub(r"\{([a-z_]+)\}", value, template)


def render(instance: Instance) -> None:
    """Write the configuration from the templates; what the operator has edited is left alone."""
    values = placeholders(instance, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2)
    config = instance.code / "config"
    _write_private(instance.etc / "gavorc", fill(_template(config / "gavorc.template"), values, "gavorc.template"))
    dsn = f"database = {DATABASE}\nhost = {instance.socket_dir}\nport = {SOCKET_PORT}\n"
    _write_private(instance.etc / "dsn", dsn)
    own = instance.etc / "site.rc"
    if not own.exists():
        own.write_text(SITE_RC)
    meta = fill(_template(config / "defaultmeta.template.txt"), values, "defaultmeta.template.txt")
    _render_once(instance, instance.etc / "defaultmeta.txt", meta)
    _render_jobs(instance, values)
    for name in LINKED_CONFIG:
        link(instance.etc / name, config / name)
    mirror(instance.dachs / "web" / "templates", config / "templates", copies=False)
    link(instance.dachs / "web" / "templates" / "root.html", config / "root.html")
    mirror(instance.dachs / "web" / "nv_static", config / "nv_static", copies=True)  # DaCHS refuses links there
    seed_vocabularies(instance.dachs / "cache", config / "vocabularies")


def _render_jobs(instance: Instance, values: Mapping[str, str]) -> None:
    """Write the settings of the jobs; a file the operator has edited gets nothing but the place of our environment."""
    template = instance.code / "config" / f"{JOBS_SETTINGS}.template"
    if not template.exists():
        return
    path = instance.etc / JOBS_SETTINGS
    _render_once(instance, path, fill(_template(template), values, template.name))
    found = path.read_text()
    ours = rf'^python = ".*/{analysis_env.PREFIX}[0-9a-f]{{16}}/{analysis_env.PROGRAM}"$'
    line = f'python = "{values["analysis_python"]}"'
    _write_if_changed(path, re.sub(ours, lambda _: line, found, flags=re.MULTILINE), 0o644)


def seed_vocabularies(cache: Path, shipped: Path) -> None:
    """Put the IVOA vocabularies where DaCHS keeps downloaded ones, so that it needs no network.

    DaCHS would fetch a copy of more than a year anew, so the copies get today's date. `uat` is an excerpt.
    """
    cache.mkdir(parents=True, exist_ok=True)
    for source in sorted(shipped.rglob("*.json")):
        name = str(source.relative_to(shipped).with_suffix("")).replace("/", "=2F")
        copy = cache / f"{VOCABULARY_PREFIX}{name}"
        content = source.read_bytes()
        if not copy.exists() or copy.read_bytes() != content or time.time() - copy.stat().st_mtime > 30 * 86400:
            copy.write_bytes(content)


def link_inputs(instance: Instance) -> None:
    """Make inputs/ of the site show the code's RDs, and room for the instance's own collections and data."""
    link(instance.inputs / "rd", instance.code / "rd")
    room = instance.resource_dir
    for folder in (room, room / "data", room / "collections"):
        folder.mkdir(parents=True, exist_ok=True)
    shipped = instance.code / "inputs" / "cta"
    mirror(room, shipped, copies=False, leave=("data", "collections"))
    mirror(room / "collections", shipped / "collections", copies=False)


def write_wrappers(instance: Instance) -> None:
    """Write `dachs` and `psql` commands that act on this instance, as its own user even when root calls them."""
    user = accounts.current().name
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in instance.environment().items())
    head = f"#!/bin/sh\n# Written by the operator commands: acts on the instance {instance.state}.\n{exports}"
    state = shlex.quote(str(instance.state))
    drop = f'[ "$(id -u)" != 0 ] || set -- runuser -u {shlex.quote(user)} -- "$@"\n'
    calls = {
        "dachs": f'export HOME={state}\nset -- {resources.DACHS} "$@"\n{drop}',
        "psql": f'set -- {shlex.quote(str(cluster.programs(instance) / "psql"))} "$@"\n',
    }
    for name, call in calls.items():
        _write_if_changed(instance.bin / name, f'{head}{call}exec "$@"\n', 0o755)


def dachs_root(instance: Instance) -> str:
    """Ask DaCHS which root it works in."""
    done = subprocess.run(
        [resources.DACHS, "config", "rootDir"],
        env=instance.child_environment(),
        cwd="/",
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def _initialise(instance: Instance) -> None:
    console.step("initialising DaCHS")
    dsn = f"host={instance.socket_dir} port={SOCKET_PORT} user={SUPERUSER} dbname={DATABASE}"
    log = instance.log / "setup.log"
    command = [resources.DACHS, "init", "-d", dsn]
    output = run_logged("initialising DaCHS", command, log, instance.child_environment())
    problem = re.search(r"^\*\*\* (.*)", output, re.MULTILINE)  # dachs init exits with 0 all the same
    if problem:
        raise OperatorError(f"initialising DaCHS failed: {problem.group(1)} The whole output is in {log}.")
    found = dachs_root(instance)
    if not found or Path(found).resolve() != instance.dachs.resolve():
        raise OperatorError(
            f"DaCHS works in {found or 'no known folder'} instead of {instance.dachs}: it did not take "
            f"{instance.etc / 'gavorc'}. Is /usr/bin/dachs version 2.11? Run `ops/install.sh server`."
        )
    instance.memory.dachs_ready = True
    instance.save()


def _template(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise OperatorError(f"the template {path} is missing: the checkout is incomplete (`git status`).") from None


def _render_once(instance: Instance, path: Path, content: str) -> None:
    """Write a file unless the operator has edited what was written before."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    if path.exists():
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found not in (instance.memory.rendered.get(path.name), digest):
            return
    if instance.memory.rendered.get(path.name) != digest or not path.exists():
        path.write_text(content)
        instance.memory.rendered[path.name] = digest
        instance.save()


def _quotable(path: Path) -> str:
    """Return a path as it stands between the quotes of a TOML string."""
    return json.dumps(str(path), ensure_ascii=False)[1:-1]


def _write_private(path: Path, content: str) -> None:
    _write_if_changed(path, content, 0o600)


def _write_if_changed(path: Path, content: str, mode: int) -> None:
    if path.exists() and path.read_text() == content:
        return
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(content)
    new.chmod(mode)
    new.replace(path)
