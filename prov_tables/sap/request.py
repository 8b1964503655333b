"""Parameters of ProvSAP: what is asked, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value")
ALL = 10**6
FORMATS = {
    "PROV-JSON": "application/json",
    "PROV-N": "text/provenance-notation;charset=utf-8",
    "PROV-XML": "application/provenance+xml",
    "PROV-VOTABLE": "application/x-votable+xml",
    "PROV-SVG": "image/svg+xml",
    "PROV-PNG": "image/png",
}
_FORMAT_ALIASES = {
    **{mime.partition(";")[0]: name for name, mime in FORMATS.items()},
    "json": "PROV-JSON",
    "provn": "PROV-N",
    "text/plain": "PROV-N",
    "xml": "PROV-XML",
    "application/xml": "PROV-XML",
    "votable": "PROV-VOTABLE",
    "text/xml": "PROV-VOTABLE",
    "svg": "PROV-SVG",
    "graph": "PROV-SVG",
    "png": "PROV-PNG",
}
_DIRECTIONS = {"BACK": (True, False), "FORWARD": (False, True), "FORTH": (False, True), "BOTH": (True, True)}
_TRUE, _FALSE = ("1", "TRUE", "T", "YES"), ("0", "FALSE", "F", "NO")
MAX_IDS = 100


class RequestError(ValueError):
    """A request that cannot be answered, with the HTTP status to say so."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What to answer with.

    Attributes
    ----------
    ids
        Of entities and activities to start from.
    back, forward
        How many relations to follow towards what was used, and towards what was made of it.
    response_format
        A key of `FORMATS`.
    w3c
        Whether in the terms of the W3C alone, instead of the IVOA's.
    agents, members, configuration, attributes
        What to include.
    descriptions
        0 none, 1 those of activities and entities, 2 those of inputs, outputs and parameters, too.
    left_right
        Direction of pictures.
    """

    ids: tuple[str, ...]
    back: int = ALL
    forward: int = 0
    response_format: str = "PROV-JSON"
    w3c: bool = False
    agents: bool = True
    members: bool = False
    configuration: bool = True
    attributes: bool = True
    descriptions: int = 0
    left_right: bool = True

    @property
    def media_type(self) -> str:
        """Media type of the answer."""
        return FORMATS[self.response_format]


def parse_request(parameters: Mapping[str, Sequence[str]]) -> GraphRequest:
    """Return a checked request; parameters nobody knows are ignored, as DALI says.

    Parameters
    ----------
    parameters
        Values by upper-case name.

    Raises
    ------
    RequestError
        When a value makes no sense.
    """
    ids = tuple(dict.fromkeys(value for value in parameters.get("ID", ()) if value))
    if not ids:
        raise RequestError("give the identifier of a dataset, entity or activity as ID.")
    if len(ids) > MAX_IDS:
        raise RequestError(f"one request takes at most {MAX_IDS} ID.")
    if any("\0" in key for key in ids):
        raise RequestError("an identifier has no NUL character.")
    back, forward = _depths(parameters)
    return GraphRequest(
        ids=ids,
        back=back,
        forward=forward,
        response_format=_response_format(parameters),
        w3c=_choice(parameters, "MODEL", {"IVOA": False, "W3C": True}, False),
        agents=_flag(parameters, "AGENTS", _flag(parameters, "AGENT", True)),
        members=_flag(parameters, "MEMBERS", False),
        configuration=_flag(parameters, "CONFIGURATION", True),
        attributes=_flag(parameters, "ATTRIBUTES", True),
        descriptions=_choice(parameters, "DESCRIPTIONS", {"0": 0, "1": 1, "2": 2, "FALSE": 0, "TRUE": 1}, 0),
        left_right=_choice(parameters, "GD", {"LR": True, "TB": False}, True),
    )


def _last(parameters: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = [value.strip() for value in parameters.get(name, ()) if value.strip()]
    if len(set(values)) > 1:
        raise RequestError(f"{name} is given more than once, with different values.")
    return values[-1] if values else None


def _depths(parameters: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    depth = _depth(parameters, "DEPTH", ALL)
    direction = (_last(parameters, "DIRECTION") or "BACK").upper()
    if direction not in _DIRECTIONS:
        raise RequestError(f"DIRECTION is BACK, FORWARD or BOTH, not '{direction[:40]}'.")
    step = (_last(parameters, "STEP") or "ALL").upper()
    if step not in ("ALL", "LAST"):
        raise RequestError(f"STEP is LAST or ALL, not '{step[:40]}'.")
    if step == "LAST":
        return 2, 0
    towards_past, towards_future = _DIRECTIONS[direction]
    back, forward = (depth if towards_past else 0), (depth if towards_future else 0)
    # names of older drafts
    if "BACKWARD" in parameters or "FORWARD" in parameters:
        back, forward = _depth(parameters, "BACKWARD", back), _depth(parameters, "FORWARD", forward)
    return back, forward


def _depth(parameters: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    text = _last(parameters, name)
    if text is None:
        return default
    if text.upper() == "ALL":
        return ALL
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise RequestError(f"{name} is a number of relations from 0 on, or ALL, not '{text[:40]}'.")
    return min(int(text), ALL)


def _response_format(parameters: Mapping[str, Sequence[str]]) -> str:
    text = _last(parameters, "RESPONSEFORMAT") or _last(parameters, "FORMAT")
    if text is None:
        return "PROV-JSON"
    if text.upper() in FORMATS:
        return text.upper()
    name = _FORMAT_ALIASES.get(text.partition(";")[0].strip().lower())
    if name is None:
        raise RequestError(f"RESPONSEFORMAT is one of {', '.join(FORMATS)}, not '{text[:60]}'.")
    return name


def _flag(parameters: Mapping[str, Sequence[str]], name: str, default: bool) -> bool:
    return _choice(parameters, name, {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}, default, "0 or 1")


def _choice(
    parameters: Mapping[str, Sequence[str]],
    name: str,
    values: Mapping[str, Value],
    default: Value,
    said: str | None = None,
) -> Value:
    text = _last(parameters, name)
    if text is None:
        return default
    try:
        return values[text.upper()]
    except KeyError:
        raise RequestError(f"{name} is {said or ' or '.join(values)}, not '{text[:40]}'.") from None
