"""Makes an account from a line `name:password` on standard input (adaptor: imports DaCHS).

`dachs admin adduser` takes the password as an argument, which any user of the machine can read in the process list.
"""

from __future__ import annotations

import sys

from gavo import base
from gavo.protocols import creds


def set_account(name: str, password: str, remarks: str = "") -> None:
    """Create an account and the group of its name, or change its password if it exists."""
    with base.getWritableAdminConn() as connection:
        known = list(connection.query("SELECT 1 FROM dc.users WHERE username = %(name)s", {"name": name}))
        if known:
            creds.changeUser(connection, name, password, remarks)
        else:
            creds.addUser(connection, name, password, remarks)


if __name__ == "__main__":
    account, _, secret = sys.stdin.readline().rstrip("\n").partition(":")
    set_account(account, secret, "made by the operator commands")
