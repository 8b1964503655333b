"""Products as VOTables in the terms of the Spectral Data Model 1.2 (products.md, section 7.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datalink.votables.table import Field, Group, Param, votable
from ingest.errors import IngestError
from ingest.products.companion import NOTHING
from ingest.products.fluxpoints import Fluxes, FluxPoints, read_flux_points
from ingest.products.lightcurve import LightCurve, read_light_curve
from ingest.products.load import load_product
from ingest.products.ogip import CountsSpectrum, read_spectrum
from ingest.products.quantities import factor, vounit
from ingest.products.recognise import Kind
from ingest.timescale import DAY_S

Floats = NDArray[np.float64]
SPEC = "spec:Spectrum"
MODEL = "Spectrum-1.2"
# KIND -> what is made
KINDS = ("points", "e2dnde")
ERG_PER_TEV = 1.602176634
_DATA = f"{SPEC}.Data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the archive knows of a dataset. Angles deg (ICRS), times MJD UTC, wavelengths m."""

    publisher: str
    publisher_did: str
    title: str
    collection: str
    target_name: str | None = None
    instrument: str | None = None
    reference: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    fov_deg: float | None = None
    t_min: float | None = None
    t_max: float | None = None


def product_votable(path: Path, kind: str, facts: Facts) -> bytes:
    """Return a product as a VOTable.

    Parameters
    ----------
    path
        The file.
    kind
        ``points`` for the product in its own quantity, ``e2dnde`` for flux points as energy times flux.
    facts
        What the archive knows of it.

    Raises
    ------
    IngestError, FitsError
        When the file does not hold what is asked for.
    OSError
        When it cannot be read.
    """
    product = load_product(path)
    if product.kind is Kind.FLUX_POINTS:
        assert product.table is not None
        return flux_points_votable(read_flux_points(product.table), facts, energy_flux=kind == "e2dnde")
    if kind != "points":
        raise IngestError("only flux points can be shown as energy times flux.")
    if product.kind is Kind.LIGHT_CURVE:
        assert product.table is not None
        return light_curve_votable(read_light_curve(product.table, NOTHING), facts)
    if product.kind is Kind.COUNTS_SPECTRUM:
        return counts_votable(read_spectrum(product.hdus), facts)
    raise IngestError(f"a {product.kind.value} is not made into a VOTable; fetch the file.")


def flux_points_votable(points: FluxPoints, facts: Facts, *, energy_flux: bool = False) -> bytes:
    """Return flux points as a VOTable.

    Parameters
    ----------
    points
        The points.
    facts
        What the archive knows of them.
    energy_flux
        Give E² dN/dE in erg cm-2 s-1 instead: VO tools cannot convert photons into energy themselves.

    Raises
    ------
    IngestError
        When these fluxes are no differential ones, so that there is no E² dN/dE.
    """
    fluxes = energy_fluxes(points) if energy_flux else points.fluxes
    fields = [
        _energy("e_ref", points.e_ref_tev, "", f"{_DATA}.SpectralAxis.Value", "Energy"),
        _energy("e_min", points.e_min_tev, ";stat.min", f"{_DATA}.SpectralAxis.Accuracy.BinLow", "Lower edge"),
        _energy("e_max", points.e_max_tev, ";stat.max", f"{_DATA}.SpectralAxis.Accuracy.BinHigh", "Upper edge"),
        *_flux_fields(fluxes),
    ]
    extra = [
        Param(name="sed_type", value=fluxes.kind),
        Param(name="ul_conf", value=points.limit_confidence, ucd="stat.confidenceLevel"),
    ]
    return _spectrum("fluxpoints", facts, fluxes.ucd, fields, extra, len(points), points.e_ref_tev)


def energy_fluxes(points: FluxPoints) -> Fluxes:
    """Return E² dN/dE in erg cm-2 s-1.

    Raises
    ------
    IngestError
        When the fluxes are integral ones.
    """
    fluxes = points.fluxes
    if fluxes.kind == "dnde":
        in_own = factor(fluxes.unit, "cm-2 s-1 TeV-1", "the flux")
        scale: Floats = points.e_ref_tev**2 * in_own * ERG_PER_TEV
    elif fluxes.kind == "e2dnde":
        scale = np.full(len(points), factor(fluxes.unit, "erg cm-2 s-1", "the flux"))
    else:
        raise IngestError("these are integral fluxes, which have no energy times flux at one energy.")
    return Fluxes(
        kind="e2dnde",
        unit="erg cm-2 s-1",
        value=fluxes.value * scale,
        err_low=fluxes.err_low * scale,
        err_high=fluxes.err_high * scale,
        limit=fluxes.limit * scale,
        is_limit=fluxes.is_limit,
    )


def light_curve_votable(curve: LightCurve, facts: Facts) -> bytes:
    """Return a light curve as a VOTable, one row for each time and energy bin."""
    n = curve.n_energies
    start, stop = (np.repeat(times, n) for times in (curve.t_min_utc, curve.t_max_utc))
    middle, has_bins = (start + stop) / 2, bool((stop > start).any())
    fields = [
        Field(name="time", values=middle, unit="d", ucd="time.epoch", ref="utc", description="Middle, MJD UTC"),
        Field(name="time_min", values=_if(has_bins, start), unit="d", ucd="time.start", ref="utc"),
        Field(name="time_max", values=_if(has_bins, stop), unit="d", ucd="time.end", ref="utc"),
    ]
    for name, edges, ucd in (("e_min", curve.e_min_tev, "stat.min"), ("e_max", curve.e_max_tev, "stat.max")):
        if edges is not None:
            fields.append(Field(name=name, values=edges.ravel(), unit="TeV", ucd=f"em.energy;{ucd}"))
    fields += _flux_fields(curve.fluxes)
    params = [
        Param(name="energy_min", value=curve.energy_min_tev, unit="TeV", ucd="em.energy;stat.min"),
        Param(name="energy_max", value=curve.energy_max_tev, unit="TeV", ucd="em.energy;stat.max"),
        *_loose_params(facts),
    ]
    return votable(name="lightcurve", utype="", description=facts.title, groups=[], params=params, fields=_bare(fields))


def counts_votable(spectrum: CountsSpectrum, facts: Facts) -> bytes:
    """Return a counts spectrum as a VOTable, one row a channel."""
    middle = np.sqrt(np.abs(spectrum.e_min_tev * spectrum.e_max_tev))
    ucd, unit = "phot.count;em.gamma", "count"
    fields = [
        _energy("energy", middle, "", f"{_DATA}.SpectralAxis.Value", "Energy of the channel"),
        _energy("e_min", spectrum.e_min_tev, ";stat.min", f"{_DATA}.SpectralAxis.Accuracy.BinLow", "Lower edge"),
        _energy("e_max", spectrum.e_max_tev, ";stat.max", f"{_DATA}.SpectralAxis.Accuracy.BinHigh", "Upper edge"),
        Field(name="counts", values=spectrum.counts, unit=unit, ucd=ucd, utype=f"{_DATA}.FluxAxis.Value"),
        Field(
            name="counts_err",
            values=np.sqrt(np.clip(spectrum.counts, 0, None)),
            unit=unit,
            ucd=f"stat.error;{ucd}",
            utype=f"{_DATA}.FluxAxis.Accuracy.StatError",
            description="Square root of the counts",
        ),
        Field(name="good", values=spectrum.good, ucd="meta.code.qual", description="Whether the quality is 0"),
    ]
    extra = [Param(name="exposure", value=spectrum.exposure_s, unit="s", ucd="time.duration;obs.exposure")]
    return _spectrum("counts", facts, ucd, fields, extra, int(spectrum.counts.size), middle)


def _if(wanted: bool, values: Floats) -> Floats:
    return values if wanted else np.full(values.shape, np.nan)


def _bare(fields: Sequence[Field]) -> list[Field]:
    """Return columns without utypes: those of a spectrum mean nothing in a light curve."""
    return [
        Field(
            name=field.name,
            values=field.values,
            unit=field.unit,
            ucd=field.ucd,
            description=field.description,
            ref=field.ref,
        )
        for field in fields
    ]


def _energy(name: str, values: Floats, ucd: str, utype: str, what: str) -> Field:
    return Field(name=name, values=values, unit="TeV", ucd=f"em.energy{ucd}", utype=utype, description=what)


def _flux_fields(fluxes: Fluxes) -> list[Field]:
    name, unit, ucd = fluxes.kind, vounit(fluxes.unit), fluxes.ucd
    axis = f"{_DATA}.FluxAxis"
    columns = (
        (name, fluxes.value, ucd, f"{axis}.Value", "Flux"),
        (
            f"{name}_errn",
            fluxes.err_low,
            f"stat.error;{ucd};stat.min",
            f"{axis}.Accuracy.StatErrLow",
            "Error downwards",
        ),
        (
            f"{name}_errp",
            fluxes.err_high,
            f"stat.error;{ucd};stat.max",
            f"{axis}.Accuracy.StatErrHigh",
            "Error upwards",
        ),
        (f"{name}_ul", fluxes.limit, f"{ucd};stat.max", f"{axis}.Accuracy.UpperLimit", "Upper limit"),
    )
    fields = [
        Field(name=column, values=values.ravel(), unit=unit, ucd=column_ucd, utype=utype, description=what)
        for column, values, column_ucd, utype, what in columns
    ]
    return [
        *fields,
        Field(name="is_ul", values=fluxes.is_limit.ravel(), ucd="meta.code.qual", description="Upper limit"),
    ]


def _loose_params(facts: Facts) -> list[Param]:
    position = None if facts.ra_deg is None or facts.dec_deg is None else (facts.ra_deg, facts.dec_deg)
    return [
        Param(name="target_name", value=facts.target_name, ucd="meta.id;src"),
        Param(name="instrument", value=facts.instrument, ucd="meta.id;instr"),
        Param(name="publisher_did", value=facts.publisher_did, ucd="meta.ref.ivoid"),
        Param(name="collection", value=facts.collection, ucd="meta.id"),
        Param(name="reference", value=facts.reference, ucd="meta.bib.bibcode"),
        Param(name="position", value=position, unit="deg", ucd="pos.eq", ref="icrs"),
    ]


def _spectrum(
    name: str,
    facts: Facts,
    flux_ucd: str,
    fields: Sequence[Field],
    extra: Sequence[Param],
    length: int,
    energies_tev: Floats,
) -> bytes:
    char, known = f"{SPEC}.Char", energies_tev[np.isfinite(energies_tev)]
    flux_unit = next(field.unit for field in fields if field.utype == f"{_DATA}.FluxAxis.Value")
    position = None if facts.ra_deg is None or facts.dec_deg is None else (facts.ra_deg, facts.dec_deg)
    has_times = facts.t_min is not None and facts.t_max is not None
    middle = (facts.t_min + facts.t_max) / 2 if facts.t_min is not None and facts.t_max is not None else None
    extent = (facts.t_max - facts.t_min) * DAY_S if facts.t_min is not None and facts.t_max is not None else None
    low, high = (float(known.min()), float(known.max())) if known.size else (None, None)
    axis, space, time = f"{char}.SpectralAxis", f"{char}.SpatialAxis.Coverage", f"{char}.TimeAxis.Coverage"
    groups = [
        Group(
            utype=f"{SPEC}.Target",
            params=[
                Param(
                    name="target_name",
                    value=facts.target_name or "unknown",
                    utype=f"{SPEC}.Target.Name",
                    ucd="meta.id;src",
                )
            ],
        ),
        Group(
            utype=f"{SPEC}.Curation",
            params=[
                Param(name="publisher", value=facts.publisher, utype=f"{SPEC}.Curation.Publisher", ucd="meta.curation"),
                Param(
                    name="publisher_did",
                    value=facts.publisher_did,
                    utype=f"{SPEC}.Curation.PublisherDID",
                    ucd="meta.ref.ivoid",
                ),
                Param(
                    name="reference",
                    value=facts.reference,
                    utype=f"{SPEC}.Curation.Reference",
                    ucd="meta.bib.bibcode",
                ),
            ],
        ),
        Group(
            utype=f"{SPEC}.DataID",
            params=[
                Param(name="title", value=facts.title, utype=f"{SPEC}.DataID.Title", ucd="meta.title;meta.dataset"),
                Param(name="collection", value=facts.collection, utype=f"{SPEC}.DataID.Collection", ucd="meta.id"),
                Param(
                    name="instrument", value=facts.instrument, utype=f"{SPEC}.DataID.Instrument", ucd="meta.id;instr"
                ),
            ],
        ),
        Group(
            utype=char,
            params=[
                Param(name="spec_ucd", value="em.energy", utype=f"{axis}.ucd", ucd="meta.ucd"),
                Param(name="spec_unit", value="TeV", utype=f"{axis}.unit", ucd="meta.unit"),
                Param(name="flux_ucd", value=flux_ucd, utype=f"{char}.FluxAxis.ucd", ucd="meta.ucd"),
                Param(name="flux_unit", value=flux_unit, utype=f"{char}.FluxAxis.unit", ucd="meta.unit"),
                Param(
                    name="spec_start",
                    value=low,
                    unit="TeV",
                    utype=f"{axis}.Coverage.Bounds.Start",
                    ucd="em.energy;stat.min",
                ),
                Param(
                    name="spec_stop",
                    value=high,
                    unit="TeV",
                    utype=f"{axis}.Coverage.Bounds.Stop",
                    ucd="em.energy;stat.max",
                ),
                Param(
                    name="position",
                    value=position,
                    unit="deg",
                    utype=f"{space}.Location.Value",
                    ucd="pos.eq",
                    ref="icrs",
                ),
                Param(
                    name="aperture",
                    value=facts.fov_deg,
                    unit="deg",
                    utype=f"{space}.Bounds.Extent",
                    ucd="phys.angSize;instr.fov",
                ),
                Param(
                    name="t_mid", value=middle, unit="d", utype=f"{time}.Location.Value", ucd="time.epoch", ref="utc"
                ),
                Param(
                    name="t_ext",
                    value=extent if has_times else None,
                    unit="s",
                    utype=f"{time}.Bounds.Extent",
                    ucd="time.duration",
                ),
            ],
        ),
    ]
    params = [
        Param(name="data_model", value=MODEL, utype=f"{SPEC}.DataModel"),
        Param(name="length", value=length, utype=f"{SPEC}.Length", ucd="meta.number"),
        *extra,
    ]
    return votable(name=name, utype=SPEC, description=facts.title, groups=groups, params=params, fields=fields)
