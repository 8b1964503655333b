"""The process that reads event files for `ingest.events.reader`; only here astropy is loaded for pixels on the sky."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from ingest.events.copybinary import encode
from ingest.events.photons import iter_photons
from ingest.events.rows import Block, EventFile, Finished
from ingest.fitsfile import FitsError
from ingest.pipe import receive, send
from ingest.timescale import TimeError


def read_file(file: EventFile, partition_id: int) -> Iterator[Block | Finished]:
    """Yield the rows of one file; whatever is wrong with it ends as a sentence, never as an exception."""
    try:
        for photons in iter_photons(file):
            yield Block(file.source_id, len(photons.time_mjd), encode(photons, file.source_id, partition_id))
    except (FitsError, TimeError) as exc:
        yield Finished(file.source_id, str(exc))
    except OSError as exc:
        yield Finished(file.source_id, f"the file cannot be read ({exc.strerror or exc}).")
    except Exception as exc:
        # A file can be wrong in ways nobody foresaw; it must not stop the import of the others.
        yield Finished(file.source_id, f"the events are not understood ({type(exc).__name__}: {exc}).")
    else:
        yield Finished(file.source_id)


def main() -> None:
    """Run a reader: the number of the collection comes first, then files, until the input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        partition_id = receive(requests)
        send(answers, "ready")
        while True:
            for answer in read_file(receive(requests), partition_id):
                send(answers, answer)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        # The import ended or was killed. Leave at once: flushing what nobody reads would be an error.
        os._exit(0)


if __name__ == "__main__":
    main()
