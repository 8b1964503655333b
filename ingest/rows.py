"""The rows the archive stores: one dataclass a table, its fields named like the columns of RD ``cta/q``.

Units, UCDs and descriptions of the columns are written in the RD (``inputs/cta/q.rd``), once; a test compares both.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

# Raise this when the harvest changes what it writes: the next import then reads every file again.
READER_VERSION = 3
# Columns of cta.dataset in single precision, so that ObsCore's views can use their indexes; the RD says the same.
SINGLE_PRECISION = frozenset({"s_fov", "s_resolution", "s_pixel_scale", "em_min", "em_max", "em_res_power"})


@dataclass(slots=True, kw_only=True)
class DatasetRow:
    """A row of ``cta.dataset``: one published file. Angles deg, energies eV, wavelengths m, times as named."""

    accref: str
    owner: str | None = None
    embargo: str | None = None
    mime: str = "application/fits"
    accsize: int | None
    obs_publisher_did: str
    fingerprint: str

    dataproduct_type: str | None = None
    dataproduct_subtype: str | None = None
    calib_level: int = 2
    product_level: str = "DL3"
    obs_collection: str
    obs_id: str
    obs_title: str | None = None
    obs_creator_name: str | None = None
    obs_creator_did: str | None = None
    obs_creation_date: str | None = None
    obs_release_date: str | None = None
    bib_reference: str | None = None
    proposal_id: str | None = None
    simulated: int | None = None
    target_name: str | None = None
    target_class: str | None = None
    facility_name: str | None = None
    instrument_name: str | None = None

    s_ra: float | None = None
    s_dec: float | None = None
    s_fov: float | None = None
    s_region: str | None = None
    s_resolution: float | None = None
    s_resolution_min: float | None = None
    s_resolution_max: float | None = None
    t_min: float | None = None
    t_max: float | None = None
    t_exptime: float | None = None
    t_resolution: float | None = None
    em_min: float | None = None
    em_max: float | None = None
    em_res_power: float | None = None
    # -1: an event list has no bins
    s_xel1: int | None = -1
    s_xel2: int | None = -1
    t_xel: int | None = -1
    em_xel: int | None = -1
    s_pixel_scale: float | None = None
    o_ucd: str | None = None
    o_unit: str | None = None
    o_calib_status: str | None = None

    ev_xel: int | None = None
    s_ref_energy: float | None = None
    em_ref_energy: float | None = None
    s_ref_oaa: float | None = None
    em_ref_oaa: float | None = None
    t_intervals: str | None = None
    energy_min: float | None = None
    energy_max: float | None = None
    obs_mode: str | None = None
    tracking_mode: str | None = None
    scan_mode: str | None = None
    pointing_mode: str | None = None
    analysis_mode: str | None = None
    event_type: str | None = None
    messenger_name: str | None = None
    messenger_pdgid: str | None = None

    ra_pnt: float | None = None
    dec_pnt: float | None = None
    alt_pnt: float | None = None
    az_pnt: float | None = None
    zen_pnt: float | None = None
    glon_pnt: float | None = None
    glat_pnt: float | None = None
    tstart: float | None = None
    tstop: float | None = None
    mjdrefi: int | None = None
    mjdreff: float | None = None
    timesys: str | None = None
    tstart_tt: float | None = None
    tstop_tt: float | None = None
    ontime: float | None = None
    livetime: float | None = None
    deadc: float | None = None
    ngti: int | None = None
    date_obs: str | None = None
    time_obs: str | None = None
    date_end: str | None = None
    time_end: str | None = None
    object: str | None = None
    ra_obj: float | None = None
    dec_obj: float | None = None
    offset_obj: float | None = None
    telescop: str | None = None
    instrume: str | None = None
    n_tels: int | None = None
    tellist: str | None = None
    quality: int | None = None
    conv_dep: float | None = None
    muoneff: float | None = None
    nsblevel: float | None = None
    trgrate: float | None = None
    creator: str | None = None
    dst_ver: str | None = None
    ana_ver: str | None = None
    cal_ver: str | None = None
    ev_class: str | None = None
    harvest_note: str | None = None


@dataclass(slots=True, kw_only=True)
class HduRow:
    """A row of ``cta.hdu_index``: an HDU that belongs to a dataset, in its own file or in another one (GADF 0.3)."""

    obs_publisher_did: str
    obs_collection: str
    obs_id: str
    hdu_type: str
    hdu_class: str | None
    hdu_name: str
    file_accref: str
    file_publisher_did: str


@dataclass(slots=True, kw_only=True)
class PartRow:
    """A row of ``cta.part``: a file that is delivered as part of datasets, such as the response of a counts spectrum.

    Which datasets it belongs to stands in ``cta.hdu_index`` (``file_accref``).
    """

    accref: str
    owner: str | None
    embargo: str | None
    mime: str
    accsize: int
    part_publisher_did: str
    obs_collection: str
    kind: str
    title: str
    fingerprint: str


@dataclass(slots=True, kw_only=True)
class SourceRow:
    """A row of ``cta.source_all``: a source. Angles deg (ICRS), flux in cm-2 s-1 TeV-1 at ``e_ref`` TeV."""

    source_id: str
    name: str
    ra: float
    dec: float
    glon: float
    glat: float
    pos_err: float | None
    extension: float | None
    source_class: str | None
    dnde: float | None
    dnde_err: float | None
    e_ref: float | None
    spectral_index: float | None
    significance: float | None
    row_number: int
    obs_collection: str
    catalogue: str
    obs_publisher_did: str
    owner: str | None
    embargo: str | None


@dataclass(slots=True, kw_only=True)
class DerivationRow:
    """A row of ``cta.derivation``: a dataset and one it was made from, as a listing says."""

    collection: str
    obs_publisher_did: str
    progenitor_did: str


@dataclass(slots=True, kw_only=True)
class DocumentRow:
    """A row of ``cta.document``: a file that goes with a collection (terms, README, index table)."""

    accref: str
    collection: str
    kind: str
    title: str
    mime: str
    accsize: int


@dataclass(slots=True, kw_only=True)
class CollectionRow:
    """A row of ``cta.collection``: what a collection is, its terms, and what it covers.

    Coverage is in VODataService's units: MOC of order 6; MJD TDB; Joule.
    """

    name: str
    obs_collection: str
    title: str
    description: str | None
    creator: str | None
    terms: str | None
    terms_uri: str | None
    acknowledgement: str | None
    reference_url: str | None
    bib_reference: str | None
    facility_name: str | None
    instrument_name: str | None
    simulated: int | None
    release_date: str | None
    owner: str | None
    n_datasets: int
    n_events: int
    coverage_spatial: str | None = None
    coverage_t_min: float | None = None
    coverage_t_max: float | None = None
    coverage_energy_min: float | None = None
    coverage_energy_max: float | None = None
    imported: str = ""


@dataclass(slots=True, kw_only=True)
class ProblemRow:
    """A row of ``cta.import_problem``: what could not be published, or was published with a doubt, and why.

    ``severity`` is ``error`` (a file that is not published), ``warning`` (a file an index names that is not there,
    or a published file with doubtful content) or ``info`` (left out on purpose).
    """

    collection: str
    path: str
    severity: str
    sentence: str
    noticed: str


@dataclass(slots=True, kw_only=True)
class ProductRow:
    """A row of DaCHS's ``dc.products``: how a file is delivered, and to whom."""

    accref: str
    owner: str | None
    embargo: str | None
    mime: str
    accessPath: str  # noqa: N815 # the column's name in DaCHS
    sourceTable: str  # noqa: N815
    preview: str | None = None


def columns(row_class: type) -> tuple[str, ...]:
    """Return the column names of a row class, in the order in which they are copied into the table."""
    return tuple(field.name for field in dataclasses.fields(row_class))
