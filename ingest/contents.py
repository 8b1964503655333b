"""What a FITS file of a collection holds: its HDUs by role, with the tables a harvest needs.

Event tables are never loaded: only their headers count, and columns are streamed when nothing else tells the energies.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest import gadf
from ingest.fitsfile import HDU, FitsError, read_hdus
from ingest.folder import FoundFile
from ingest.index import HduEntry
from ingest.response_table import ResponseTable

# Of a background only the axes are used; its data cells are the largest part of many files.
_AXES_ONLY = (gadf.BKG, gadf.RAD_MAX)
_LOADED = (gadf.GTI, gadf.POINTING, gadf.OBS_INDEX, gadf.HDU_INDEX, *gadf.RESPONSES)


@dataclass(frozen=True, slots=True)
class Located:
    """A response in another file: the index entry, and that file as found."""

    entry: HduEntry
    file: FoundFile


@dataclass(slots=True)
class Contents:
    """A file's HDUs with their roles, and the responses that belong to it, from this or another file.

    ``response_types`` also counts responses stored as maps, which are no tables and not in ``responses``.
    """

    file: FoundFile
    hdus: Sequence[HDU]
    roles: Mapping[int, gadf.Role]
    responses: dict[str, ResponseTable] = field(default_factory=dict)
    response_types: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)

    def of_type(self, hdu_type: str) -> list[HDU]:
        """Return the HDUs with this GADF HDU_TYPE, in file order."""
        return [hdu for hdu in self.hdus if (role := self.roles.get(hdu.number)) and role.hdu_type == hdu_type]


def read_contents(file: FoundFile, elsewhere: Sequence[Located] = ()) -> Contents:
    """Read a file and the responses that an index says belong to it.

    Parameters
    ----------
    file
        A FITS file.
    elsewhere
        Responses in other files; they are kept in memory between calls, since many runs share them.

    Raises
    ------
    FitsError
        When the file is not sound FITS. A response elsewhere that cannot be read is only a doubt.
    OSError
        When the file cannot be opened.
    """
    hdus = read_hdus(file.path, _is_wanted)
    contents = Contents(file, hdus, _roles(hdus))
    _add_responses(contents, hdus, contents.roles)
    for located in elsewhere:
        _add_located(contents, located)
    return contents


def _is_wanted(hdu: HDU) -> bool:
    role = gadf.role_of(hdu)
    return role is not None and role.hdu_type in _LOADED


def _roles(hdus: Sequence[HDU]) -> dict[int, gadf.Role]:
    return {hdu.number: role for hdu in hdus if (role := gadf.role_of(hdu)) is not None}


def _add_responses(contents: Contents, hdus: Sequence[HDU], roles: Mapping[int, gadf.Role]) -> None:
    for hdu in hdus:
        role = roles.get(hdu.number)
        if role is None or role.hdu_type not in gadf.RESPONSES:
            continue
        contents.response_types.add(role.hdu_type)
        if role.hdu_class == "map" or role.hdu_type in contents.responses:
            continue
        try:
            contents.responses[role.hdu_type] = response_table(hdu, role)
        except FitsError as exc:
            contents.doubts.append(f"the response {hdu.name} is not usable: {exc}")


def _add_located(contents: Contents, located: Located) -> None:
    if located.entry.hdu_type in contents.response_types:
        return
    try:
        hdus, roles = _shared_file(located.file.path, located.file.mtime_ns)
    except (FitsError, OSError) as exc:
        contents.doubts.append(f"the response file {located.file.relpath} cannot be used: {exc}")
        return
    wanted, hdu_type = located.entry.hdu_name.upper(), located.entry.hdu_type
    responses = [hdu for hdu in hdus if (role := roles.get(hdu.number)) and role.hdu_type == hdu_type]
    named = [hdu for hdu in responses if hdu.name == wanted] or responses
    if not named:
        contents.doubts.append(f"the response file {located.file.relpath} has no HDU {wanted} of type {hdu_type}.")
    _add_responses(contents, named[:1], roles)


@functools.lru_cache(maxsize=4)
def _shared_file(path: Path, mtime_ns: int) -> tuple[list[HDU], dict[int, gadf.Role]]:
    """Return a response file that several runs use; `mtime_ns` makes a changed file a new one."""
    hdus = read_hdus(path, _is_wanted)
    return hdus, _roles(hdus)


def response_table(hdu: HDU, role: gadf.Role) -> ResponseTable:
    """Return the first row of a response table without copying its cells.

    Raises
    ------
    FitsError
        When the table has no row or its columns do not fit it.
    """
    columns = hdu.columns()
    numeric = {
        name: column
        for name, column in columns.items()
        if column.code in "BIJKED" and (role.hdu_type not in _AXES_ONLY or name.endswith(("_LO", "_HI")))
    }
    return ResponseTable(
        kind=role.hdu_type,
        hdu_class=role.hdu_class,
        columns={name: hdu.first_row(column) for name, column in numeric.items()},
        units={name: column.unit for name, column in columns.items()},
        header=hdu.header,
    )
