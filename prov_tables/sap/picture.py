"""Pictures of a graph: entities as ovals, activities as boxes, agents as houses, drawn by Graphviz.

Arrows point back in time, as the relations of PROV do. A published dataset links to its data, anything else to its
own provenance.
"""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from urllib.parse import quote

from prov_tables.harvest import COMMAND_LINE
from prov_tables.model import (
    Activity,
    ActivityDescription,
    Agent,
    Entity,
    EntityDescription,
    Graph,
    HadMember,
    Parameter,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
)
from prov_tables.sap.request import RequestError

MAX_DRAWN = 500
TIMEOUT_S = 20.0
MAX_SIDE_INCH = 60
# Colours of the W3C's own pictures (PROV Graph Layout Conventions).
ENTITY, ACTIVITY, AGENT, COLLECTION = "#FFFC87", "#9FB1FC", "#FDB266", "#FFF3B0"
PUBLISHED = "#B7E7A0"
LABEL_WIDTH = 28
_DRAWN_PARAMETERS = 30


def dot_source(graph: Graph, server: str, link: Callable[[Entity], str | None], *, left_right: bool) -> str:
    """Return a graph in the language of Graphviz.

    Raises
    ------
    RequestError
        When nobody could read so large a picture.
    """
    configured = {row.entity_id for row in graph.of(Parameter) if row.entity_id}
    drawn = len(graph.of(Entity)) + len(graph.of(Activity)) + len(graph.of(Agent)) - len(configured)
    if drawn > MAX_DRAWN:
        raise RequestError(
            f"a picture of {drawn} nodes could not be read ({MAX_DRAWN} at most); ask for a smaller DEPTH, or for "
            "AGENTS=0, or for another format."
        )
    return "\n".join(_lines(graph, server, link, left_right, configured)) + "\n"


def _lines(
    graph: Graph, server: str, link: Callable[[Entity], str | None], left_right: bool, hidden: set[str]
) -> Iterator[str]:
    yield "digraph provenance {"
    yield f'  graph [rankdir={"RL" if left_right else "BT"}, nodesep=0.25, ranksep=0.6, pad=0.2, bgcolor="white",'
    yield '    fontname="Helvetica"];'
    yield '  node [fontname="Helvetica", fontsize=11, style=filled, color="#808080", margin="0.12,0.06"];'
    yield '  edge [fontname="Helvetica", fontsize=9, color="#505050", fontcolor="#505050", arrowsize=0.7];'
    ids: dict[tuple[str, str], str] = {}

    def node(kind: str, key: str) -> str:
        return ids.setdefault((kind, key), f"n{len(ids)}")

    for entity in graph.of(Entity):
        if entity.id not in hidden:
            kind = graph.get(EntityDescription, entity.description_id) if entity.description_id else None
            shown = _wrapped(entity.name or entity.id)
            if kind is not None:
                shown += f"\n{_wrapped(kind.name)}"
            colour = PUBLISHED if entity.obs_publisher_did else ENTITY
            shape = "folder" if entity.entity_class == "Collection" else "ellipse"
            yield _node(node("e", entity.id), shown, shape, colour, link(entity) or _svg(server, entity.id), entity.id)
    for activity in graph.of(Activity):
        tip = "\n".join([activity.id, *_parameters(graph, activity.id)])
        url = _svg(server, activity.id)
        yield _node(node("a", activity.id), _activity_label(graph, activity), "box", ACTIVITY, url, tip)
    for agent in graph.of(Agent):
        yield _node(node("g", agent.id), _wrapped(agent.name), "house", AGENT, agent.url, agent.type or "")
    explained = set()
    made_by = {row.entity_id: row.activity_id for row in graph.of(WasGeneratedBy)}
    for row in graph.of(Used):
        yield _edge(node("a", row.activity_id), node("e", row.entity_id), row.role)
        explained.add((row.activity_id, row.entity_id))
    for row in graph.of(WasGeneratedBy):
        yield _edge(node("e", row.entity_id), node("a", row.activity_id), row.role)
    for row in graph.of(WasDerivedFrom):
        if (made_by.get(row.generated_entity_id), row.used_entity_id) not in explained:
            yield _edge(node("e", row.generated_entity_id), node("e", row.used_entity_id), "derived from", "dashed")
    for row in graph.of(HadMember):
        yield _edge(node("e", row.collection_id), node("e", row.entity_id), "has", "dotted")
    for row in graph.of(WasAssociatedWith):
        yield _edge(node("a", row.activity_id), node("g", row.agent_id), row.role, "dashed")
    for row in graph.of(WasAttributedTo):
        if row.entity_id not in hidden:
            yield _edge(node("e", row.entity_id), node("g", row.agent_id), row.role, "dashed")
    yield "}"


def _activity_label(graph: Graph, activity: Activity) -> str:
    words = [_wrapped(activity.name or activity.id)]
    described = graph.get(ActivityDescription, activity.description_id) if activity.description_id else None
    version = described.version if described else (activity.description_id or "").rpartition("/")[2]
    if version and version != activity.name:
        words.append(f"version {version}"[:60])
    if activity.start_time:
        words.append(f"{activity.start_time:%Y-%m-%d %H:%M}")
    if activity.status not in (None, "completed", "success"):
        words.append(str(activity.status)[:60])
    return "\n".join(words)


def _parameters(graph: Graph, activity: str) -> list[str]:
    """Return some parameters of an activity, for the text that appears under the mouse."""
    listed = [
        graph.get(Parameter, row.parameter_id)
        for row in graph.of(WasConfiguredBy)
        if row.activity_id == activity and row.parameter_id
    ]
    known = sorted((row for row in listed if row is not None), key=lambda row: (row.name != COMMAND_LINE, row.name))
    lines = [textwrap.shorten(f"{row.name} = {row.param_value}", 100) for row in known[:_DRAWN_PARAMETERS]]
    return lines + ([f"and {len(known) - len(lines)} parameters more"] if len(known) > len(lines) else [])


def _svg(server: str, key: str) -> str:
    return f"{server}/provsap?ID={quote(key, safe='')}&RESPONSEFORMAT=PROV-SVG"


def _wrapped(text: str) -> str:
    # names of files break behind their dots and underlines
    spaced = re.sub(r"(?<=[._/-])(?=[^\s._/-])", "\u200b ", text)
    lines = textwrap.wrap(spaced, LABEL_WIDTH, max_lines=4, placeholder="…", break_on_hyphens=False)
    return "\n".join(line.replace("\u200b ", "").replace("\u200b", "") for line in lines) or " "


def _node(name: str, label: str, shape: str, colour: str, url: str | None, tip: str) -> str:
    link = f', URL={_quoted(url)}, target="_top"' if url else ""
    return (
        f"  {name} [label={_quoted(label)}, shape={shape}, fillcolor={_quoted(colour)}, tooltip={_quoted(tip)}{link}];"
    )


def _edge(start: str, end: str, label: str | None, style: str = "solid") -> str:
    shown = f", label={_quoted(textwrap.shorten(label, 30, placeholder='…'))}" if label else ""
    return f"  {start} -> {end} [style={style}{shown}];"


def _quoted(text: str) -> str:
    """Return a text as a string of Graphviz, in which nothing is code, markup or an escape."""
    plain = "".join(char for char in text if char == "\n" or (char.isprintable() and not 0xD800 <= ord(char) < 0xE000))
    # what looks like an entity of HTML would be one
    escaped = plain.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def draw(source: str, kind: str) -> bytes:
    """Return a picture of a graph.

    Parameters
    ----------
    source
        In the language of Graphviz.
    kind
        svg or png.

    Raises
    ------
    RequestError
        When Graphviz is missing, or takes too long.
    """
    command = ["/usr/bin/dot", f"-T{kind}"]
    if kind == "png":
        command += ["-Gdpi=96", f"-Gsize={MAX_SIDE_INCH},{MAX_SIDE_INCH}"]
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=TIMEOUT_S, check=True)
    except FileNotFoundError:
        raise RequestError("this server has no Graphviz to draw with; ask for another format.", 501) from None
    except subprocess.TimeoutExpired:
        raise RequestError("drawing this graph takes too long; ask for a smaller DEPTH.") from None
    except subprocess.CalledProcessError as exc:
        raise RequestError(f"this graph could not be drawn (Graphviz ended with {exc.returncode}).", 500) from None
    return done.stdout
