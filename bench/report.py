"""The table of figures, the requirements met or missed, and the JSON files."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ops import console


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    name: str
    value: float
    unit: str
    remark: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A figure that has to reach a limit."""

    name: str
    value: float
    needed: float
    unit: str
    remark: str
    disturbed: bool

    @property
    def passed(self) -> bool:
        """Say whether the limit is reached."""
        return self.value >= self.needed

    def sentence(self) -> str:
        """Return the verdict in a line."""
        verdict = "PASS" if self.passed else "FAIL"
        notes = [self.remark, "other programs ran all the while: not certain" if self.disturbed else ""]
        remark = f" ({'; '.join(filter(None, notes))})" if any(notes) else ""
        unit = f" {self.unit}" if self.unit else ""
        return f"{verdict}  {self.name}: {number(self.value)}{unit}, needed {number(self.needed)}{unit}{remark}"


@dataclass(slots=True)
class Report:
    """Collects figures as they are measured."""

    out: Path
    lines: list[Line] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    sections: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)

    def section(self, name: str, what: str, measured: dict[str, object]) -> None:
        """Begin a part of the report."""
        self.sections[name] = (what, measured)
        self.lines.append(Line(f"[{name}]", float("nan"), "", what))

    def line(self, name: str, value: float, unit: str, remark: str = "") -> None:
        """Add a figure to the table."""
        self.lines.append(Line(name, value, unit, remark))

    def require(
        self, name: str, value: float, needed: float, remark: str = "", unit: str = "", *, disturbed: bool = False
    ) -> None:
        """Add a figure that has to be at least `needed`."""
        self.requirements.append(Requirement(name, value, needed, unit, remark, disturbed))
        self.lines.append(Line(name, value, unit, f"needed {number(needed)}; {remark}".removesuffix("; ")))

    @property
    def failed(self) -> bool:
        """Say whether a requirement was missed."""
        return any(not requirement.passed for requirement in self.requirements)

    def text(self) -> str:
        """Return the table and the verdicts."""
        rows = [
            [line.name, "" if line.value != line.value else number(line.value), line.unit, line.remark]
            for line in self.lines
        ]
        table = console.table(["what", "figure", "unit", "remark"], rows)
        return "\n".join([table, "", *(requirement.sentence() for requirement in self.requirements)])

    def write(self) -> None:
        """Write one JSON file a part, with what it was measured on."""
        self.out.mkdir(parents=True, exist_ok=True)
        for name, (what, measured) in self.sections.items():
            content = {
                "what": what,
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": machine(),
                "figures": [asdict(line) for line in self.of_section(name)],
                "measured": measured,
            }
            (self.out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
        verdicts = [{**asdict(requirement), "passed": requirement.passed} for requirement in self.requirements]
        (self.out / "requirements.json").write_text(json.dumps(verdicts, indent=1) + "\n")

    def of_section(self, name: str) -> list[Line]:
        """Return the lines of one part."""
        begins = [index for index, line in enumerate(self.lines) if line.name == f"[{name}]"][-1]
        rest = self.lines[begins + 1 :]
        end = next((index for index, line in enumerate(rest) if line.name.startswith("[")), len(rest))
        return rest[:end]


def number(value: float) -> str:
    """Return a figure with three digits that mean something."""
    size = abs(value)
    if size >= 100 or (size >= 10 and value == int(value)):
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "")
    packages = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "python3-gavo", "python3-numpy", "postgresql-1?"],
        capture_output=True,
        text=True,
    ).stdout
    return {
        "processor": model,
        "cores": str(sum(line.startswith("processor") for line in cpuinfo)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": ", ".join(packages.splitlines()),
    }
