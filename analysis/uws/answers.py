"""Answers of the job service: texts, documents, redirections and files that scripts have written.

Scripts may come from users, and all results come from our own origin: nothing of theirs may run in a browser, and no
link they planted is followed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

from analysis.errors import RefusedError
from analysis.plain_files import open_plain
from analysis.uws.documents import MEDIA_TYPE
from analysis.uws.requests import UwsAnswer

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
BINARY = "application/octet-stream"
_SHOWN_IN_BROWSERS = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "text/csv", "application/json"}
)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}(;[\w.+=\"; -]{0,120})?", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")
_COMMON = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_NO_SCRIPTS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


def text(content: str, status: int = 200) -> UwsAnswer:
    """Return a plain text, which gets no line end."""
    return data(content.encode("utf-8", "replace"), TEXT, status)


def document(content: bytes) -> UwsAnswer:
    """Return an XML document."""
    return data(content, MEDIA_TYPE, vary=True)


def page(content: bytes, status: int = 200) -> UwsAnswer:
    """Return a web page."""
    return data(content, HTML, status, vary=True)


def data(content: bytes, media_type: str, status: int = 200, *, vary: bool = False) -> UwsAnswer:
    """Return bytes; with `vary` others may get something else at this address."""
    headers = _COMMON | {"Content-Type": media_type, "Content-Length": str(len(content))}
    return UwsAnswer(status, headers | ({"Vary": "Accept"} if vary else {}), content)


def see_other(url: str) -> UwsAnswer:
    """Return a redirection that is followed by GET."""
    return UwsAnswer(303, _COMMON | {"Location": url, "Content-Length": "0"})


def made_result(content: bytes, media_type: str) -> UwsAnswer:
    """Return a result this service has made itself."""
    answer = data(content, safe_media_type(media_type))
    return UwsAnswer(answer.status, {**answer.headers, **_NO_SCRIPTS}, content)


def file_answer(stream: BinaryIO, media_type: str, name: str) -> UwsAnswer:
    """Return an open file under a name; what a browser could run it has to save."""
    kind = safe_media_type(media_type)
    shown = kind.partition(";")[0].strip().lower() in _SHOWN_IN_BROWSERS
    headers = _COMMON | _NO_SCRIPTS | {"Content-Type": kind, "Content-Length": str(os.fstat(stream.fileno()).st_size)}
    headers["Content-Disposition"] = f'{"inline" if shown else "attachment"}; filename="{safe_name(name)}"'
    return UwsAnswer(200, headers, stream)


def safe_media_type(media_type: str) -> str:
    """Return a media type that can stand in a header."""
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else BINARY


def safe_name(name: str) -> str:
    """Return a file name that can stand in a header and on any disk."""
    return _UNSAFE.sub("_", name.rpartition("/")[2])[-150:].lstrip(".") or "file"


def open_below(folder: Path, name: str) -> BinaryIO:
    """Open a file below a folder for reading.

    Parameters
    ----------
    folder
        The folder of a job, which only this service writes to.
    name
        Path below it; no part may be a link, the last must be a plain file.

    Raises
    ------
    RefusedError
        404 when it is not there, or is something else.
    """
    parts = name.split("/")
    gone = RefusedError(404, f"The file {parts[-1][:80]} of this job is not there any more.")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise gone
    descriptor = -1
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        return open_plain(parts[-1], descriptor)
    except OSError:
        raise gone from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)
