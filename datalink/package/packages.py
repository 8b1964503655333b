# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: a selection of datasets as one tar, with index files, so that gammapy opens what was unpacked.

Layout: ``README.txt``; for each collection a folder with ``obs-index.fits.gz`` and ``hdu-index.fits.gz`` of exactly the
packaged observations, the collection's documents, and the files where the collection has them. Observations that
cannot share an index (another time reference, the same OBS_ID) have theirs in ``index-2``, ``index-3`` … beside.

Who may have what is not decided here: the caller passes only files that the user may have.
"""

from __future__ import annotations

import datetime
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from datalink.package import gadf_index
from datalink.package.gadf_index import HDU_INDEX_NAME, HDU_TYPES, OBS_INDEX_NAME, Group, LocatedHdu
from datalink.package.readme import Contents, Entry, readme
from datalink.package.tarstream import Member, Names, PackageError, archive_chunks, archive_size, safe_name

__all__ = ["Limits", "PackageError", "PackageFile", "PackageLimitError", "PackagePlan", "plan_package"]

MEDIA_TYPE = "application/x-tar"
README_NAME = "README.txt"
CHUNK_BYTES = 2**18
_ACCREF_PREFIX = "cta/data/"
_ESCAPED = re.compile(r"(?:_x[0-9A-F]{2}_)+")


class PackageLimitError(PackageError):
    """A selection that is too large for one package."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a package may hold."""

    max_datasets: int = 10_000
    max_bytes: int = 200 * 2**30


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A published file.

    ``observation`` is its row of ``cta.obs_index``, None for what is not an event list. ``event_type`` may be added
    to the row; it tells files of the same observation apart.
    """

    accref: str
    publisher_did: str
    path: Path
    observation: Mapping[str, Any] | None = None


class PackageDocument(Protocol):
    """A document of a collection, as `datalink.datasets.Document` is."""

    @property
    def accref(self) -> str:
        """Access reference."""

    @property
    def path(self) -> Path:
        """Where the file is."""

    @property
    def kind(self) -> str:
        """``terms``, ``readme`` or ``documentation``; what is ``index`` is left out."""


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """A package before it is sent: everything is known of it, its size to the byte included.

    ``notes`` are sentences on what in it is not as it was asked for; they are in its README, too.
    """

    members: tuple[Member, ...]
    file_name: str
    size: int
    n_datasets: int
    n_files: int
    notes: tuple[str, ...]

    def chunks(self, chunk_size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield the tar; README and index files come at once, every file is opened when it is its turn.

        Raises
        ------
        PackageError
            When a file has changed its size since: the transfer must be cut off then.
        """
        return archive_chunks(self.members, chunk_size)


def plan_package(
    datasets: Sequence[PackageFile],
    hdu_rows: Iterable[Mapping[str, Any]],
    documents: Iterable[PackageDocument],
    collections: Iterable[Mapping[str, Any]],
    query_text: str,
    now: datetime.datetime,
    *,
    companions: Iterable[PackageFile] = (),
    archive: str = "",
    limits: Limits | None = None,
) -> PackagePlan:
    """Plan a package.

    Parameters
    ----------
    datasets
        What was selected.
    hdu_rows
        Rows of ``cta.hdu_index`` of these datasets.
    documents
        Documents of their collections; those of other collections are left out.
    collections
        Rows of ``cta.collection``.
    query_text
        How the datasets were selected: an ADQL query or a list of identifiers.
    now
        The time, aware of its zone; it is in the README and is the modification time of what is made here.
    companions
        Response files that `hdu_rows` name and that were not selected themselves; only those needed are packaged.
    archive
        Name and address of the archive, for the README.
    limits
        How much is allowed.

    Raises
    ------
    PackageLimitError
        When the selection is too large.
    PackageError
        When nothing is selected or a file is not there.
    """
    limits = limits or Limits()
    selected = list({dataset.publisher_did: dataset for dataset in datasets}.values())
    _check_count(selected, limits)
    builder = _Builder(selected, list(hdu_rows), list(companions), now)
    builder.place_files()
    builder.place_documents(documents)
    builder.make_indexes()
    contents = Contents(archive, now, query_text, builder.entries, list(collections), builder.index_folders)
    text = readme(contents, builder.notes).encode("utf-8")
    members = (
        Member(README_NAME, len(text), builder.mtime, text),
        *builder.indexes,
        *builder.documents,
        *builder.files.values(),
    )
    size = archive_size(members)
    if size > limits.max_bytes:
        raise PackageLimitError(
            f"the package would have {size / 2**30:.1f} GiB, more than the {limits.max_bytes / 2**30:.1f} GiB that are"
            " allowed; select fewer datasets and fetch the rest in further packages."
        )
    return PackagePlan(
        members=members,
        file_name=f"cta-package-{now.astimezone(datetime.timezone.utc):%Y%m%dT%H%M%S}.tar",
        size=size,
        n_datasets=len(selected),
        n_files=len(builder.files),
        notes=tuple(builder.notes),
    )


def _check_count(selected: Sequence[PackageFile], limits: Limits) -> None:
    if not selected:
        raise PackageError("no dataset is selected, so there is nothing to package.")
    if len(selected) > limits.max_datasets:
        raise PackageLimitError(
            f"{len(selected):,} datasets are selected, more than the {limits.max_datasets:,} that one package may hold;"
            " select fewer and fetch the rest in further packages."
        )


@dataclass(slots=True)
class _Builder:
    """Collects the members of a package; `files` and `entries` go by publisher DID."""

    selected: list[PackageFile]
    hdu_rows: list[Mapping[str, Any]]
    companions: list[PackageFile]
    now: datetime.datetime
    names: Names = field(default_factory=Names)
    files: dict[str, Member] = field(default_factory=dict)
    documents: list[Member] = field(default_factory=list)
    indexes: list[Member] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    index_folders: dict[str, list[str]] = field(default_factory=dict)
    """Folders with index files by collection."""

    @property
    def mtime(self) -> int:
        """Modification time of what is made here, in seconds."""
        return max(0, int(self.now.timestamp()))

    def place_files(self) -> None:
        """Give every selected file, and every response file they need, its place."""
        self.names.claim(README_NAME)
        for collection in sorted({collection_of(dataset.accref) for dataset in self.selected}):
            for name in (OBS_INDEX_NAME, HDU_INDEX_NAME):
                self.names.claim(f"{collection}/{name}")
        for dataset in sorted(self.selected, key=lambda dataset: dataset.accref):
            self._place(dataset, "selected")
        offered = {companion.publisher_did: companion for companion in self.companions}
        owners = {dataset.publisher_did for dataset in self.selected}
        needed = {row["file_publisher_did"] for row in self.hdu_rows if row["obs_publisher_did"] in owners}
        for did in sorted(needed - self.files.keys()):
            if did in offered:
                self._place(offered[did], "responses")
            else:
                self.notes.append(
                    f"The response file {did} is not in this package, because it is not public or not published; the "
                    "index files do not name it."
                )

    def _place(self, file: PackageFile, role: str) -> None:
        name = self.names.claim(member_name(file.accref, ascii_only=True))
        member = _file_member(name, file.path, file.publisher_did)
        self.files[file.publisher_did] = member
        obs_id = None if file.observation is None else str(file.observation["obs_id"])
        self.entries.append(Entry(collection_of(file.accref), name, member.size, file.publisher_did, obs_id, role))
        if name != member_name(file.accref):
            self.notes.append(f"{file.publisher_did} is called {name} here, since index files and names must be plain.")

    def place_documents(self, documents: Iterable[PackageDocument]) -> None:
        """Give the documents of the collections in the package their places."""
        present = {entry.collection for entry in self.entries}
        by_accref = {document.accref: document for document in documents if document.kind != "index"}
        for accref, document in sorted(by_accref.items()):
            if collection_of(accref) in present:
                name = self.names.claim(member_name(accref))
                self.documents.append(_file_member(name, document.path, f"the document {name}"))

    def make_indexes(self) -> None:
        """Make the index files of each collection."""
        by_collection: dict[str, list[Mapping[str, Any]]] = {}
        for dataset in self.selected:
            if dataset.observation is not None:
                row = {**dataset.observation, "obs_publisher_did": dataset.publisher_did}
                by_collection.setdefault(collection_of(dataset.accref), []).append(row)
        hdus = self._located_hdus()
        for collection, rows in sorted(by_collection.items()):
            groups = gadf_index.group_observations(rows)
            for number, group in enumerate(groups, 1):
                self._make_index(collection, number, group, hdus)
            if len(groups) > 1:
                self.notes.append(_split_note(collection, groups, self.index_folders[collection]))

    def _located_hdus(self) -> dict[str, list[LocatedHdu]]:
        """Return the HDUs of each observation that are in the package."""
        located: dict[str, list[LocatedHdu]] = {}
        for row in self.hdu_rows:
            member = self.files.get(row["file_publisher_did"])
            if member is not None and row["hdu_type"] in HDU_TYPES:
                hdu_class = row["hdu_class"] or row["hdu_type"]
                owner = row["obs_publisher_did"]
                hdu = LocatedHdu(owner, row["hdu_type"], hdu_class, row["hdu_name"], member.name, member.size)
                located.setdefault(owner, []).append(hdu)
        return located

    def _make_index(self, collection: str, number: int, group: Group, hdus: Mapping[str, list[LocatedHdu]]) -> None:
        # that of the first group was reserved before any file got its name
        folder = collection if number == 1 else self._free_folder(collection, number)
        created = self.now.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        of_group = [hdu for did in group.obs_ids for hdu in hdus.get(did, [])]
        for name, content in (
            (OBS_INDEX_NAME, gadf_index.obs_index(group, created)),
            (HDU_INDEX_NAME, gadf_index.hdu_index(group, of_group, folder, created)),
        ):
            self.indexes.append(Member(f"{folder}/{name}", len(content), self.mtime, content))
        self.index_folders.setdefault(collection, []).append(folder)
        for row in group.observations:
            obs_id = group.obs_ids[row["obs_publisher_did"]]
            if str(obs_id) != str(row["obs_id"]).strip():
                self.notes.append(
                    f"The observation '{row['obs_id']}' of {collection} has the OBS_ID {obs_id} in the index files, "
                    "which must be a number."
                )

    def _free_folder(self, collection: str, number: int) -> str:
        """Return a folder for index files that holds none yet."""
        while True:
            folder = f"{collection}/index-{number}"
            wanted = [f"{folder}/{name}" for name in (OBS_INDEX_NAME, HDU_INDEX_NAME)]
            if [self.names.claim(name) for name in wanted] == wanted:
                return folder
            number += 1


def collection_of(accref: str) -> str:
    """Return the folder of the package for a file: its collection's name."""
    return safe_name(accref.removeprefix(_ACCREF_PREFIX).partition("/")[0], ascii_only=True)


def member_name(accref: str, *, ascii_only: bool = False) -> str:
    """Return the wanted name of a file in the package: collection and path, as they are in the archive's folders.

    Parameters
    ----------
    accref
        ``cta/data/<collection>/<path>``, with unsafe characters written as ``_xHH_``.
    ascii_only
        Whether FITS must be able to hold the name.
    """
    _, _, path = accref.removeprefix(_ACCREF_PREFIX).partition("/")
    plain = _ESCAPED.sub(
        lambda match: bytes.fromhex(re.sub("[_x]", "", match[0])).decode("utf-8", "surrogateescape"), path
    )
    return f"{collection_of(accref)}/{safe_name(plain, ascii_only=ascii_only)}"


def _file_member(name: str, path: Path, label: str) -> Member:
    try:
        status = path.stat()
    except OSError as exc:
        raise PackageError(
            f"{label} is not there at the moment ({exc.strerror}); tell the archive's operator."
        ) from exc
    if not stat.S_ISREG(status.st_mode):
        raise PackageError(f"{label} is not a regular file; tell the archive's operator.")
    return Member(name, status.st_size, max(0, int(status.st_mtime)), path, label)


def _split_note(collection: str, groups: Sequence[Group], folders: Sequence[str]) -> str:
    parts = [
        f"{folder} ({len(group.observations)} observations, {group.reference})"
        for folder, group in zip(folders, groups, strict=True)
    ]
    return (
        f"The observations of {collection} cannot share one pair of index files, since their times count from"
        " different moments or since several files have the same OBS_ID. Open these folders one by one:"
        f" {'; '.join(parts)}."
    )
