"""Draws the class diagram as SVG: boxes in the columns the binding gives, lines at right angles in the gaps between.

Own layout, since the diagram must come out the same on every machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from model.binding import Binding
from model.reader import Attribute, Model, ModelError, Role

CHARACTER = 6.1
LINE = 14.0
HEAD = 24.0
PADDING = 8.0
GAP_X = 158.0
GAP_Y = 34.0
MARGIN = 24.0
TRACK = 9.0
PORT = 13.0
_STYLE = """\
<style>
 text { font: 11px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1b2a3a; }
 .name { font-weight: bold; font-size: 12px; text-anchor: middle; }
 .abstract { font-style: italic; }
 .role { font-size: 9.5px; fill: #44566a; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
 .type { fill: #6b7c8f; }
 .box { fill: #fff; stroke: #41607f; stroke-width: 1.2; }
 .title { fill: #dfeaf5; stroke: #41607f; stroke-width: 1.2; }
 .existing { fill: #f4ead9; }
 .line { fill: none; stroke: #41607f; stroke-width: 1.1; }
</style>
<defs>
 <marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
  <path d="M1 1 L9 5 L1 9" fill="none" stroke="#41607f" stroke-width="1.4"/></marker>
 <marker id="parent" viewBox="0 0 12 12" refX="11" refY="6" markerWidth="12" markerHeight="12" orient="auto">
  <path d="M1 1 L11 6 L1 11 Z" fill="#fff" stroke="#41607f" stroke-width="1.2"/></marker>
 <marker id="whole" viewBox="0 0 16 10" refX="1" refY="5" markerWidth="14" markerHeight="9" orient="auto">
  <path d="M1 5 L8 1 L15 5 L8 9 Z" fill="#41607f" stroke="#41607f"/></marker>
</defs>
"""


@dataclass(slots=True)
class _Box:
    name: str
    column: int
    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class _Edge:
    source: str
    target: str
    label: str
    start: str = ""
    end: str = "arrow"


def diagram(model: Model, binding: Binding) -> str:
    """Return the diagram as SVG.

    Raises
    ------
    ModelError
        When the binding has no place for a class, or one for a class that there is not.
    """
    placed = [name for column in binding.diagram for name in column]
    wrong = set(placed) ^ set(model.classes)
    if wrong or len(placed) != len(set(placed)):
        raise ModelError(f"the diagram in the binding must name each class once; see {', '.join(sorted(wrong))}.")
    boxes = _layout(model, binding)
    edges = list(_edges(model))
    width = max(box.x + box.width for box in boxes.values()) + MARGIN
    height = max(box.y + box.height for box in boxes.values()) + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(model.title)}">',
        f"<title>{escape(model.title)}, version {escape(model.version)}</title>",
        _STYLE + f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
        *_draw_edges(edges, boxes),
    ]
    for box in boxes.values():
        lines += _draw_box(model, binding, box)
    return "\n".join([*lines, "</svg>", ""])


def _rows(model: Model, name: str) -> list[tuple[str, str]]:
    return [
        (_label(attribute), attribute.datatype.removeprefix("ivoa:")) for attribute in model.classes[name].attributes
    ]


def _label(attribute: Attribute) -> str:
    unit = f" [{attribute.unit}]" if attribute.unit else ""
    return f"{attribute.name}{unit}{'' if attribute.required else '?'}"


def _layout(model: Model, binding: Binding) -> dict[str, _Box]:
    boxes: dict[str, _Box] = {}
    x = MARGIN
    heights = [sum(_height(model, name) + GAP_Y for name in column) - GAP_Y for column in binding.diagram]
    for number, column in enumerate(binding.diagram):
        width = max(_width(model, name) for name in column)
        spare = (max(heights) - heights[number]) / max(len(column), 1)
        y = MARGIN + spare / 2
        for name in column:
            boxes[name] = _Box(name, number, x, y, width, _height(model, name))
            y += boxes[name].height + GAP_Y + spare
        x += width + GAP_X
    return boxes


def _height(model: Model, name: str) -> float:
    ends = sum(name in (edge.source, edge.target) for edge in _edges(model))
    return HEAD + max(LINE * len(_rows(model, name)), PORT * ends) + PADDING


def _width(model: Model, name: str) -> float:
    longest = max((len(label) + len(kind) + 2 for label, kind in _rows(model, name)), default=0)
    return CHARACTER * max(longest, 1.3 * len(name) + 2) * 1.1 + 2 * PADDING


def _edges(model: Model) -> Iterator[_Edge]:
    for item in model.classes.values():
        if item.extends is not None:
            yield _Edge(item.name, item.extends, "", end="parent")
        for role in item.compositions:
            yield _Edge(item.name, role.target, _multiplicity(role), start="whole", end="")
        for role in item.references:
            yield _Edge(item.name, role.target, _multiplicity(role))


def _multiplicity(role: Role) -> str:
    return f"{role.name} {'1' if role.required else '0'}..{'*' if role.many else '1'}"


def _draw_edges(edges: list[_Edge], boxes: dict[str, _Box]) -> Iterator[str]:
    """Yield the lines: out of a side, along the gap beside the column, and into the facing side of the target."""
    sides = [_sides(boxes[edge.source], boxes[edge.target]) for edge in edges]
    ports: dict[tuple[str, str], list[tuple[float, int, bool]]] = defaultdict(list)
    for number, (edge, (out, into)) in enumerate(zip(edges, sides, strict=True)):
        ports[edge.source, out].append((_middle(boxes[edge.target]), number, True))
        ports[edge.target, into].append((_middle(boxes[edge.source]), number, False))
    lanes = _Lanes(boxes)
    labels = []
    for number, (edge, (out, into)) in enumerate(zip(edges, sides, strict=True)):
        source, target = boxes[edge.source], boxes[edge.target]
        start = _port(source, out, number, True, ports[edge.source, out])
        end = _port(target, into, number, False, ports[edge.target, into])
        gap = source.column if out == "right" else source.column - 1
        far = target.column if into == "right" else target.column - 1
        lane = lanes.vertical(gap)
        points = [start, (lane, start[1])]
        if far != gap:
            height, other = lanes.horizontal(gap, far, (start[1] + end[1]) / 2), lanes.vertical(far)
            points += [(lane, height), (other, height), (other, end[1])]
        else:
            points.append((lane, end[1]))
        yield _line(edge, [*points, end])
        labels.append(_role_label(edge, start, out))
    yield from labels


def _middle(box: _Box) -> float:
    return box.y + box.height / 2


def _sides(source: _Box, target: _Box) -> tuple[str, str]:
    if source.column < target.column:
        return "right", "left"
    if source.column > target.column:
        return "left", "right"
    return "right", "right"


def _port(
    box: _Box, side: str, number: int, outgoing: bool, ports: list[tuple[float, int, bool]]
) -> tuple[float, float]:
    """Return where on a side of a box a line begins or ends: in the order of what is at the other ends."""
    ordered = sorted(ports)
    place = next(index for index, port in enumerate(ordered) if port[1:] == (number, outgoing))
    y = box.y + HEAD / 2 + (box.height - HEAD / 2) * (place + 0.7) / (len(ports) + 0.2)
    return (box.x if side == "left" else box.x + box.width), y


class _Lanes:
    """Where lines may run: vertically in the gaps behind the columns, horizontally where there is no box."""

    def __init__(self, boxes: dict[str, _Box]) -> None:
        self.boxes = list(boxes.values())
        self.used: dict[int, int] = defaultdict(int)
        self.heights: list[float] = []

    def vertical(self, gap: int) -> float:
        """Return the x of the next lane in the gap behind a column, from its middle outwards."""
        edge = max(box.x + box.width for box in self.boxes if box.column == gap)
        number = self.used[gap]
        self.used[gap] += 1
        return edge + GAP_X / 2 + TRACK * ((number + 1) // 2) * (-1 if number % 2 else 1)

    def horizontal(self, gap: int, far: int, wanted: float) -> float:
        """Return a y, near the wanted one, at which a line from one gap to another crosses no box."""
        low, high = min(gap, far), max(gap, far)
        crossed = [box for box in self.boxes if low < box.column <= high]
        candidates = (wanted + 5.0 * ((step + 1) // 2) * (-1 if step % 2 else 1) for step in range(2000))
        found = next(
            y
            for y in candidates
            if y > TRACK / 2
            and all(abs(y - used) >= TRACK for used in self.heights)
            and all(not box.y - 6 < y < box.y + box.height + 6 for box in crossed)
        )
        self.heights.append(found)
        return found


def _line(edge: _Edge, points: list[tuple[float, float]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = f' marker-start="url(#{edge.start})"' if edge.start else ""
    marks += f' marker-end="url(#{edge.end})"' if edge.end else ""
    title = f"<title>{edge.source} {edge.label} {edge.target}</title>"
    return f'<polyline class="line" points="{path}"{marks}>{title}</polyline>'


def _role_label(edge: _Edge, start: tuple[float, float], side: str) -> str:
    clear = 17 if edge.start else 4  # of the diamond
    anchor, x = ("start", start[0] + clear) if side == "right" else ("end", start[0] - clear)
    return f'<text class="role" x="{x:.1f}" y="{start[1] - 3:.1f}" text-anchor="{anchor}">{escape(edge.label)}</text>'


def _draw_box(model: Model, binding: Binding, box: _Box) -> Iterator[str]:
    item = model.classes[box.name]
    title = "title existing" if box.name in binding.existing else "title"
    name = "name abstract" if item.abstract else "name"
    yield f'<g id="{box.name}"><title>{escape(item.description)}</title>'
    yield f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"/>'
    yield f'<rect class="{title}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEAD - 4:.1f}"/>'
    yield f'<text class="{name}" x="{box.x + box.width / 2:.1f}" y="{box.y + 14:.1f}">{box.name}</text>'
    for number, (label, kind) in enumerate(_rows(model, box.name)):
        y = box.y + HEAD + LINE * number + 10
        yield (
            f'<text x="{box.x + PADDING:.1f}" y="{y:.1f}">{escape(label)} '
            f'<tspan class="type">{escape(kind)}</tspan></text>'
        )
    yield "</g>"
