"""The job service as a custom page of DaCHS, below ``/jobs``; `analysis.uws` answers, in threads of the server."""

from __future__ import annotations

from typing import Any

from gavo import base
from gavo.web import grend
from twisted.internet import defer, threads
from twisted.protocols.basic import FileSender
from twisted.web import resource, server

from analysis.dachs.changes import CHANGES
from analysis.dachs.requests import foreign_origin, uws_request
from analysis.dachs.service import handle, settings
from analysis.errors import JobsError, RefusedError
from analysis.uws.requests import UwsAnswer, UwsRequest, Wait
from datalink.answers import REALM, send_uncompressed

METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_CHANGING = (b"POST", b"PUT", b"DELETE")


class JobsPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """Everything below the address of the service."""

    name = "custom"

    @classmethod
    def isBrowseable(cls, service: Any) -> bool:  # noqa: N802 # DaCHS's name
        """Say that people can use this with a browser."""
        return True

    def render(self, request: Any) -> Any:
        """Answer at the address itself."""
        return _Endpoint(()).render(request)

    def getChild(self, name: Any, request: Any) -> resource.Resource:  # noqa: N802 # Twisted's name
        """Return what is below."""
        return _Endpoint(tuple(part for part in request.popSegments(name) if part))


class _Endpoint(resource.Resource):  # type: ignore[misc]
    """One address; it answers once."""

    isLeaf = True  # noqa: N815 # Twisted's name

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__()
        self._path = path
        self._gone = False

    def render(self, request: Any) -> int:
        """Begin to answer."""
        request.notifyFinish().addErrback(lambda _: setattr(self, "_gone", True))
        if request.method == b"OPTIONS":
            self._send(request, UwsAnswer(204, _preflight(request)))
            return int(server.NOT_DONE_YET)
        begun = threads.deferToThread(self._read, request)
        begun.addCallback(lambda read: self._handle(request, read, None))
        begun.addErrback(lambda failure: self._send(request, _failed(failure)))
        return int(server.NOT_DONE_YET)

    def _read(self, request: Any) -> UwsRequest:
        read = uws_request(request, self._path, settings())
        starts = self._path[-1:] == ("sync",)
        if read.owner is not None and (starts or request.method in _CHANGING):
            elsewhere = foreign_origin(request, base.getConfig("web", "serverURL"), settings())
            if elsewhere:
                sentence = (
                    f"the page at {elsewhere[:100]} may not act for you; log out, or use this archive's own pages."
                )
                raise RefusedError(403, sentence)
        return read

    def _handle(self, request: Any, read: UwsRequest, wait: Wait | None) -> defer.Deferred[None]:
        handled = threads.deferToThread(lambda: handle(read, wait))
        return handled.addCallback(lambda answer: self._send_or_wait(request, read, answer))

    def _send_or_wait(self, request: Any, read: UwsRequest, answer: UwsAnswer) -> Any:
        if answer.wait is None:
            self._send(request, answer)
            return None
        wait = answer.wait
        changed = CHANGES.wait(wait.job_id, wait.seconds)
        # the job may have changed before this request was listening
        second = threads.deferToThread(lambda: handle(read, wait))

        def look(answer: UwsAnswer) -> Any:
            if answer.wait is not None and not self._gone:
                return changed.addCallback(lambda _: self._handle(request, read, wait))
            CHANGES.cancel(wait.job_id, changed)
            self._send(request, answer)
            return None

        return second.addCallback(look)

    def _send(self, request: Any, answer: UwsAnswer) -> None:
        stream = None if isinstance(answer.body, bytes) else answer.body
        if self._gone or answer.wait is not None:
            if stream is not None:
                stream.close()
            return
        request.setResponseCode(answer.status)
        request.responseHeaders.removeHeader(b"content-disposition")
        for name, value in answer.headers.items():
            request.setHeader(name, value)
        _allow_credentials(request)
        if answer.status == 401:
            request.setHeader("www-authenticate", f'Basic realm="{REALM}"')
        send_uncompressed(request)
        if stream is None:
            if request.method != b"HEAD":
                request.write(answer.body)
            request.finish()
        elif request.method == b"HEAD":
            stream.close()
            request.finish()
        else:
            sent = FileSender().beginFileTransfer(stream, request)
            sent.addCallback(lambda _: request.finish())
            sent.addErrback(lambda _: None)
            sent.addBoth(lambda _: stream.close())


def _failed(failure: Any) -> UwsAnswer:
    """Return the answer to what went wrong before, or beside, the service."""
    error = failure.value
    if isinstance(error, RefusedError):
        return _sentence(error.status, str(error))
    if isinstance(error, JobsError):
        return _sentence(503, str(error))
    if isinstance(error, base.DBError):
        base.ui.notifyError(f"jobs: the database refuses: {error}")
        return _sentence(503, "the database of the jobs does not answer; try again in a moment.")
    base.ui.notifyError(f"jobs: {failure.getTraceback()}")
    return _sentence(
        500, "this archive has made a mistake; its operators find it in their log. Nothing of yours is lost."
    )


def _sentence(status: int, text: str) -> UwsAnswer:
    return UwsAnswer(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode("utf-8", "replace"))


def _preflight(request: Any) -> dict[str, str]:
    """Return what a browser wants to know before it sends a request of a page elsewhere."""
    wanted = request.getHeader("access-control-request-headers") or ""
    allowed = ", ".join(
        word for word in (part.strip() for part in wanted.split(",")) if word.replace("-", "").isalnum()
    )
    headers = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": "86400", "Allow": METHODS}
    if allowed:
        headers["Access-Control-Allow-Headers"] = allowed
    if not request.responseHeaders.hasHeader("access-control-allow-origin"):
        headers["Access-Control-Allow-Origin"] = "*"
    return headers


def _allow_credentials(request: Any) -> None:
    """Let pages elsewhere read the address of a new job; those the operator trusts also act for who has logged in."""
    origin = request.getHeader("origin")
    if origin:
        request.setHeader("access-control-expose-headers", "Location")
        if origin in settings().allowed_origins:
            request.setHeader("access-control-allow-origin", origin)
            request.setHeader("access-control-allow-credentials", "true")
