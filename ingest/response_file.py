"""A file that holds responses and no events becomes a row of its own, found by its response type."""

from __future__ import annotations

import math

from ingest import gadf
from ingest.collection import Collection
from ingest.contents import Contents
from ingest.coverage import EV_PER_TEV, MAX_TEV, EnergyRange, set_energies
from ingest.header import text
from ingest.observation import timestamp
from ingest.response_table import ResponseError
from ingest.responses import acceptance_radius_deg, psf_fwhm_arcsec, resolving_power, sensitive_energies_tev
from ingest.rows import DatasetRow

# The parent term of the response-type vocabulary, for a file with several kinds of response.
SEVERAL = "response-function"


def describe_response_file(contents: Contents, collection: Collection, row: DatasetRow) -> DatasetRow:
    """Fill the row of a response file: type by response, resolution and energies where its tables tell them.

    Parameters
    ----------
    contents
        Of a file without event table; doubts are added to it.
    collection
        The collection it belongs to.
    row
        With the identity filled in.
    """
    types = sorted(contents.response_types)
    row.dataproduct_subtype = gadf.RESPONSE_TERMS[types[0]] if len(types) == 1 else SEVERAL
    headers = [hdu.header for hdu in contents.hdus]
    telescope, instrument = (
        next((value for header in headers if (value := gadf.set_text(header, key))), None)
        for key in ("TELESCOP", "INSTRUME")
    )
    row.telescop, row.instrume = telescope, instrument
    row.facility_name = collection.facility_name or telescope
    row.instrument_name = collection.instrument_name or instrument or telescope
    row.obs_creator_name = collection.creator or next(
        (value for header in headers if (value := gadf.set_text(header, "ORIGIN"))), None
    )
    row.obs_creation_date = next(
        (stamp for header in headers if (stamp := timestamp(text(header, "CREATED", "DATE")))), None
    )
    row.obs_title = f"{row.instrument_name or collection.name} responses ({', '.join(types)}), {row.obs_id}"
    row.messenger_name, row.messenger_pdgid = "photon", "+22"
    try:
        _set_characteristics(contents, collection, row)
    except ResponseError as exc:
        contents.doubts.append(f"a response is not usable: {exc}")
    return row


def _set_characteristics(contents: Contents, collection: Collection, row: DatasetRow) -> None:
    responses, defaults = contents.responses, collection.defaults
    reference_tev, offset_deg = defaults.reference_energy_tev, defaults.reference_offset_deg
    if gadf.AEFF in responses:
        limits = sensitive_energies_tev(responses[gadf.AEFF])
        if limits is not None and 0 < limits[0] < limits[1] < MAX_TEV:
            set_energies(row, EnergyRange(*limits, "effective area"))
            if not limits[0] <= reference_tev <= limits[1]:
                reference_tev = math.sqrt(limits[0] * limits[1])
        radius = acceptance_radius_deg(responses[gadf.AEFF], reference_tev)
        row.s_fov = None if radius is None else 2.0 * radius
    if gadf.PSF in responses:
        fwhm = float(psf_fwhm_arcsec(responses[gadf.PSF], reference_tev, offset_deg))
        row.s_resolution = fwhm if math.isfinite(fwhm) else None
    if gadf.EDISP in responses:
        row.em_res_power = resolving_power(responses[gadf.EDISP], reference_tev, offset_deg)
    row.s_ref_energy = row.em_ref_energy = reference_tev * EV_PER_TEV
    row.s_ref_oaa = row.em_ref_oaa = offset_deg
