"""Reads ``binding.toml``: what tables and diagram need beyond the model."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.reader import ModelError

BINDING_FILE = Path(__file__).resolve().parent / "binding.toml"


@dataclass(frozen=True, slots=True)
class Existing:
    """A table made elsewhere, for a class: its key, and the column of each attribute."""

    table: str
    rd: str
    key: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """What is said of the classes of a model."""

    alone: frozenset[str] = frozenset()
    existing: dict[str, Existing] = field(default_factory=dict)
    indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    diagram: tuple[tuple[str, ...], ...] = ()


def load_binding(path: Path = BINDING_FILE) -> Binding:
    """Read a binding file.

    Raises
    ------
    ModelError
        When it is not to be read or lacks something.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Binding(
            alone=frozenset(found["alone"]),
            existing={name: Existing(**entry) for name, entry in found["existing"].items()},
            indexes={table: tuple(columns) for table, columns in found["index"].items()},
            diagram=tuple(tuple(column) for column in found["diagram"]["columns"]),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as exc:
        raise ModelError(f"the binding {path} is not usable: {exc}") from exc
