"""Pages on job types: the list of them, the form of one, its documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.description.model import (
    DATASET,
    RECIPE,
    UPLOAD,
    JobDescription,
    Multiplicity,
    ParameterDescription,
    UsageDescription,
)
from analysis.pages.calls import call_section
from analysis.pages.html import Content, duration, element, link, page, paragraphs, size, table
from analysis.parameters import expected, is_array

_DATASET_HINT = (
    "Publisher DIDs (ivo://…) or observation ids, separated by blanks, commas or line breaks; or one ADQL query that"
    " begins with SELECT; or a file with a list of them (text, or VOTable with a column obs_publisher_did or obs_id)."
)
_HINTS = {
    UPLOAD: "A file of yours.",
    RECIPE: "Identifier of a product whose provenance says how it was made.",
}


def list_page(
    descriptions: Sequence[JobDescription], broken: Mapping[str, str], viewer: str | None, *, takes_more: bool = False
) -> bytes:
    """Return the list of job types; `takes_more` when users can submit others."""
    cards = [
        element(
            "div",
            element("h3", link(f"/jobs/{item.name}/form", item.title)),
            element("p", _rest(item)),
            element(
                "p",
                link(f"/jobs/{item.name}/form", "New job"),
                " · ",
                link(f"/jobs/{item.name}", "my jobs"),
                " · ",
                link(f"/jobs/{item.name}/doc", "about"),
            ),
            class_="card",
        )
        for item in descriptions
    ]
    faults = [
        element("h2", "Not available"),
        table(["Job type", "What is wrong"], [[name, text] for name, text in sorted(broken.items())]),
    ]
    return page(
        "Analysis jobs",
        element(
            "p",
            "Analyses that run here, next to the data. Choose the runs and what to make of them; the results stay here"
            " for some weeks. Programs use the same services by the protocol UWS.",
            class_="lead",
        ),
        element("div", cards, class_="cards") if cards else element("p", "This archive has no job types."),
        element("p", link("/jobs/definitions", "Add an analysis of your own")) if takes_more else None,
        faults if broken else None,
        viewer=viewer,
    )


def _after_title(description: JobDescription) -> str:
    return description.description[len(description.title) :].lstrip(".!? \n")


def _rest(description: JobDescription) -> str:
    """Return the text after the title, as far as a card has room."""
    rest = _after_title(description).partition("\n\n")[0]
    return rest if len(rest) < 300 else f"{rest[:299].rpartition(' ')[0]} …"


def form_page(
    description: JobDescription, viewer: str | None, defaults: Sequence[tuple[str, str]], server: str
) -> bytes:
    """Return the form that creates a job, with values filled in."""
    given: dict[str, str] = {}
    for name, value in defaults:
        known = given.get(name.lower())
        given[name.lower()] = value if known is None else f"{known}\n{value}"
    form = element(
        "form",
        [_input_field(usage, given.get(usage.name)) for usage in description.used],
        [_field(parameter, given.get(parameter.name)) for parameter in description.parameters],
        _labelled(
            "RUNID",
            "Name of the job",
            element("input", type="text", id="RUNID", name="RUNID", maxlength=100, value=given.get("runid", "")),
            "If you like; it helps you to find the job again.",
        ),
        element(
            "p",
            element("button", "Run", type="submit", name="PHASE", value="RUN"),
            element("button", "Create without running", type="submit", class_="second"),
            class_="buttons",
        ),
        method="post",
        action=f"/jobs/{description.name}",
        enctype="multipart/form-data",
        class_="job",
    )
    anonymous = element(
        "p",
        "You are not signed in: whoever knows the address of your job can see and delete it, and it is in no list."
        " Keep the address, or sign in first.",
        class_="note",
    )
    return page(
        description.title,
        element("p", _rest(description), class_="lead"),
        element("p", link(f"/jobs/{description.name}/doc", "About this job"), " · ", _list_link(description)),
        None if viewer else anonymous,
        form,
        call_section(description, server),
        viewer=viewer,
        here=f"/jobs/{description.name}/form",
    )


def _list_link(description: JobDescription) -> Any:
    return link(f"/jobs/{description.name}", "My jobs of this type")


def _input_field(usage: UsageDescription, value: str | None) -> Any:
    needed = usage.multiplicity.low > 0
    common: dict[str, Any] = {"id": usage.name, "name": usage.name, "required": needed}
    common["aria_describedby"] = f"{usage.name}-hint"
    if usage.kind == UPLOAD:
        field: Content = element("input", type="file", multiple=usage.multiplicity.high != 1, **common)
    elif usage.kind == DATASET and usage.multiplicity.high != 1:
        common["required"] = False  # a list in a file does as well
        field = [
            element("textarea", value or "", rows=3, spellcheck="false", **common),
            element("input", type="file", name=usage.name, aria_label=f"{usage.name} as a file"),
        ]
    else:
        field = element("input", type="text", value=value or "", **common)
    hint = _HINTS.get(usage.kind, _DATASET_HINT)
    return _labelled(usage.name, usage.name, field, f"{_sentence(usage.description)}{hint}", is_needed=needed)


def _field(parameter: ParameterDescription, value: str | None) -> Any:
    value = value if value is not None else parameter.default
    common: dict[str, Any] = {"id": parameter.name, "name": parameter.name, "required": parameter.required}
    common["aria_describedby"] = f"{parameter.name}-hint"
    if parameter.options or parameter.datatype == "boolean":
        options = parameter.options or ("true", "false")
        chosen = {"1": "true", "0": "false"}.get(value or "", value) if not parameter.options else value
        blank = [] if chosen in options else [element("option", "", value="")]
        choices = [element("option", option, value=option, selected=option == chosen) for option in options]
        field = element("select", blank, choices, **common)
    elif parameter.datatype == "char" or is_array(parameter):
        field = element("input", type="text", value=value or "", **common)
    else:
        field = element(
            "input",
            type="number",
            step="any" if parameter.datatype == "double" else "1",
            min=None if parameter.low is None else f"{parameter.low:.12g}",
            max=None if parameter.high is None else f"{parameter.high:.12g}",
            value=value or "",
            **common,
        )
    allowed = "" if parameter.options or parameter.datatype == "boolean" else _capital(expected(parameter)) + "."
    optional = "" if parameter.required or parameter.default is not None else " May be left empty."
    hint = f"{_sentence(parameter.description)}{allowed if allowed != 'A text.' else ''}{optional}"
    return _labelled(parameter.name, parameter.name, field, hint, unit=parameter.unit, is_needed=parameter.required)


def _labelled(name: str, label: str, field: Content, hint: str, *, unit: str = "", is_needed: bool = False) -> Any:
    return element(
        "div",
        element("label", label, element("span", " needed", class_="needed") if is_needed else None, for_=name),
        element("div", field, element("span", unit, class_="unit") if unit else None, class_="entry"),
        element("small", hint, id=f"{name}-hint"),
        class_="field",
    )


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return f"{text} " if text.endswith((".", "!", "?")) else f"{text}. "


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def doc_page(description: JobDescription, server: str, viewer: str | None) -> bytes:
    """Return what a job type does, takes and makes."""
    name = description.name
    return page(
        description.title,
        element("div", paragraphs(_after_title(description)), class_="lead"),
        element(
            "p",
            link(f"/jobs/{name}/form", "New job"),
            " · ",
            _list_link(description),
            " · ",
            link(f"/jobs/{name}/description", "Description for programs (VOTable)"),
        ),
        _inputs(description),
        _parameters(description),
        _outputs(description),
        element("h2", "Limits and contact"),
        element("ul", [element("li", item) for item in _facts(description)]),
        call_section(description, server),
        viewer=viewer,
        here=f"/jobs/{name}/doc",
    )


def _inputs(description: JobDescription) -> Content:
    if not description.used:
        return None
    rows = []
    for usage in description.used:
        needs = f" With the responses {', '.join(usage.needs)}." if usage.needs else ""
        kind = f"{usage.kind} ({usage.dataproduct_type})" if usage.dataproduct_type else usage.kind
        text = f"{_sentence(usage.description)}{needs}"
        rows.append([element("code", usage.name), kind, _number(usage.multiplicity), text])
    return [element("h2", "Inputs"), table(["Name", "Kind", "How many", "Description"], rows)]


def _parameters(description: JobDescription) -> Content:
    if not description.parameters:
        return None
    rows: list[list[Content]] = []
    for item in description.parameters:
        default = item.default if item.default is not None else "must be given" if item.required else "none"
        allowed = [[", " if number else "", element("code", option)] for number, option in enumerate(item.options)]
        rows.append([element("code", item.name), allowed or _capital(expected(item)), default, item.description])
    return [element("h2", "Parameters"), table(["Name", "Value", "Default", "Description"], rows)]


def _outputs(description: JobDescription) -> Content:
    rows: list[list[Content]] = [
        [element("code", item.name), item.file_name, item.content_type, item.description]
        for item in description.generated
    ]
    return [element("h2", "Results"), table(["Name", "File", "Format", "Description"], rows)]


def _number(multiplicity: Multiplicity) -> str:
    low, high = multiplicity.low, multiplicity.high
    if high is None:
        return f"{low} or more" if low else "any number"
    return str(low) if low == high else f"{low} to {high}"


def _facts(description: JobDescription) -> list[Content]:
    facts: list[Content] = [f"Time a job may take: {duration(description.execution_duration_s)}."]
    if description.quote_s is not None:
        facts.append(f"Time it usually takes: {duration(description.quote_s)}.")
    if description.memory_bytes is not None:
        facts.append(f"Memory: {size(description.memory_bytes)}.")
    if description.disk_bytes is not None:
        facts.append(f"Space for files: {size(description.disk_bytes)}.")
    if description.version:
        facts.append(f"Version: {description.version}.")
    contact = " ".join(filter(None, (description.contact_name, description.contact_email)))
    if contact:
        facts.append(f"Contact: {contact}.")
    if description.docurl:
        facts.append(["More: ", link(description.docurl, description.docurl)])
    return facts
