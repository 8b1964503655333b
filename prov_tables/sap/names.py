"""Identifiers as qualified names that every notation of PROV takes, and back.

The namespace is this archive's ProvSAP itself, so that the URI of each name leads to its provenance. XML allows the
fewest characters in a name: all others are written ``_xHH_`` with their code in hexadecimal.
"""

from __future__ import annotations

import re

PREFIX = "cta"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]|_(?=x[0-9A-F]+_)|^[0-9.-]|\.$")
_ESCAPED = re.compile(r"_x([0-9A-F]{1,6})_")


def local_name(identifier: str) -> str:
    """Return an identifier as the local part of a qualified name."""
    return _UNSAFE.sub(lambda match: f"_x{ord(match.group()):X}_", identifier)


def identifier_of(name: str) -> str:
    """Return the identifier of a local part; what is none comes back as it is."""

    def character(match: re.Match[str]) -> str:
        code = int(match.group(1), 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()

    return _ESCAPED.sub(character, name)


def qualified(identifier: str) -> str:
    """Return an identifier as a qualified name."""
    return f"{PREFIX}:{local_name(identifier)}"
