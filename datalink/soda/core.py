"""SODA on event lists and maps, at once and as a job (adaptor: imports DaCHS; `standards/soda.md`)."""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from gavo import base, svcs
from twisted.internet import reactor

from datalink import archive
from datalink.access import Verdict, Viewer, strictest
from datalink.answers import FileAnswer, TextAnswer, refusal
from datalink.cores import addresses, parameters_of, query_origin
from datalink.datasets import Dataset
from datalink.document import SODA_SYNC
from datalink.origin import SOFTWARE, dataset_infos
from datalink.soda.cutout import CutRequest, CutResult, cut_event_list
from datalink.soda.errors import MULTIPLE, UNAVAILABLE, NoOverlap, SodaError, usage_error
from datalink.soda.mapcut import MapCut, cut_map
from datalink.soda.overlap import DatasetBounds
from datalink.soda.responses import SharedResponse
from datalink.soda.selection import Selection, parse_selection, parse_selections
from prov_tables.cutouts import cutout_record, entity_of, new_product, write_down
from prov_tables.spool import spool_folder

EV_PER_TEV = 1e12
# Cut-outs under way at once, how many more wait for their turn, and how long.
MAX_AT_ONCE = 8
MAX_WAITING = 8
MAX_WAIT_S = 30.0
MAX_JOB_RESULTS = 1000
_turns = threading.BoundedSemaphore(MAX_AT_ONCE)
_places = threading.BoundedSemaphore(MAX_AT_ONCE + MAX_WAITING)
# DaCHS answers each request in a thread of Twisted's, which has ten: cut-outs alone would take them all.
reactor.suggestThreadPoolSize(MAX_AT_ONCE + MAX_WAITING + 16)


class SodaCore(svcs.Core):  # type: ignore[misc]
    """Cuts event lists and maps out: one at a time for a request, all combinations of values for a job."""

    name_ = "sodaCore"
    inputTableXML = """
        <inputTable>
            <inputKey name="ID" type="text" multiplicity="multiple" std="True"
                ucd="meta.ref.url;meta.curation" description="The dataset (publisher DID)"/>
            <inputKey name="CIRCLE" type="text" multiplicity="multiple" unit="deg"
                ucd="pos.outline;obs" description="Longitude, latitude, radius; ICRS"/>
            <inputKey name="POLYGON" type="text" multiplicity="multiple" unit="deg"
                ucd="pos.outline;obs" description="Vertices, counter-clockwise with east left; ICRS"/>
            <inputKey name="POS" type="text" multiplicity="multiple"
                ucd="pos.outline;obs" description="CIRCLE, RANGE or POLYGON with numbers in degrees, ICRS"/>
            <inputKey name="TIME" type="text" multiplicity="multiple" unit="d"
                ucd="time.interval;obs.exposure" description="First and last time, MJD UTC"/>
            <inputKey name="BAND" type="text" multiplicity="multiple" unit="m"
                ucd="em.wl;stat.interval" description="Shortest and longest wavelength"/>
            <inputKey name="ENERGY" type="text" multiplicity="multiple" unit="TeV"
                ucd="em.energy;stat.interval" description="Lowest and highest energy"/>
            <inputKey name="EVENT_TYPE" type="text" multiplicity="multiple"
                ucd="meta.code.qual;instr.detection;phys.particle" description="Types of events to keep"/>
            <inputKey name="RESPONSES" type="text" multiplicity="multiple"
                ucd="meta.code" description="include or omit"/>
            <inputKey name="RESPONSEFORMAT" type="text" multiplicity="multiple"
                ucd="meta.code.mime" description="application/fits or application/x-votable+xml"/>
        </inputTable>"""

    def run(self, service: Any, input_table: Any, query_meta: Any) -> Any:
        """Return a resource of the web server, or None after adding results to the job."""
        parameters = parameters_of(input_table)
        job = getattr(input_table, "job", None)
        if job is not None:
            return _run_job(job, parameters, service)
        try:
            return _answer(parameters, archive.viewer(query_meta), service)
        except SodaError as exc:
            return TextAnswer(exc.status, exc.body)
        except NoOverlap:
            return TextAnswer(204)


def _answer(parameters: Mapping[str, Sequence[str]], who: Viewer, service: Any) -> Any:
    wanted = parameters.get("ID", [])
    if len(wanted) > 1:
        raise SodaError(MULTIPLE, "a synchronous request takes one ID; send several to the asynchronous service.")
    selection = parse_selection(parameters)
    dataset = _dataset(wanted[0] if wanted else None)
    verdict = _verdict(dataset, selection, who)
    if verdict is not Verdict.ALLOWED:
        return refusal(verdict)
    if selection.is_trivial:
        return FileAnswer(dataset.file.path, dataset.file.mime, dataset.file.path.name)
    with _turn():
        descriptor, name = tempfile.mkstemp(prefix="cutout-", dir=base.getConfig("tempDir"))
        request = _request(dataset, service)
        try:
            with os.fdopen(descriptor, "w+b") as out:
                result = _cut(dataset, selection, out, request)
            _write_down(dataset, selection, request, result)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return FileAnswer(Path(name), result.media_type, result.file_name, temporary=True)


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """Wait for a turn to cut; a SodaError when it does not come, or too many wait already."""
    busy = SodaError(UNAVAILABLE, "too many cut-outs are being made; try again in a minute, or send a job.")
    if not _places.acquire(blocking=False):
        raise busy
    try:
        if not _turns.acquire(timeout=MAX_WAIT_S):
            raise busy
        try:
            yield
        finally:
            _turns.release()
    finally:
        _places.release()


def _dataset(identifier: str | None) -> Dataset:
    if not identifier:
        raise usage_error("give the identifier of a dataset as ID.")
    dataset = archive.datasets([identifier]).get(identifier)
    if dataset is None:
        raise SodaError("UsageError", f"this archive has no dataset {identifier[:200]!r}.", 404)
    if dataset.is_listed:
        raise SodaError("UsageError", "this dataset is listed and not served.", 404)
    if not (dataset.is_event_list or dataset.is_map):
        raise usage_error("this dataset is neither event list nor map; fetch its file, which its links give.")
    return dataset


def _cut(dataset: Dataset, selection: Selection, out: IO[bytes], request: CutRequest) -> CutResult | MapCut:
    if dataset.is_map:
        return cut_map(dataset.file.path, selection, out, request)
    return cut_event_list(dataset.file.path, selection, out, request)  # type: ignore[arg-type]


def _verdict(dataset: Dataset, selection: Selection, who: Viewer) -> Verdict:
    files = [dataset.file]
    if selection.with_responses:
        files += [response.file for response in dataset.responses]
    today = archive.today()
    return strictest([file.protection.verdict(who, today) for file in files])


def _request(dataset: Dataset, service: Any) -> CutRequest:
    own = dataset.file.publisher_did
    # what somebody looks for in proprietary data is nobody's business
    protected = dataset.file.protection.holds(archive.today())
    product = None if protected else entity_of(new_product())
    origin = query_origin(service, "dlget", SODA_SYNC, own)
    return CutRequest(
        publisher_did=own,
        service=service.getURL("dlget"),
        version=SOFTWARE,
        utc_now=datetime.datetime.now(datetime.timezone.utc),
        bounds=bounds_of(dataset),
        default_timesys=archive.default_timesys(dataset.collection),
        shared_responses=[
            SharedResponse(response.file.path, response.hdu_name)
            for response in dataset.responses
            if response.file.publisher_did != own
        ],
        product=f"{addresses().server}/provsap?ID={product}" if product else None,
        infos=tuple(origin.infos() + dataset_infos([dataset])),
    )


def _write_down(dataset: Dataset, selection: Selection, request: CutRequest, result: CutResult | MapCut) -> None:
    """Record how a cut-out was made; that this fails is no reason to withhold it."""
    if request.product is None:
        return
    own = dataset.file.publisher_did
    others = dict.fromkeys(response.file.publisher_did for response in dataset.responses)
    record = cutout_record(
        own,
        request.product.rpartition("product:")[2],
        selection.parameters(),
        software=(SOFTWARE.rpartition(" ")[0], SOFTWARE.rpartition(" ")[2]),
        file_name=result.file_name,
        media_type=result.media_type,
        utc_start=request.utc_now or datetime.datetime.now(datetime.timezone.utc),
        responses=[did for did in others if did != own] if selection.with_responses else (),
    )
    try:
        if not write_down(spool_folder(), record):
            base.ui.notifyWarning("too many cut-outs wait for their provenance to be imported; one is not recorded.")
    except OSError as exc:
        base.ui.notifyWarning(f"the provenance of a cut-out could not be written: {exc}")


def bounds_of(dataset: Dataset) -> DatasetBounds:
    """Return the extent of a dataset in the units of cut-outs."""
    return DatasetBounds(
        ra_deg=dataset.s_ra,
        dec_deg=dataset.s_dec,
        radius_deg=None if dataset.s_fov is None else dataset.s_fov / 2,
        energy_min_tev=None if dataset.energy_min is None else dataset.energy_min / EV_PER_TEV,
        energy_max_tev=None if dataset.energy_max is None else dataset.energy_max / EV_PER_TEV,
        t_min_mjd_utc=dataset.t_min,
        t_max_mjd_utc=dataset.t_max,
        event_type=dataset.event_type,
    )


def _run_job(job: Any, parameters: Mapping[str, Sequence[str]], service: Any) -> None:
    """Make one result for each combination of values; a combination that fails gives a text (SODA 1.0, 3.2.1)."""
    wanted = list(dict.fromkeys(parameters.get("ID", [])))
    if not wanted:
        raise base.ValidationError("UsageError: give the identifier of at least one dataset as ID.", "ID")
    try:
        selections = parse_selections(parameters)
    except SodaError as exc:
        raise base.ValidationError(exc.body.strip(), "parameters") from exc
    if len(wanted) * len(selections) > MAX_JOB_RESULTS:
        raise base.ValidationError(f"UsageError: one job makes at most {MAX_JOB_RESULTS} cut-outs.", "ID")
    who = archive.viewer_by_name(job.owner)
    number = 0
    for identifier in wanted:
        for selection in selections:
            number += 1
            _add_result(job, number, identifier, selection, who, service)


def _add_result(job: Any, number: int, identifier: str, selection: Selection, who: Viewer, service: Any) -> None:
    try:
        dataset = _dataset(identifier)
        verdict = _verdict(dataset, selection, who)
        if verdict is not Verdict.ALLOWED:
            raise SodaError(*_refused(verdict))
        stem = f"{number:04d}-{dataset.obs_id}"
        suffix = "fits" if selection.media_type == "application/fits" else "vot"
        name = "".join(char if char.isalnum() or char in "-_." else "_" for char in f"{stem}_cutout.{suffix}")
        # What cannot be made must not be announced as a result: it is cut aside and added when it is whole.
        with tempfile.TemporaryFile(dir=base.getConfig("tempDir")) as out:
            request = _request(dataset, service)
            result = _cut(dataset, selection, out, request)
            _write_down(dataset, selection, request, result)
            out.seek(0)
            with job.getWritable() as writable:
                writable.addResult(out, selection.media_type, name)
    except SodaError as exc:
        _add_text(job, number, exc.body)
    except NoOverlap:
        _add_text(job, number, "NoOverlap: the filter does not overlap the dataset.\n")


def _refused(verdict: Verdict) -> tuple[str, str]:
    if verdict is Verdict.LOGIN_NEEDED:
        return "AuthenticationError", "these data are proprietary; log in when making the job."
    return "AuthorizationError", "these data are proprietary, and not for your account."


def _add_text(job: Any, number: int, text: str) -> None:
    with job.getWritable() as writable:
        writable.addResult(io.BytesIO(text.encode()), "text/plain", f"{number:04d}-error.txt")
