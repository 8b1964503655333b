"""The account of the sample archive's principal investigator, who may fetch its proprietary runs."""

from __future__ import annotations

import os
import secrets
import subprocess

from ops import console
from ops.errors import OperatorError
from ops.instance import Instance

NAME = "demo-pi"
FILE = "demo-account"


def ensure(instance: Instance) -> tuple[str, str]:
    """Return name and password; both are made up and kept in the state folder the first time."""
    path = instance.state / FILE
    if path.exists():
        name, _, password = path.read_text(encoding="utf-8").strip().partition(":")
        if name and password:
            return name, password
    password = secrets.token_urlsafe(12)
    console.step(f"creating the account {NAME}")
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "datalink.accounts"],
        input=f"{NAME}:{password}\n",
        text=True,
        capture_output=True,
        env=instance.child_environment(),
        cwd=instance.code,
    )
    if done.returncode:
        raise OperatorError(f"the account {NAME} could not be made: {done.stderr.strip()[-300:]}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(f"{NAME}:{password}\n")
    return NAME, password
