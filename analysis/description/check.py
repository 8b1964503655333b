"""What is wrong with a description: everything a reader of the VOTable cannot know by itself."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from astropy.io.votable.ucd import check_ucd
from astropy.units import Unit

from analysis.description.model import (
    DATASET,
    RECIPE,
    UPLOAD,
    GenerationDescription,
    JobDescription,
    ParameterDescription,
    UsageDescription,
)
from analysis.errors import RefusedError
from analysis.parameters import BITS, NUMBERS, check_value
from analysis.settings import Settings

RESERVED_NAMES = ("sync", "form", "doc", "description", "definitions")
RESERVED_PARAMETERS = ("phase", "runid", "action", "wait", "executionduration", "destruction", "upload")
RESERVED_RESULTS = ("log", "provenance")
KINDS = (DATASET, UPLOAD, RECIPE)
MAX_SCRIPT_BYTES = 1024 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]{0,99}", re.ASCII)
_FILE_PATTERN = re.compile(r"[A-Za-z0-9_*][\w.+*-]{0,99}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:;.*)?", re.ASCII)
_SIZE = re.compile(r"[1-9][0-9]{0,5}\*?|\*")


def problems(description: JobDescription, settings: Settings | None = None) -> list[str]:
    """Return what must be mended before a job type can run: sentences, none when all is well.

    Parameters
    ----------
    description
        As read.
    settings
        Limits of the service, which those of the job type must keep to.
    """
    found = [*_names(description), *_script(description), *_limits(description, settings)]
    for parameter in description.parameters:
        found += _parameter(parameter)
    for usage in description.used:
        found += _usage(usage)
    if not description.generated:
        found.append("it has no outputs: describe each result file in the group Generated.")
    for output in description.generated:
        found += _output(output)
    return found


def _names(description: JobDescription) -> Iterator[str]:
    if not _NAME.fullmatch(description.name):
        yield f"its name {description.name[:80]!r} must have lower-case letters, digits and _ only, a letter first."
    elif description.name in RESERVED_NAMES:
        yield f"its name cannot be {description.name}, which is an address of the service."
    if not description.description:
        yield "it has no DESCRIPTION, of which the first sentence is its title."
    asked = description.request_names
    for name in asked:
        if not _NAME.fullmatch(name):
            yield f"the parameter {name[:80]!r} must have lower-case letters, digits and _ only, a letter first."
        elif name in RESERVED_PARAMETERS:
            yield f"no parameter can be called {name}, which is a word of UWS."
    for output in description.generated:
        if not _NAME.fullmatch(output.name):
            yield f"the output {output.name[:80]!r} must have lower-case letters, digits and _ only, a letter first."
        elif output.name in RESERVED_RESULTS:
            yield f"no output can be called {output.name}, which each job has anyway."
    for names, what in (
        (asked, "parameters or inputs"),
        ([item.name for item in description.generated], "outputs"),
        ([item.file_name for item in description.generated if item.file_name], "outputs with the file"),
    ):
        for name, number in Counter(names).items():
            if number > 1:
                yield f"there are {number} {what} {name}; each needs its own name."


def _script(description: JobDescription) -> Iterator[str]:
    path = description.script
    if path == description.folder:
        yield (
            "its script is a template for a shell, as OPUS has them, which is not run here: put a function run(job)"
            " into a file script.py beside the description, and give that name."
        )
        return
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_SCRIPT_BYTES + 1)
    except OSError:
        yield f"its script {path.name} is missing in {path.parent.name}."
        return
    if len(content) > MAX_SCRIPT_BYTES:
        yield f"its script {path.name} is larger than 1 MB."
        return
    try:
        parsed = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        yield f"its script {path.name} is no Python: {exc}."
        return
    if not any(isinstance(item, ast.FunctionDef) and item.name == "run" and _takes_one(item) for item in parsed.body):
        yield f"its script {path.name} has no function run(job) at its top level."


def _takes_one(function: ast.FunctionDef) -> bool:
    taken = [*function.args.posonlyargs, *function.args.args]
    return len(taken) - len(function.args.defaults) <= 1 and (bool(taken) or function.args.vararg is not None)


def _limits(description: JobDescription, settings: Settings | None) -> Iterator[str]:
    given = (
        ("executionDuration", description.execution_duration_s, settings and settings.max_duration, "s"),
        ("memory_bytes", description.memory_bytes, settings and settings.memory_bytes, "bytes"),
        ("disk_bytes", description.disk_bytes, settings and settings.disk_bytes, "bytes"),
    )
    for name, value, limit, unit in given:
        if value is not None and value <= 0:
            yield f"{name} must be above 0."
        elif value is not None and limit and value > limit:
            yield f"{name} is {value} {unit}; this service allows {limit} {unit}."


def _parameter(parameter: ParameterDescription) -> Iterator[str]:
    name = parameter.name[:80]
    if parameter.datatype not in (*NUMBERS, "boolean", "char"):
        yield f"{name} has the datatype {parameter.datatype[:40]!r}; there are double, int, long, boolean and char."
        return
    if parameter.arraysize is not None and not _SIZE.fullmatch(parameter.arraysize):
        yield f"{name} has the arraysize {parameter.arraysize[:40]!r}; use a number, a number with *, or *."
        return
    if parameter.unit and not _is_unit(parameter.unit):
        yield f"{name} has the unit {parameter.unit[:40]!r}, which is not in VOUnits."
    if parameter.ucd and not check_ucd(parameter.ucd, check_controlled_vocabulary=True):
        yield f"{name} has the UCD {parameter.ucd[:80]!r}, which is not one of UCD1+."
    if (parameter.low is not None or parameter.high is not None) and parameter.datatype not in NUMBERS:
        yield f"{name} is no number and cannot have MIN or MAX."
    elif parameter.low is not None and parameter.high is not None and parameter.low > parameter.high:
        yield f"{name} has a MIN above its MAX."
    if parameter.datatype in NUMBERS and not all(_is_number(option) for option in parameter.options):
        yield f"{name} is a number and has an OPTION that is none."
        return
    if parameter.default is not None:
        try:
            check_value(parameter, [parameter.default])
        except RefusedError as exc:
            yield f"the default of {exc}"
    if parameter.datatype in BITS and any(limit is not None and limit % 1 for limit in (parameter.low, parameter.high)):
        yield f"{name} is a whole number and has a MIN or MAX that is none."


def _is_number(text: str) -> bool:
    try:
        check_value(ParameterDescription(name="option", datatype="double"), [text])
    except RefusedError:
        return False
    return bool(text.strip())


def _is_unit(text: str) -> bool:
    try:
        Unit(text, format="vounit")
    except (ValueError, TypeError):
        return False
    return True


def _usage(usage: UsageDescription) -> Iterator[str]:
    if usage.kind not in KINDS:
        yield f"the input {usage.name[:80]} has the kind {usage.kind[:40]!r}; there are {', '.join(KINDS)}."
    if usage.kind != DATASET and (usage.needs or usage.dataproduct_type):
        yield f"the input {usage.name[:80]} is no dataset and cannot have needs or dataproduct_type."


def _output(output: GenerationDescription) -> Iterator[str]:
    name = output.name[:80]
    several = output.multiplicity.high != 1
    if not (_FILE_PATTERN if several else _FILE_NAME).fullmatch(output.file_name):
        yield (
            f"the output {name} has the file name {output.file_name[:80]!r}; it must be a plain name such as map.fits,"
            " without path" + ("." if several else ", and without * as there is one file.")
        )
    if not _MEDIA_TYPE.fullmatch(output.content_type):
        yield f"the output {name} has the content_type {output.content_type[:80]!r}, which is no media type."
