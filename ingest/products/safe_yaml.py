"""YAML from anybody: the safe subset, without aliases, of bounded size and depth."""

from __future__ import annotations

from typing import Any

import yaml

from ingest.errors import IngestError

# Descriptions of sources and headers of tables take a few kilobytes.
MAX_CHARACTERS = 2**20
MAX_DEPTH = 40


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses aliases (a few lines of them unfold to gigabytes) and deep nesting (which exhausts the stack)."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return a node of the document."""
        if self.check_event(yaml.events.AliasEvent):
            raise IngestError("the YAML text has aliases, which are not accepted.")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise IngestError(f"the YAML text is nested more than {MAX_DEPTH} levels deep.")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def load(text: str) -> Any:
    """Return what a YAML document says, the first one if there are several.

    Parameters
    ----------
    text
        The document.

    Raises
    ------
    IngestError
        When it is too long, too deep, has aliases or tags beyond the safe ones, or is no YAML.
    """
    if len(text) > MAX_CHARACTERS:
        raise IngestError(f"the YAML text is longer than {MAX_CHARACTERS} characters.")
    try:
        loader = _Loader(text)
        try:
            return loader.get_data() if loader.check_data() else None
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as exc:
        if isinstance(exc, IngestError):
            raise
        reason = " ".join(str(getattr(exc, "problem", None) or exc).split())
        raise IngestError(f"the YAML text is damaged ({reason[:200]}).") from exc


def as_mapping(value: Any) -> dict[str, Any]:
    """Return a mapping with text keys; an ordered map (``!!omap``) or a list of small mappings is joined to one."""
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    joined: dict[str, Any] = {}
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                joined.update({str(key): content for key, content in item.items()})
            elif isinstance(item, tuple) and len(item) == 2:
                joined[str(item[0])] = item[1]
    return joined
