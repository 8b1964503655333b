"""Pieces of web pages. Texts go in as texts: everything is escaped, whatever it has in it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from lxml import etree
from lxml import html as lxml_html

STYLES = ("/static/cta/home.css", "/static/cta/jobs.css")
SCRIPT = "/static/cta/jobs.js"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Content = Any
"""An element, a text, None for nothing, or a list of these."""


def element(tag: str, *content: Content, **attributes: str | int | bool | None) -> Any:
    """Return an element of HTML.

    Parameters
    ----------
    tag
        Name of the element.
    content
        What is in it.
    attributes
        By name; ``class_`` and ``for_`` stand for words of Python's, ``_`` for ``-``. None and False leave one out.
    """
    made = etree.Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(name.rstrip("_").replace("_", "-"), "" if value is True else plain(str(value)))
    for item in content:
        _append(made, item)
    return made


def plain(text: str) -> str:
    """Return a text without the characters that no page can hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _append(parent: Any, item: Content) -> None:
    if item is None:
        return
    if isinstance(item, list | tuple):
        for part in item:
            _append(parent, part)
    elif isinstance(item, str):
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + plain(item)
        else:
            parent.text = (parent.text or "") + plain(item)
    else:
        parent.append(item)


def link(url: str, *content: Content, **attributes: str | None) -> Any:
    """Return a link; addresses that are not of the web become plain text, as they may be a script."""
    if not re.match(r"(?:https?://|/(?!/)|\?|[\w.-]+(?:[/?#]|$))", url):
        return element("span", *content)
    return element("a", *content, href=url, **attributes)


def paragraphs(text: str) -> list[Any]:
    """Return the paragraphs of a text, which empty lines part."""
    return [element("p", part) for part in text.split("\n\n") if part.strip()]


def table(headings: list[str], rows: list[list[Content]], caption: str = "") -> Any:
    """Return a table with a heading for each column; it can be scrolled where there is no room."""
    made = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", element("tr", [element("th", text, scope="col") for text in headings])),
        element("tbody", [element("tr", [element("td", cell) for cell in row]) for row in rows]),
        class_="collections",
    )
    return element("div", made, class_="wide")


def code(text: str) -> Any:
    """Return lines of code."""
    return element("pre", element("code", text))


def page(title: str, *content: Content, viewer: str | None = None, here: str = "/jobs", refresh_s: int = 0) -> bytes:
    """Return a web page.

    Parameters
    ----------
    title
        Of window and page.
    content
        What is below the title.
    viewer
        Account of who looks at it.
    here
        Its address, to which a login returns.
    refresh_s
        When it is not 0, browsers that run no scripts load the page again after so many seconds.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{title} · Analysis jobs"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="same-origin"),
        [element("link", rel="stylesheet", href=style) for style in STYLES],
        element("noscript", element("meta", http_equiv="refresh", content=str(refresh_s))) if refresh_s else None,
    )
    if viewer:
        who: Content = ["Signed in as ", element("strong", viewer)]
    else:
        who = link(f"/login?nextURL={quote(here, safe='/')}", "Sign in")
    navigation = element(
        "nav",
        element("span", link("/", "Archive"), " › ", link("/jobs", "Analysis jobs")),
        element("span", who),
        aria_label="Site",
    )
    body = element(
        "body",
        element("main", navigation, element("h1", title), *content),
        element("script", src=SCRIPT, defer=True),
    )
    root = element("html", head, body, lang="en")
    made: bytes = lxml_html.tostring(root, encoding="utf-8", doctype="<!DOCTYPE html>")
    return made


def when(moment: Any) -> str:
    """Return a time as people read it; nothing for None."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def size(n_bytes: int | None) -> str:
    """Return a number of bytes as people read it; nothing for None."""
    if n_bytes is None:
        return ""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.3g} {unit}"
    return f"{n_bytes} bytes"
