"""What services answer with (adaptor: imports DaCHS): texts, files and streams as resources of the web server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from gavo import base
from twisted.internet.interfaces import IPullProducer
from twisted.web import server, static
from zope.interface import implementer

from datalink.access import Verdict

REALM = "CTA Science Archive"
# soda.md §3: status and first word of the body of what is not given.
REFUSALS = {
    Verdict.LOGIN_NEEDED: (
        401,
        "AuthenticationError",
        "these data are proprietary; log in as a member of their group.",
    ),
    Verdict.FORBIDDEN: (403, "AuthorizationError", "these data are proprietary, and not for your account."),
}


class TextAnswer:
    """A short text with a status; 204 has no text."""

    type = "text/plain"

    def __init__(self, status: int, text: str = "") -> None:
        self._status = status
        self._text = text

    def render(self, request: Any) -> Any:
        """Send it."""
        request.setResponseCode(self._status)
        request.responseHeaders.removeHeader(b"content-disposition")
        if self._status == 401:
            request.setHeader("www-authenticate", f'Basic realm="{REALM}"')
        if self._status != 204:
            request.setHeader("content-type", "text/plain;charset=utf-8")
            if request.method != b"HEAD":
                request.write(self._text.rstrip("\n").encode("utf-8", "replace") + b"\n")
        request.finish()
        return server.NOT_DONE_YET


def refusal(verdict: Verdict) -> TextAnswer:
    """Return the answer to somebody who may not have the data."""
    status, word, sentence = REFUSALS[verdict]
    return TextAnswer(status, f"{word}: {sentence}")


def send_uncompressed(request: Any) -> None:
    """Keep DaCHS from compressing what is sent for clients that allow it: it could not say then how long it is."""
    request._encoder = None
    request.responseHeaders.removeHeader(b"content-encoding")


class FileAnswer:
    """A file, with ranges; it can be removed once it is sent."""

    def __init__(self, path: Path, mime: str, name: str | None = None, *, temporary: bool = False) -> None:
        self._path = path
        self.type = mime
        self._name = name
        self._temporary = temporary

    def render(self, request: Any) -> Any:
        """Send it, as it is; a temporary file goes when that is over, or when nobody waits for it any more."""
        if request.channel is None:
            self._remove()
            return server.NOT_DONE_YET
        if self._name is None:
            request.responseHeaders.removeHeader(b"content-disposition")
        else:
            request.setHeader("content-disposition", f'attachment; filename="{self._name}"')
        send_uncompressed(request)
        if self._temporary:
            # The same request does not give the same bytes again: there is no second half to a first one.
            request.requestHeaders.removeHeader(b"range")
        request.notifyFinish().addBoth(lambda _: self._remove())
        resource = static.File(str(self._path))
        resource.type, resource.encoding = self.type, None
        # not render(), which knows no POST
        answer = resource.render_GET(request)
        if answer is not server.NOT_DONE_YET:
            request.write(answer)
            request.finish()
        return server.NOT_DONE_YET

    def _remove(self) -> None:
        if self._temporary:
            self._path.unlink(missing_ok=True)


class StreamAnswer:
    """Bytes that are made while they are sent; the connection is cut when making them fails."""

    def __init__(self, chunks: Callable[[], Iterable[bytes]], mime: str, name: str, size: int | None = None) -> None:
        self._chunks = chunks
        self.type = mime
        self._name = name
        self._size = size

    def render(self, request: Any) -> Any:
        """Send it."""
        request.setHeader("content-type", self.type)
        request.setHeader("content-disposition", f'attachment; filename="{self._name}"')
        send_uncompressed(request)
        if self._size is not None:
            request.setHeader("content-length", str(self._size))
        if request.method == b"HEAD":
            request.finish()
            return server.NOT_DONE_YET
        _ChunkProducer(request, iter(self._chunks())).start()
        return server.NOT_DONE_YET


@implementer(IPullProducer)
class _ChunkProducer:
    """Sends chunks as fast as the client takes them, one at a time, in the way the web server sends files."""

    def __init__(self, request: Any, chunks: Iterator[bytes]) -> None:
        self._request = request
        self._chunks = chunks

    def start(self) -> None:
        """Begin sending."""
        self._request.registerProducer(self, False)

    def resumeProducing(self) -> None:  # noqa: N802 # names of Twisted's interface
        """Send the next chunk; when it cannot be made the connection is cut, so that nobody takes a part for all."""
        try:
            chunk = next(self._chunks, None)
        except (OSError, ValueError) as exc:
            base.ui.notifyWarning(f"a transfer was cut off: {exc}")
            self._request.unregisterProducer()
            self._request.transport.abortConnection()
            return
        if chunk is not None:
            self._request.write(chunk)
        else:
            self._request.unregisterProducer()
            self._request.finish()

    def stopProducing(self) -> None:  # noqa: N802
        """Forget the rest: the client has gone."""
        self._chunks = iter(())
