"""The privacy filter: what names a person's account, a machine or a place on a disk is taken out before storing.

Taken out: folders of every path (the file name stays), home folders, ``user@host``, names of accounts and machines
wherever the record repeats them, addresses of file servers. Environment variables, executables and host descriptions
are not even read by the readers. Kept: file names, public web addresses, roles, configuration, versions of software,
and persons and organisations that a record names as agents of its own accord.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from prov_tables.harvest import Harvest
from prov_tables.model import COLUMNS, Graph

REMOVED = "…"
_WEB = ("http", "https", "ftp")
_IDENTIFIERS = ("ivo", "doi", "urn", "bibcode", "hdl", "orcid")
_DELIMITERS = r"\s\"'<>|()\[\]{},;"
_HOME = re.compile(r"(?:/home|/Users|/afs(?:/[^/\s]+)*/user|[A-Za-z]:[\\/]Users)[\\/]([^\\/\s\"':;,]+)")
# None of these begins within what another match of it would take: long texts would take for ever.
_FILE_URL = re.compile(rf"(?<![\w+.-])(?!(?:https?|ftp|ivo|doi|urn)\b)[A-Za-z][A-Za-z0-9+.-]*://[^{_DELIMITERS}]+")
_WEB_URL = re.compile(rf"\b(?:https?|ftp)://[^{_DELIMITERS}]+")
_REMOTE_PATH = re.compile(rf"(?<![\w/.@-])(?:[\w.-]+@)?[\w.-]+:[\\/](?![\\/])[^{_DELIMITERS}]*")
_PATH = re.compile(rf"(?<![\w.\-/~%*)\]])(?:~[\w.-]*|\$\{{?\w+\}}?)?(?:/[^{_DELIMITERS}/:=]+)+/?")
_ACCOUNT = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w.-]+\b")
# Columns by what they hold. What is not named here is one of a closed list of words, or an id.
_LOCATIONS = frozenset({"location", "url", "docurl"})
_UNTOUCHED = frozenset(
    {"email", "phone", "entity_class", "description_class", "artefact_type", "value_type", "content_type", "unit"}
    | {"ucd", "utype", "type", "obs_publisher_did"}
)


# Columns of each class that hold words, and those that hold ids.
_WORDS = {
    row_class: tuple(name for name in names if name not in _UNTOUCHED and name != "id" and not name.endswith("_id"))
    for row_class, names in COLUMNS.items()
}
_IDS = {
    row_class: tuple(name for name in names if name == "id" or name.endswith("_id"))
    for row_class, names in COLUMNS.items()
}


def clean(harvest: Harvest) -> Harvest:
    """Take out of all rows of a harvest what must not be told; the harvest itself is changed and returned."""
    cells = [
        (row, name, value)
        for row_class, place in harvest.graph.rows.items()
        for row in place.values()
        for name in _WORDS[row_class]
        if isinstance(value := getattr(row, name), str)
    ]
    secrets = set(harvest.secrets)
    for _, _, value in cells:
        secrets |= _homes(value)
    pattern = _pattern(frozenset(_names(secrets)))
    for row, name, value in cells:
        if name in _LOCATIONS:
            public = _without(pattern, public_location(value) or "") or None
        else:
            public = _without(pattern, public_text(value))
        if public != value:
            setattr(row, name, public)
    for identity in harvest.identities.values():
        if identity.file_name:
            identity.file_name = _without(pattern, identity.file_name)
    if pattern is not None:
        _clean_ids(harvest, pattern)
    harvest.remarks = [(severity, _without(pattern, public_text(text))) for severity, text in harvest.remarks]
    return harvest


def _clean_ids(harvest: Harvest, pattern: re.Pattern[str]) -> None:
    """Take names out of ids, too; most have none."""
    rows = [row for place in harvest.graph.rows.values() for row in place.values()]
    ids = [
        (row, name, value) for row in rows for name in _IDS[type(row)] if isinstance(value := getattr(row, name), str)
    ]
    if not pattern.search("\n".join(value for _, _, value in ids)):
        return
    for row, name, value in ids:
        setattr(row, name, pattern.sub(REMOVED, value))
    harvest.identities = {pattern.sub(REMOVED, key): value for key, value in harvest.identities.items()}
    harvest.graph = Graph()
    for row in rows:
        harvest.graph.add(row)


@functools.lru_cache(maxsize=2**16)
def _homes(text: str) -> frozenset[str]:
    """Return the accounts whose home folders a text mentions."""
    if "/" not in text and "\\" not in text:
        return frozenset()
    return frozenset(match.group(1) for match in _HOME.finditer(text))


@functools.lru_cache(maxsize=2**16)
def public_location(location: str) -> str | None:
    """Return a location that may be published: a public web address or an identifier as it is, else the file name.

    Passwords and queries of web addresses go; addresses of private networks and machines without domain are no
    public places.
    """
    text = location.strip()
    scheme = text.partition(":")[0].lower()
    if scheme in _WEB and "://" in text:
        return _public_url(text)
    if scheme in _IDENTIFIERS:
        return text
    return file_name(text) or None


def _public_url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if not _is_public(host):
        return file_name(parts.path) or None
    path = re.sub(r"/~[^/]+", "/~", parts.path)
    return urlunsplit((parts.scheme, host + port, path, "", parts.fragment))


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".localdomain", ".internal", ".lan", ".home"))


def file_name(path: str) -> str:
    """Return the last part of a path of any system, or of a URL."""
    return re.split(r"[\\/]", path.rstrip("/\\"))[-1]


@functools.lru_cache(maxsize=2**16)
def public_text(text: str) -> str:
    """Return a text in which paths have become file names, and ``user@host`` has gone."""
    if "@" not in text and "/" not in text and "\\" not in text and "~" not in text:
        return text
    if _is_whole_path(text):
        return file_name(text)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(_public_url(match.group()) or REMOVED)
        return f"\0{len(kept) - 1}\0"

    text = _WEB_URL.sub(keep, text)
    text = _FILE_URL.sub(lambda match: file_name(match.group()), text)
    text = _REMOTE_PATH.sub(lambda match: file_name(match.group()), text)
    text = _PATH.sub(lambda match: file_name(match.group()), text)
    text = re.sub(r"[A-Za-z]:\\[^\s\"']+", lambda match: file_name(match.group()), text)
    text = _ACCOUNT.sub(REMOVED, text)
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match.group(1))], text)


def _is_whole_path(text: str) -> bool:
    """Say whether all of a text is one path, blanks included; a command line with options is not."""
    begins = text.startswith(("/", "~/", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", text) is not None
    if not begins or "\n" in text or re.search(r"\s[-/~$]", text):
        return False
    delimiter = re.search(r"[:;,\"']", text[2:])
    return delimiter is None or "/" not in text[2 + delimiter.start() :]


def public_arguments(arguments: Iterable[object]) -> list[str]:
    """Return the words of a command line with paths reduced to file names, ``--option=path`` included."""
    words = []
    for argument in arguments:
        option, sign, value = str(argument).partition("=")
        if sign and option.startswith("-"):
            words.append(f"{option}={public_text(value)}")
        else:
            words.append(public_text(str(argument)))
    return words


def secrets_of(environment: object, node: object = None, *more: object) -> set[str]:
    """Return the names of account and machine that a record's environment variables and host name give away."""
    found = {text for text in (node, *more) if isinstance(text, str)}
    if isinstance(environment, dict):
        found |= {
            str(environment[name]) for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME") if environment.get(name)
        }
        home = str(environment.get("HOME") or "")
        named = _HOME.match(home)
        found.add(named.group(1) if named else file_name(home))
    return _names(found)


def without_names(text: str, names: Iterable[str]) -> str:
    """Return a text from which names of accounts and the like are taken out, where they stand as words."""
    return _without(_pattern(frozenset(_names(names))), text)


def _names(found: Iterable[Any]) -> set[str]:
    """Return the names to look for; of host names the first part, too."""
    names: set[str] = set()
    for text in found:
        if isinstance(text, str):
            name = text.strip()
            names |= {name, name.partition(".")[0]}
    return {name for name in names if len(name) > 1 and "/" not in name}


@functools.lru_cache(maxsize=2**10)
def _pattern(names: frozenset[str]) -> re.Pattern[str] | None:
    if not names:
        return None
    listed = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{listed})(?![A-Za-z0-9])")


def _without(pattern: re.Pattern[str] | None, text: str) -> str:
    return text if pattern is None else pattern.sub(REMOVED, text)
