"""The shell's view of an instance, and its removal."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from ops import accounts, console
from ops.errors import OperatorError
from ops.instance import MARKER, Instance


def lines(instance: Instance) -> str:
    """Return the export lines after which plain `dachs` and `psql` work on the instance."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in instance.environment().items()]
    return "\n".join([*exports, f'export PATH={shlex.quote(str(instance.bin))}:"$PATH"'])


def clean(state: Path, stop_command: list[str]) -> int:
    """Stop an instance, in a process of its own user, and remove its folder."""
    state = accounts.absolute(state)
    real = state.resolve()
    if not real.exists() and not state.is_symlink():
        console.note(f"there is nothing to remove in {state}")
        return 0
    if not (real / MARKER).exists():
        raise OperatorError(f"{state} holds no instance (no {MARKER} in it), so it is not removed.")
    if real == Path(real.anchor) or real in Path.home().resolve().parents or real == Path.home().resolve():
        raise OperatorError(f"{state} is a folder of the system or your home; it is not removed.")
    socket_dir = Instance.load(real, real).memory.socket_dir
    done = subprocess.run(stop_command, cwd=Path(__file__).resolve().parent.parent)
    if done.returncode:
        raise OperatorError(f"the instance {state} could not be stopped, so it is not removed.")
    console.step(f"removing {real}")
    if socket_dir and not Path(socket_dir).is_relative_to(real):
        shutil.rmtree(socket_dir, ignore_errors=True)
    shutil.rmtree(real)
    if state.is_symlink():
        state.unlink()
    if real.parent.parent == accounts.HOME:
        shutil.rmtree(real.parent)
    return 0
