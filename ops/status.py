"""What runs where."""

from __future__ import annotations

from ops import cluster, runner, server
from ops.instance import Instance


def report(instance: Instance) -> str:
    """Describe an instance in a few lines."""
    server_pid, database_pid = server.running(instance), cluster.postmaster(instance)
    if server_pid:
        state = "" if server.answers(instance.url) else ", does not answer"
        server_line = f"running on {instance.url} (process {server_pid}{state})"
    else:
        server_line = f"stopped; `make start` brings it up on port {instance.memory.port}"
    database_line = f"running (process {database_pid})" if database_pid else "stopped"
    data = instance.resource_dir / "data"
    collections = sorted(path.name for path in data.iterdir()) if data.is_dir() else []
    lines = [
        ("instance", str(instance.state)),
        ("server", server_line),
        ("database", f"PostgreSQL {instance.memory.postgres or '?'} {database_line}, socket in {instance.socket_dir}"),
        ("jobs", runner.describe(instance)),
        ("DaCHS root", str(instance.dachs)),
        ("code", str(instance.code)),
        ("logs", str(instance.log)),
        ("collections", ", ".join(collections) or "none yet; `make import DATA=dir COLLECTION=name` adds one"),
    ]
    return "\n".join(f"{name:12} {value}" for name, value in lines)
