"""Recipes: how to make a product again, from the recorded command and configuration of the step that made it."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from prov_tables.harvest import COMMAND_LINE, ENVIRONMENT, parameter_value
from prov_tables.model import (
    Activity,
    ActivityDescription,
    ConfigFile,
    Entity,
    Graph,
    Parameter,
    ParameterDescription,
    Used,
    WasAssociatedWith,
    WasConfiguredBy,
    WasGeneratedBy,
)
from prov_tables.readers.job import TYPES
from prov_tables.sap.request import GraphRequest, RequestError
from prov_tables.sap.selection import Database, select_graph

CONFIG_NAME = "config.json"
CUTOUT = "cutout"
_NESTED = re.compile(r"[A-Za-z_]\w*\.")
_SAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def recipe_of(database: Database, identifier: str, server: str) -> str:
    """Return the recipe of a product as a shell script with comments.

    Raises
    ------
    RequestError
        404 when the product is unknown, or nothing is recorded of how it was made.
    """
    request = GraphRequest(ids=(identifier,), back=2, descriptions=2)
    graph = select_graph(database, request)
    made = [row for row in graph.of(WasGeneratedBy) if row.entity_id == identifier]
    activity = graph.get(Activity, made[0].activity_id) if made else None
    if activity is None:
        raise RequestError("nothing is recorded of how this product was made.", 404)
    parameters = recorded_parameters(graph, activity.id)
    if not parameters:
        raise RequestError("no configuration is recorded of the step that made this product.", 404)
    product = graph.get(Entity, identifier)
    return "\n".join(_recipe(graph, activity, product, parameters, server)) + "\n"


def recorded_parameters(graph: Graph, activity: str) -> dict[str, tuple[Any, str]]:
    """Return value and text of an activity's parameters, by name."""
    found: dict[str, tuple[Any, str]] = {}
    for row in graph.of(WasConfiguredBy):
        parameter = graph.get(Parameter, row.parameter_id) if row.parameter_id else None
        if row.activity_id == activity and parameter is not None:
            described = graph.get(ParameterDescription, parameter.description_id)
            value = parameter_value(parameter.param_value, described.value_type if described else None)
            if described is not None and described.unit:
                value = {"value": value, "unit": described.unit}
            found[parameter.name] = (value, parameter.param_value)
    return dict(sorted(found.items()))


def configuration(parameters: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """Return the nested configuration that flat names (``Tool.Component.trait``) stand for."""
    tree: dict[str, Any] = {}
    for name, (value, _) in parameters.items():
        if name in (COMMAND_LINE, ENVIRONMENT) or not _NESTED.match(name):
            continue
        *path, last = name.split(".")
        place = tree
        for word in path:
            inner = place.setdefault(word, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            if not (isinstance(place.get(last), dict) and value == {}):
                place[last] = value
    return tree


def _recipe(
    graph: Graph, activity: Activity, product: Entity, parameters: Mapping[str, tuple[Any, str]], server: str
) -> Iterator[str]:
    described = graph.get(ActivityDescription, activity.description_id) if activity.description_id else None
    agents = [
        row.agent_id.removeprefix("software:")
        for row in graph.of(WasAssociatedWith)
        if row.activity_id == activity.id and row.agent_id.startswith("software:")
    ]
    version = described.version if described is not None else None
    yield "#!/bin/sh"
    yield from _comment(f"How to make {product.name or product.id} again, as recorded.")
    yield from _comment(f"Identifier: {product.id}")
    step = f"Step: {activity.name or activity.id}"
    if activity.end_time:
        step += f", done {activity.end_time:%Y-%m-%d %H:%M} UTC"
    yield from _comment(step)
    if agents or version:
        yield from _comment(f"Software: {' '.join(dict.fromkeys(agents))} {version or ''}".rstrip())
    if ENVIRONMENT in parameters:
        yield from _comment(
            f"Environment: {parameters[ENVIRONMENT][1]} ({server}/provsap?ID={quote(activity.id, safe='')})"
        )
    yield from _comment(f"Whole provenance: {server}/provsap?ID={quote(product.id, safe='')}")
    yield from _inputs(graph, activity, server)
    for row in graph.of(WasConfiguredBy):
        file = graph.get(ConfigFile, row.config_file_id) if row.config_file_id else None
        if file is not None and row.activity_id == activity.id:
            yield from _comment(f"Configuration file: {file.location or file.name}")
    yield ""
    if activity.name == CUTOUT:
        yield from _cutout(parameters, graph, activity, server)
    elif activity.id.startswith("job:"):
        yield from _job(parameters, graph, activity, server)
    else:
        yield from _command(parameters, activity)


def _inputs(graph: Graph, activity: Activity, server: str) -> Iterator[str]:
    for row in graph.of(Used):
        entity = graph.get(Entity, row.entity_id)
        if row.activity_id == activity.id and entity is not None:
            place = (
                f"{server}/cta/dl/links/dlmeta?{urlencode({'ID': entity.id})}"
                if entity.obs_publisher_did
                else entity.id
            )
            yield from _comment(f"Input: {entity.name or entity.id}{f' ({row.role})' if row.role else ''}: {place}")


def _comment(text: str) -> Iterator[str]:
    """Yield comment lines; whatever a record says, it stays one."""
    for line in textwrap.wrap(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"


def _command(parameters: Mapping[str, tuple[Any, str]], activity: Activity) -> Iterator[str]:
    nested = configuration(parameters)
    if nested:
        yield f"cat > {CONFIG_NAME} <<'END_OF_CONFIGURATION'"
        yield json.dumps(nested, indent=1, ensure_ascii=True)
        yield "END_OF_CONFIGURATION"
        yield ""
    for name, (_, text) in parameters.items():
        if name not in (COMMAND_LINE, ENVIRONMENT) and not _NESTED.match(name):
            yield from _comment(f"{name} = {text}")
    if COMMAND_LINE in parameters:
        try:
            words = shlex.split(parameters[COMMAND_LINE][1])
        except ValueError:
            words = [parameters[COMMAND_LINE][1]]
        if nested and not any(word.partition("=")[0] in ("-c", "--config") for word in words):
            words += ["--config", CONFIG_NAME]
        yield shlex.join(words)
    else:
        yield from _comment(f"The command was not recorded; the program was {activity.name or 'not named'}.")


def _cutout(parameters: Mapping[str, tuple[Any, str]], graph: Graph, activity: Activity, server: str) -> Iterator[str]:
    ids = [row.entity_id for row in graph.of(Used) if row.activity_id == activity.id]
    pairs: Sequence[tuple[str, str]] = [("ID", key) for key in ids[:1]]
    pairs = [*pairs, *((name.partition(" ")[0], text) for name, (_, text) in parameters.items() if name.isupper())]
    yield f"curl -o cutout.fits '{server}/cta/dl/soda/dlget?{urlencode(pairs, quote_via=quote)}'"


def _job(parameters: Mapping[str, tuple[Any, str]], graph: Graph, activity: Activity, server: str) -> Iterator[str]:
    pairs = [(name, text) for name, (_, text) in parameters.items() if name not in (COMMAND_LINE, ENVIRONMENT)]
    described = str(activity.description_id or "")
    if not described.startswith(TYPES):
        yield from _comment("Parameters of the job, to be sent to the same job service:")
        for name, text in pairs:
            yield f"#   {_SAFE_NAME.sub('_', name)}={quote(text, safe=' /:.,~?=+-')}"
        return
    used = f"{described}/used/"
    for row in graph.of(Used):
        if row.activity_id == activity.id and str(row.description_id).startswith(used):
            usage = str(row.description_id).removeprefix(used)
            if row.entity_id.startswith("ivo://"):
                pairs.append((usage, row.entity_id))
            else:
                yield from _comment(f"{usage} was a file of the user's, which is not kept: add it by --form.")
    service = f"{server}/jobs/{quote(activity.name or '', safe='')}"
    yield from _comment(f"Service: {service}; the answer tells the address of the new job.")
    words = ["curl", "-i", "--form-string", "PHASE=RUN"]
    for name, text in pairs:
        words += ["--form-string", f"{name}={text}"]
    yield shlex.join([*words, service])
