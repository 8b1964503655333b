"""Requests of the web server in the terms of the job service."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gavo.formal.twistedpatch import multipart

from analysis.errors import RefusedError
from analysis.settings import Settings
from analysis.uws.quotas import client_address
from analysis.uws.requests import UploadedFile, UwsRequest

_CHUNK = 2**18
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


def uws_request(request: Any, path: tuple[str, ...], settings: Settings) -> UwsRequest:
    """Return a request of the web server as one of the job service.

    The body is read here and not taken from DaCHS, which decodes the values of multipart forms once too often.

    Raises
    ------
    RefusedError
        400 when the body is not what it says it is, 413 when it is too large.
    """
    query = parse_qsl(request.uri.partition(b"?")[2].decode("ascii", "replace"), keep_blank_values=True)
    form, files = _body(request, settings)
    return UwsRequest(
        method=request.method.decode("ascii", "replace").upper(),
        path=path,
        query=query,
        form=form,
        files=files,
        owner=_owner(request),
        address=_address(request, settings),
        accept=request.getHeader("accept") or "",
    )


def _address(request: Any, settings: Settings) -> str:
    headers = request.requestHeaders.getRawHeaders("x-forwarded-for", [])
    return client_address(request.getClientAddress().host, headers, settings.trusted_proxies)


def _owner(request: Any) -> str | None:
    """Return who has logged in. A wrong password is refused: a slip of the hand must not make a job everybody's."""
    user = request.getAuthUser()
    if user is None and request.getUser():
        raise RefusedError(401, "user name or password are wrong.")
    return str(user) if user is not None else None


def foreign_origin(request: Any, server_url: str, settings: Settings) -> str | None:
    """Return the address of a page elsewhere that has made a browser send this; None when there is none.

    A browser sends the credentials it knows along: a page elsewhere must not act for whoever has logged in here.
    """
    origin = request.getHeader("origin")
    if not origin:  # browsers leave it out of what a link or picture makes them GET, but say this much
        return "another site" if request.getHeader("sec-fetch-site") == "cross-site" else None
    if origin in settings.allowed_origins:
        return None
    own = {_origin(server_url), f"http://{request.getHeader('host')}", f"https://{request.getHeader('host')}"}
    return None if origin in own else str(origin)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _body(request: Any, settings: Settings) -> tuple[list[tuple[str, str]], dict[str, UploadedFile]]:
    kind, parameters = multipart.parse_options_header(request.getHeader(b"content-type") or b"")
    media = kind.decode("ascii", "replace").lower()
    request.content.seek(0)
    if media == MULTIPART:
        return _multipart(request.content, parameters.get(b"boundary"), settings)
    content = request.content.read(settings.max_upload_bytes + 1)
    if len(content) > settings.max_upload_bytes:
        raise RefusedError(413, f"the request is too large; {settings.max_upload_bytes} bytes are taken.")
    if not content:
        return [], {}
    text = content.decode("utf-8", "replace")
    if media == URLENCODED:
        return parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace"), {}
    if request.method == b"PUT":
        return [("", text)], {}
    raise RefusedError(
        400, f"send parameters as {URLENCODED} or {MULTIPART}, not as {media or 'nothing in particular'}."
    )


def _multipart(
    stream: Any, boundary: bytes | None, settings: Settings
) -> tuple[list[tuple[str, str]], dict[str, UploadedFile]]:
    form: list[tuple[str, str]] = []
    files: dict[str, UploadedFile] = {}

    def add_field(field: Any) -> None:
        form.append((field.field_name.decode("utf-8", "replace"), (field.value or b"").decode("utf-8", "replace")))

    def add_file(file: Any) -> None:
        file.file_object.seek(0)
        content = file.file_object.read(settings.max_upload_bytes + 1)
        name = (file.file_name or b"").decode("utf-8", "replace")
        if len(content) > settings.max_upload_bytes:
            raise RefusedError(413, f"the file {name[:80]} is too large; {settings.max_upload_bytes} bytes are taken.")
        if name or content:  # a form's empty file field is none
            files[file.field_name.decode("utf-8", "replace")] = UploadedFile(name, content)

    try:
        parser = multipart.FormParser(MULTIPART, add_field, add_file, boundary=boundary)
        while chunk := stream.read(_CHUNK):
            parser.write(chunk)
        parser.finalize()
    except (multipart.FormParserError, ValueError) as exc:
        raise RefusedError(400, f"the form cannot be read: {str(exc)[:200]}.") from exc
    return form, files
