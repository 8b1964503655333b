# SPDX-License-Identifier: GPL-3.0-or-later
"""The README of a package: what it is, where from, under which terms, and what is in it."""

from __future__ import annotations

import datetime
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 100
_LONGEST_QUERY = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the package; `role` is ``selected`` or ``responses``."""

    collection: str
    name: str
    size: int
    publisher_did: str
    obs_id: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a README tells of."""

    archive: str
    now: datetime.datetime
    query_text: str
    entries: Sequence[Entry]
    collections: Sequence[Mapping[str, Any]]
    """Rows of ``cta.collection``."""
    index_folders: Mapping[str, Sequence[str]]


def readme(contents: Contents, notes: Iterable[str]) -> str:
    """Return the text of a README.

    Parameters
    ----------
    contents
        What the package holds.
    notes
        Sentences on what is not as one would expect.
    """
    sections = [
        _heading(contents),
        _section("How to open it", _opening(contents)),
        _section("Please note", [_paragraph(note, "- ") for note in notes]),
        _section("How the datasets were selected", _query(contents.query_text)),
        *(_section(title, lines) for title, lines in _collections(contents)),
        _section("Files", _files(contents.entries)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _heading(contents: Contents) -> str:
    size = sum(entry.size for entry in contents.entries)
    selected = sum(entry.role == "selected" for entry in contents.entries)
    title = f"Package of {selected:,} gamma-ray dataset{'s' if selected != 1 else ''}"
    made = contents.now.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    source = f" by {_clean(contents.archive)}" if contents.archive else ""
    files = f"{len(contents.entries):,} data file{'s' if len(contents.entries) != 1 else ''}, {size:,} bytes."
    return "\n".join([title, "=" * len(title), "", _paragraph(f"Made {made}{source}: {files}")])


def _opening(contents: Contents) -> list[str]:
    folders = [folder for collection in contents.index_folders.values() for folder in collection]
    if not folders:
        return [_paragraph("The package holds no event list, so there are no index files.")]
    return [
        _paragraph(
            "Each collection has a folder of its own with the index files obs-index.fits.gz and hdu-index.fits.gz "
            "(GADF, https://gamma-astro-data-formats.readthedocs.io) of exactly the observations in this package. "
            "With gammapy, where the tar was unpacked:"
        ),
        "",
        "    from gammapy.data import DataStore",
        *(f'    store = DataStore.from_dir("{folder}")' for folder in folders),
        '    observations = store.get_observations()  # point-like responses: required_irf="point-like"',
    ]


def _query(text: str) -> list[str]:
    shown = text[:_LONGEST_QUERY]
    lines = [f"    {_clean(line)}".rstrip() for line in shown.splitlines()] or ["    (not said)"]
    return [*lines, *(["    [...]"] if len(text) > len(shown) else [])]


def _collections(contents: Contents) -> Iterator[tuple[str, list[str]]]:
    rows = {row["name"]: row for row in contents.collections}
    for name in sorted({entry.collection for entry in contents.entries}):
        row = rows.get(name, {})
        facts = [
            ("What it is", "description"),
            ("Made by", "creator"),
            ("Terms of use", "terms"),
            ("Licence", "terms_uri"),
            ("Acknowledgement", "acknowledgement"),
            ("Publication", "bib_reference"),
            ("More", "reference_url"),
        ]
        lines = [_paragraph(f"{label}: {row[key]}") for label, key in facts if row.get(key)]
        if not row.get("terms"):
            lines.append("Terms of use: not stated; ask the archive.")
        lines.append(f"Files of its own on terms and content are in the folder {name}, if it has any.")
        yield f"Collection {name}: {_clean(str(row['title']))}" if row.get("title") else f"Collection {name}", lines


def _files(entries: Iterable[Entry]) -> list[str]:
    lines = ["Size in bytes, name, dataset identifier; observation:", ""]
    for entry in sorted(entries, key=lambda entry: entry.name):
        what = f"observation {_clean(entry.obs_id)}" if entry.obs_id is not None else "no event list"
        if entry.role == "responses":
            what = "responses of observations in this package"
        lines.append(f"{entry.size:>13}  {entry.name}  {_clean(entry.publisher_did)}; {what}")
    return lines


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, "-" * len(title), "", *lines]) if lines else ""


def _paragraph(text: str, bullet: str = "") -> str:
    return textwrap.fill(
        _clean(text),
        WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _clean(text: str) -> str:
    """Return text without what could disturb a terminal or cannot be written."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
