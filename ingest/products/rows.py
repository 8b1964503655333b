"""Products as rows: of ``cta.dataset``, ``cta.part``, ``cta.source`` and ``cta.hdu_index``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from ingest.collection import Collection
from ingest.footprint import galactic_from_icrs
from ingest.products.catalogue import Source
from ingest.products.description import CALIB_LEVELS
from ingest.products.listing import WORDS, ListedFile
from ingest.products.ogip import WORDS as PARTS
from ingest.rows import DatasetRow, HduRow, PartRow, SourceRow
from ingest.targets import target_class


def part_row(row: DatasetRow, kind: str, file_name: str) -> PartRow:
    """Return the row of a file that is part of other datasets.

    Parameters
    ----------
    row
        With the file's identity and who may have it.
    kind
        A key of `ingest.products.ogip.WORDS`.
    file_name
        Without folder.
    """
    return PartRow(
        accref=row.accref,
        owner=row.owner,
        embargo=row.embargo,
        mime=row.mime,
        accsize=row.accsize or 0,
        part_publisher_did=row.obs_publisher_did,
        obs_collection=row.obs_collection,
        kind=kind,
        title=f"{PARTS[kind].capitalize()} ({file_name})",
        fingerprint=row.fingerprint,
    )


def link_rows(row: DatasetRow, links: Mapping[str, tuple[str, str]]) -> Iterator[HduRow]:
    """Yield a row of ``cta.hdu_index`` for each part of a dataset; `links` are accref and identifier by kind."""
    for kind, (accref, publisher_did) in links.items():
        yield HduRow(
            obs_publisher_did=row.obs_publisher_did,
            obs_collection=row.obs_collection,
            obs_id=row.obs_id,
            hdu_type=kind,
            hdu_class=kind,
            hdu_name=posixpath.basename(accref),
            file_accref=accref,
            file_publisher_did=publisher_did,
        )


def source_rows(row: DatasetRow, sources: Sequence[Source], catalogue: str) -> list[SourceRow]:
    """Return the rows of ``cta.source_all`` of a catalogue; who may see them is who may have the file."""
    if not sources:
        return []
    glon, glat = galactic_from_icrs([source.ra_deg for source in sources], [source.dec_deg for source in sources])
    return [
        SourceRow(
            source_id=f"{catalogue}#{source.row_number}",
            name=source.name,
            ra=source.ra_deg,
            dec=source.dec_deg,
            glon=longitude,
            glat=latitude,
            pos_err=source.pos_err_deg,
            extension=source.extension_deg,
            source_class=source.source_class,
            dnde=source.dnde,
            dnde_err=source.dnde_err,
            e_ref=source.e_ref_tev,
            spectral_index=source.spectral_index,
            significance=source.significance,
            row_number=source.row_number,
            obs_collection=row.obs_collection,
            catalogue=catalogue,
            obs_publisher_did=row.obs_publisher_did,
            owner=row.owner,
            embargo=row.embargo,
        )
        for source, longitude, latitude in zip(sources, glon.tolist(), glat.tolist(), strict=True)
    ]


def fill_listed(row: DatasetRow, listed: ListedFile, collection: Collection) -> None:
    """Write what a listing says of a file into a row that has its identity; nothing of it is served."""
    row.product_level, row.calib_level = listed.level, CALIB_LEVELS[listed.level]
    # No type of ObsCore 1.1 fits what comes before event lists; the subtype tells.
    row.dataproduct_type, row.dataproduct_subtype = None, listed.level.lower()
    row.accsize = listed.size
    row.obs_creator_did = listed.product_id
    row.target_name = listed.target_name or collection.defaults.target_name
    row.target_class = target_class(row.target_name, None)
    row.facility_name = collection.facility_name
    row.instrument_name = collection.instrument_name or listed.instrument
    row.obs_creator_name = collection.creator
    row.messenger_name, row.messenger_pdgid = "photon", "+22"
    row.s_ra, row.s_dec = listed.ra_deg, listed.dec_deg
    row.t_min, row.t_max = listed.t_min, listed.t_max
    row.s_xel1 = row.s_xel2 = row.t_xel = row.em_xel = None
    by = row.instrument_name or row.facility_name or collection.name
    row.obs_title = f"{by} {WORDS[listed.level]} ({listed.level}), {row.obs_id}, listed and not served"
