"""Importing a folder of real files as a collection."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops import accounts, cluster, console, resources, server, site
from ops.errors import OperatorError
from ops.instance import Instance, open_log
from ops.processes import last_meaningful_line, run_logged

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
RD = "cta/q"
DATA_ID = "import"
# What else shows the coverage of the collections.
SERVED_FROM_MEMORY = ("//obscore", "rd/obscore_hea")
PROGRESS = "progress:"


def valid_name(name: str) -> str:
    """Return the name of a collection if it is one."""
    if not name:
        raise OperatorError("which collection? Say `make import DATA=dir COLLECTION=name`.")
    if not NAME.fullmatch(name) or len(name) > 64:
        raise OperatorError(
            f"'{name}' cannot name a collection: at most 64 letters, digits, '.', '_' and '-', "
            "the first a letter or digit. Say COLLECTION=name."
        )
    return name


def existing_folder(text: str) -> Path:
    """Return the absolute path of the folder to import."""
    if not text:
        raise OperatorError("which folder? Say `make import DATA=dir COLLECTION=name`.")
    path = accounts.absolute(text)
    if not path.exists():
        raise OperatorError(f"the folder {path} does not exist. Give the folder with the files: DATA=dir.")
    if not path.is_dir():
        raise OperatorError(f"{path} is a file. Give the folder it is in: DATA={path.parent}.")
    return path.resolve()


def readable_folder(path: Path) -> Path:
    """Return the path if this process, the server's user, can read the folder."""
    if not os.access(path, os.R_OK | os.X_OK):
        user = accounts.current().name
        raise OperatorError(
            f"user {user}, as whom the archive runs, cannot read the folder {path}. "
            f"Let it in (`setfacl -R -m u:{user}:rX {path}` and `u:{user}:x` on the folders above), "
            "or put the files where everybody can read them."
        )
    return path


def link_data(instance: Instance, data: Path, collection: str) -> None:
    """Link the operator's folder into the site under the collection's name."""
    place = instance.resource_dir / "data" / collection
    if place.is_symlink():
        before = place.readlink()
        if before == data:
            return
        console.note(f"collection {collection} was in {before}; from now on it is in {data}")
        place.unlink()
    elif place.exists():
        raise OperatorError(f"{place} is a real folder, not a link: move it away, or import under another name.")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(data)


Afterwards = Callable[[Instance, str], None]
"""What else is to be done with a collection that was imported."""


@contextmanager
def at_work(instance: Instance, busy: str) -> Iterator[None]:
    """Be the only import, on a site that is up to date and whose database runs; it ends if it did not run before.

    Parameters
    ----------
    instance
        The instance.
    busy
        What to tell the operator when another import is going on.
    """
    with instance.locked("import", busy):
        if server.running(instance) and not cluster.is_running(instance):
            console.note("the database had ended under the server; both are started anew")
            server.start(instance)
        cluster_ran = cluster.is_running(instance)
        try:
            site.ensure(instance)
            yield
        finally:
            if not cluster_ran:
                cluster.stop(instance)


def run(instance: Instance, data: Path, collection: str, afterwards: Afterwards | None = None) -> int:
    """Import the folder and return the exit status: 0 when everything was taken."""
    readable_folder(data)
    if is_inside(instance.state, data) or is_inside(data, instance.dachs):
        raise OperatorError(f"{data} contains the instance {instance.state}; give the folder of the files only.")
    with at_work(instance, f"another import into {instance.state} is going on; run this one after it."):
        if not (instance.resource_dir / "q.rd").exists():
            raise OperatorError(f"the RD {RD} is missing in {instance.code}: the checkout is incomplete.")
        link_data(instance, data, collection)
        return _import(instance, collection, afterwards)


def withdraw(instance: Instance, collection: str) -> int:
    """Take a collection out of the archive: its link, its rows, its registry record. Its files stay where they are."""
    place = instance.resource_dir / "data" / collection
    with at_work(instance, f"an import into {instance.state} is going on; run this after it."):
        if place.exists() and not place.is_symlink():
            raise OperatorError(f"{place} is a real folder, not a link: move it away, then withdraw the collection.")
        place.unlink(missing_ok=True)
        return _import(instance, collection, None, "withdrawing")


def _import(instance: Instance, collection: str, afterwards: Afterwards | None, what: str = "importing") -> int:
    console.step(f"{what} collection {collection}")
    log = instance.log / f"import-{collection}.log"
    summary_path = instance.log / f"import-{collection}.json"
    summary_path.unlink(missing_ok=True)
    log_begin = cluster.log_size(instance)
    status, output = _run_dachs(instance, collection, log, summary_path)
    summary = read_summary(summary_path)
    if summary is None or status:
        reason = last_meaningful_line(output) or "it gave no reason."
        if cluster.ran_out_of_disk(instance, log_begin):
            reason = f"the disk of {instance.pg} is full; make room and run the same command again."
        raise OperatorError(
            f"{what} {collection} failed: {reason} What was published before is still there. "
            f"The whole output is in {log}."
        )
    print(describe(summary, log))
    _follow_up(instance, collection, summary, afterwards)
    return int(summary.get("exit_status", status))


def _follow_up(instance: Instance, collection: str, summary: Mapping[str, Any], afterwards: Afterwards | None) -> None:
    """Bring everything else up to date with the imported data; pictures are drawn meanwhile."""
    with ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(_draw_previews, instance, collection) if summary.get("new_or_changed") else None
        _renew_registry(instance, changed=bool(summary.get("new_or_changed") or summary.get("removed")))
        if afterwards is not None:
            afterwards(instance, collection)
        if drawing is not None:
            drawing.result()


def _draw_previews(instance: Instance, collection: str) -> None:
    """Draw what pictures are missing; one that cannot be drawn is no reason to fail."""
    console.step("drawing previews")
    log = instance.log / f"previews-{collection}.log"
    command = ["/usr/bin/python3", "-m", "datalink.preview.core", collection]
    run_logged("drawing previews", command, log, instance.child_environment(), cwd=instance.code)


def _renew_registry(instance: Instance, *, changed: bool) -> None:
    """Compute the coverage of changed content anew and publish it; a changed collection file is published, too."""
    try:
        if changed:
            resources.dachs(instance, "computing the coverage", "limits", "-t", "//obscore")
        published = resources.publish(instance, always=[RD] if changed else [])
        if published and server.running(instance):
            # The server has the records in its memory: make it read them anew, or harvesters get the old ones.
            resources.dachs(instance, "telling the server", "serve", "exp", RD, *SERVED_FROM_MEMORY, told=True)
    except OperatorError as error:
        raise OperatorError(f"the data are published, but their registry record is old: {error}") from error


def _run_dachs(instance: Instance, collection: str, log: Path, summary: Path) -> tuple[int, str]:
    """Run the import; its progress lines go to the terminal, everything to the log."""
    environment = instance.child_environment()
    environment["CTA_COLLECTION"] = collection
    environment["CTA_IMPORT_SUMMARY"] = str(summary)
    descriptor = open_log(log)
    os.ftruncate(descriptor, 0)
    kept: list[str] = []
    with os.fdopen(descriptor, "wb", buffering=0) as stream:
        child = subprocess.Popen(
            [resources.DACHS, "imp", RD, DATA_ID],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
        )
        assert child.stdout is not None
        try:
            for raw in child.stdout:
                stream.write(raw)
                line = raw.decode(errors="replace").rstrip("\n")
                if line.startswith(PROGRESS):
                    console.note(line.removeprefix(PROGRESS).strip())
                else:
                    kept.append(line)
            status = child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
    return status, "\n".join(kept[-500:])


def read_summary(path: Path) -> dict[str, Any] | None:
    """Return what the import wrote about itself, or None when it did not come that far."""
    try:
        summary = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def describe(summary: Mapping[str, Any], log: Path) -> str:
    """Return the summary of an import in readable lines."""
    problems = summary.get("problems") or {}
    counts = [
        ("files found", summary.get("files_found")),
        ("published", summary.get("published")),
        ("unchanged", summary.get("unchanged")),
        ("removed", summary.get("removed")),
        ("parts", summary.get("parts")),
        ("documents", summary.get("documents")),
        ("index files", summary.get("index_files")),
        ("events", summary.get("events_loaded") or None),
        ("metadata", summary.get("metadata_files")),
        *((f"{severity}s", problems.get(severity)) for severity in ("error", "warning")),
        ("remarks", problems.get("info")),
    ]
    lines = [f"collection {summary.get('collection', '?')}"]
    lines += [f"  {name:12} {count:>8}" for name, count in counts if count is not None]
    if isinstance(summary.get("seconds"), int | float):
        lines.append(f"  {'seconds':12} {summary['seconds']:>8.1f}")
    sentences = [str(sentence) for sentence in summary.get("sentences") or []]
    if sentences:
        lines += ["  what was noticed:", *(f"  - {sentence}" for sentence in sentences[:20])]
    total = sum(count for count in problems.values() if isinstance(count, int))
    if total > len(sentences[:20]):
        lines.append("  all of them: SELECT * FROM cta.import_problem")
    if summary.get("collection_file_written"):
        lines.append(
            "  what the headers say of the collection was written to\n"
            f"  {summary.get('collection_file')}: complete it and import again."
        )
    lines.append(f"  log: {log}")
    return "\n".join(lines)


def is_inside(inner: Path, outer: Path) -> bool:
    """Say whether one folder is the other or lies in it."""
    return inner.resolve().is_relative_to(outer.resolve())
