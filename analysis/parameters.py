"""Checks what a request gives a job: parameters become typed values, inputs lists of identifiers.

Everything comes from outside and is refused unless it is known to be good; a refusal is a sentence for the user.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.description.model import JobDescription, ParameterDescription, UsageDescription
from analysis.errors import RefusedError, shown

MAX_LENGTH = 10_000
MAX_VALUES = 1000
MAX_LIST_LENGTH = 500_000
"""Characters of a list of identifiers: a thousand DIDs of usual length need a fifth of it."""
NUMBERS = ("double", "int", "long")
BITS = {"int": 32, "long": 64}
TRUE, FALSE = ("true", "1"), ("false", "0")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}(\.0{1,3})?")  # pyvo writes 40 as 40.0
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_SIZE = re.compile(r"([0-9]{1,6})?(\*)?")
_QUERY = re.compile(r"\s*select\b", re.IGNORECASE)
_DID = re.compile(r"ivo://[A-Za-z0-9][\w.~!*'()\[\]@:&=+,%?/#-]{2,1000}", re.ASCII)
_OBS_ID = re.compile(r"(?!-)[\w.+:-]{1,80}", re.ASCII)
# What no text may have: controls, halves of characters, line and paragraph separators.
_UNWANTED = frozenset(("Cc", "Cs", "Zl", "Zp"))


@dataclass(frozen=True, slots=True)
class Selection:
    """The datasets a user wants: identifiers in the order given, each once, or an ADQL query that finds them.

    An identifier is a publisher DID (``ivo://…``) or an observation id, perhaps as ``collection:obs_id``.
    """

    identifiers: tuple[str, ...] = ()
    query: str | None = None


def check_parameters(description: JobDescription, given: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the values of all parameters of a job type, of the right types, in the order of the description.

    Numbers, texts and booleans are single values, or lists where the description says array; what is optional and was
    not given is None. Empty values count as not given, as forms send them.

    Parameters
    ----------
    description
        Of the job type.
    given
        Names, in whatever case, and values, without those that are for UWS itself (PHASE, RUNID, …). Inputs of the job
        may be among them and are left to `check_identifiers`.

    Raises
    ------
    RefusedError
        400 with a sentence, for the first thing that is wrong.
    """
    texts: dict[str, list[str]] = {}
    for name, value in given:
        parameter = description.parameter(name)
        if parameter is not None:
            texts.setdefault(parameter.name, []).append(value)
        elif description.usage(name) is None:
            known = ", ".join(description.request_names) or "none"
            raise _refused(f"{description.name} has no parameter {shown(name)}; it has: {known}.")
    return {item.name: check_value(item, texts.get(item.name, ())) for item in description.parameters}


def given_for(given: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Return the values given for a name, in whatever case."""
    return [value for word, value in given if word.lower() == name.lower()]


def check_value(parameter: ParameterDescription, values: Sequence[str]) -> Any:
    """Return the typed value of a parameter.

    Parameters
    ----------
    parameter
        What it must be.
    values
        As given in the request; none, or empty ones, give the default.

    Raises
    ------
    RefusedError
        400 when it is not allowed.
    """
    for value in values:
        _check_text(parameter.name, value)
    texts = [value.strip() for value in values if value.strip()]
    if not texts:
        if parameter.default is not None:
            texts = [parameter.default]
        elif parameter.required:
            raise _refused(f"{parameter.name} is missing: give {expected(parameter)}.")
        else:
            return None
    if is_array(parameter):
        return _array(parameter, texts)
    if len(texts) > 1:
        raise _refused(f"{parameter.name} was given {len(texts)} times; give it once.")
    return _single(parameter, texts[0])


def is_array(parameter: ParameterDescription) -> bool:
    """Return whether a parameter takes several values; of characters the array is one text."""
    return parameter.datatype != "char" and parameter.arraysize not in (None, "", "1")


def expected(parameter: ParameterDescription) -> str:
    """Return what a parameter takes, such as ``a number from 0.01 to 300 TeV``."""
    kinds = {"double": "number", "int": "whole number", "long": "whole number", "boolean": "true or false"}
    kind = kinds.get(parameter.datatype, "text")
    if parameter.options:
        return f"one of {', '.join(parameter.options)}"
    many = is_array(parameter)
    if many:
        size = _SIZE.fullmatch(parameter.arraysize or "")
        count, open_ended = size.groups() if size else (None, None)
        count = f"up to {count}" if count and open_ended else count or "any number of"
        text = f"{count} values" if parameter.datatype == "boolean" else f"{count} {kind}s"
    else:
        text = kind if parameter.datatype == "boolean" else f"a {kind}"
    limits = _limits(parameter)
    if not limits:
        text += f" in {parameter.unit}" if parameter.unit else ""
    if many:
        text += ", separated by blanks"
        limits = f", each {limits}" if limits else ", each true or false" if parameter.datatype == "boolean" else ""
    elif limits:
        limits = f" {limits}"
    return text + limits


def _limits(parameter: ParameterDescription) -> str:
    low, high = parameter.low, parameter.high
    if low is not None and high is not None:
        text = f"from {low:.12g} to {high:.12g}"
    elif low is not None:
        text = f"of at least {low:.12g}"
    elif high is not None:
        text = f"of at most {high:.12g}"
    else:
        return ""
    return f"{text} {parameter.unit}".rstrip()


def check_identifiers(usage: UsageDescription, values: Sequence[str], max_datasets: int = 1000) -> Selection:
    """Return the datasets a request names.

    Parameters
    ----------
    usage
        The input; its multiplicity limits how many there may be.
    values
        As given: identifiers separated by blanks, commas or line breaks, in one or several values; or one ADQL query.
    max_datasets
        How many this service takes at most.

    Raises
    ------
    RefusedError
        400 when something is no identifier, or there are too few or too many.
    """
    for value in values:
        _check_text(usage.name, value, MAX_LIST_LENGTH, is_list=True)
    queries = [value for value in values if _QUERY.match(value)]
    if queries:
        return Selection(query=_query(usage, queries, values))
    words = [word for value in values for word in re.split(r"[\s,]+", value) if word]
    for word in words:
        if not is_identifier(word):
            raise _refused(
                f"{usage.name}: {shown(word)} is no identifier of a dataset; give publisher DIDs (ivo://…), observation"
                " ids such as 23523, collection:obs_id, or one ADQL query that begins with SELECT."
            )
    found = tuple(dict.fromkeys(words))
    _check_number(usage, len(found), max_datasets)
    return Selection(found)


def is_identifier(word: str) -> bool:
    """Return whether a word can be a publisher DID or an observation id; a path never is one."""
    if word.startswith("ivo://"):
        return _DID.fullmatch(word) is not None and ".." not in re.split(r"[/?#]", word)
    return _OBS_ID.fullmatch(word) is not None and ".." not in word


def _query(usage: UsageDescription, queries: Sequence[str], values: Sequence[str]) -> str:
    if len(queries) > 1 or any(value.strip() for value in values if value is not queries[0]):
        raise _refused(f"{usage.name}: give either one ADQL query or identifiers, not both.")
    if usage.multiplicity.high == 1:
        raise _refused(f"{usage.name} takes one identifier, no query.")
    if len(queries[0]) > MAX_LENGTH:
        raise _refused(f"{usage.name}: the query is longer than {MAX_LENGTH} characters.")
    return queries[0].strip()


def _check_number(usage: UsageDescription, number: int, max_datasets: int) -> None:
    low, high = usage.multiplicity.low, usage.multiplicity.high
    if number == 0 and low > 0:
        raise _refused(
            f"{usage.name} is missing: give publisher DIDs (ivo://…) or observation ids, separated by blanks or commas."
        )
    if number and number < low:
        raise _refused(f"{usage.name} needs at least {low} identifiers; {number} were given.")
    limit = max_datasets if high is None else min(high, max_datasets)
    if number > limit:
        raise _refused(f"{usage.name} takes at most {limit}; {number} were given. Split the job.")


def _check_text(name: str, value: str, limit: int = MAX_LENGTH, *, is_list: bool = False) -> None:
    if len(value) > limit:
        raise _refused(f"{name} is longer than {limit} characters.")
    if value.isascii() and value.isprintable():
        return
    for character in value:
        if unicodedata.category(character) in _UNWANTED and not (is_list and character in "\t\r\n"):
            raise _refused(f"{name} has a control character or a line break (U+{ord(character):04X}); remove it.")


def _array(parameter: ParameterDescription, texts: Sequence[str]) -> list[Any]:
    words = [word for text in texts for word in re.split(r"[\s,]+", text) if word]
    size = _SIZE.fullmatch(parameter.arraysize or "")
    count = int(size.group(1)) if size and size.group(1) else None
    is_open = size is None or size.group(2) is not None
    limit = MAX_VALUES if count is None else count
    if len(words) > limit or (not is_open and len(words) != limit) or not words:
        raise _refused(f"{parameter.name} takes {expected(parameter)}; {len(words)} were given.")
    values = [_single(parameter, word) for word in words]
    if parameter.xtype == "interval" and len(values) == 2 and values[0] > values[1]:
        raise _refused(f"{parameter.name}: the lower limit {words[0]} is above the upper limit {words[1]}.")
    return values


def _single(parameter: ParameterDescription, text: str) -> Any:
    value: Any
    if parameter.datatype in BITS:
        value = _whole(parameter, text)
    elif parameter.datatype == "double":
        value = _real(parameter, text)
    elif parameter.datatype == "boolean":
        if text.lower() not in TRUE + FALSE:
            raise _refused(f"{parameter.name} must be true or false, not {shown(text)}.")
        value = text.lower() in TRUE
    else:
        value = text
    if parameter.options:
        return _option(parameter, text, value)
    if parameter.datatype in NUMBERS and not (
        (parameter.low is None or value >= parameter.low) and (parameter.high is None or value <= parameter.high)
    ):
        raise _wrong(parameter, text)
    return value


def _whole(parameter: ParameterDescription, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _refused(
            f"{parameter.name} must be {expected(parameter)}, written with digits only, such as 100; not {shown(text)}."
        )
    value, limit = int(text.partition(".")[0]), 2 ** (BITS[parameter.datatype] - 1)
    if not -limit <= value < limit:
        raise _refused(f"{parameter.name} must be {expected(parameter)}; {shown(text)} is too large a number.")
    return value


def _real(parameter: ParameterDescription, text: str) -> float:
    if _NOT_FINITE.fullmatch(text):
        raise _refused(f"{parameter.name} must be {expected(parameter)}; {shown(text)} is not finite.")
    value = float(text) if _FLOAT.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise _wrong(parameter, text)
    return value


def _option(parameter: ParameterDescription, text: str, value: Any) -> Any:
    """Return the option that was meant: the same number, or the same text but for case."""
    for option in parameter.options:
        if option == text or (parameter.datatype in NUMBERS and float(option) == value):
            return value
    if parameter.datatype == "char":
        alike = [option for option in parameter.options if option.casefold() == text.casefold()]
        if len(alike) == 1:
            return alike[0]
    raise _wrong(parameter, text)


def _wrong(parameter: ParameterDescription, text: str) -> RefusedError:
    return _refused(f"{parameter.name} must be {expected(parameter)}, not {shown(text)}.")


def _refused(sentence: str) -> RefusedError:
    return RefusedError(400, sentence)
