"""JSON objects one after the other from a file that need not be one JSON document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from prov_tables.errors import ProvenanceError

CHUNK = 2**20
MAX_OBJECT = 2**28
_SEPARATORS = re.compile(r"[\s,\[\]\ufeff]*")


def objects(stream: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON lines, of an array, or of arrays one behind the other (``][``).

    Raises
    ------
    ProvenanceError
        At the first place that is no JSON; what came before has been yielded.
    """
    decoder = json.JSONDecoder()
    buffer, position, done, wanted = "", 0, 0, CHUNK
    while True:
        match = _SEPARATORS.match(buffer, position)
        position = match.end() if match else position
        try:
            if position == len(buffer):
                raise json.JSONDecodeError("no more text", buffer, position)
            value, end = decoder.raw_decode(buffer, position)
            if not isinstance(value, dict):
                raise ProvenanceError(f"a record must be a JSON object, not {json.dumps(value)[:40]}.")
        except json.JSONDecodeError as exc:
            more = stream.read(wanted)
            if more and len(buffer) - position < MAX_OBJECT:
                done += position
                buffer, position, wanted = buffer[position:] + more, 0, min(wanted * 2, MAX_OBJECT)
                continue
            if position == len(buffer):
                return
            raise ProvenanceError(f"it is no JSON after character {done + position} ({exc.msg}).") from exc
        except RecursionError as exc:
            raise ProvenanceError("its JSON is nested too deeply.") from exc
        yield value
        position = end
        wanted = CHUNK
