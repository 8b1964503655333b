"""Makes everything that follows from the model: `python3 -m model` (`make model`); `--check` only tells what is old."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model.binding import BINDING_FILE, load_binding
from model.descriptor import descriptor
from model.diagram import diagram
from model.reader import MODEL_FILE, ModelError, load_model
from model.reference import reference
from model.tables import make_tables

CHECKOUT = Path(__file__).resolve().parent.parent


def products(model_file: Path = MODEL_FILE, binding_file: Path = BINDING_FILE) -> dict[str, str]:
    """Return the files that follow from a model, by their path in the checkout.

    Raises
    ------
    ModelError
        When model or binding are not usable.
    """
    model, binding = load_model(model_file), load_binding(binding_file)
    tables = make_tables(model, binding)
    return {
        "rd/cta_model.rd": descriptor(model, tables),
        "docs/cta-model.svg": diagram(model, binding),
        "docs/cta-model.md": reference(model, binding, tables),
    }


def main() -> int:
    """Write the files, or say which are old."""
    parser = argparse.ArgumentParser(prog="model", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_FILE, help="another model file")
    parser.add_argument("--out", type=Path, default=CHECKOUT, help="another folder than the checkout")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when a file is not current")
    options = parser.parse_args()
    try:
        made = products(options.model)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    old = [path for path, text in made.items() if not _is_current(options.out / path, text)]
    for path in old:
        if options.check:
            print(f"{path} does not follow from the model; run `make model`.")
        else:
            (options.out / path).parent.mkdir(parents=True, exist_ok=True)
            (options.out / path).write_text(made[path], encoding="utf-8")
            print(f"wrote {path}", file=sys.stderr)
    return int(options.check and bool(old))


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
