"""What the kernel itself enforces on each process of a job, and the environment it gets."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from analysis.folder import Limits
from analysis.sandbox import kernel

_OPEN_FILES = 1024
_LOCKED_BYTES = 8 * 2**20
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")


def environment(home: Path, temporary: Path) -> dict[str, str]:
    """Return the whole environment of a job, or of the warm parent.

    One thread for linear algebra: as many jobs run as there are cores, and a process with threads cannot fork safely.
    """
    return _THREADS | {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(home / ".matplotlib"),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def restrict(limits: Limits, *, sandboxed: bool) -> None:
    """Set the limits of this process and what it starts, and give up every right in its namespaces."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.disk_bytes)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_MEMLOCK, _LOCKED_BYTES)
    # RLIMIT_DATA counts private memory even when it has not been touched; what the warm parent has is given for free.
    statm = Path("/proc/self/statm").read_text(encoding="ascii").split()
    _limit(resource.RLIMIT_DATA, int(statm[5]) * resource.getpagesize() + limits.memory_bytes)
    if sandboxed:
        # Counted in this user namespace, where the supervisor and the first process are too. Without a namespace all
        # processes of the user would count, so that there the watch alone limits them.
        _limit(resource.RLIMIT_NPROC, limits.processes + 2)
        kernel.drop_capabilities()
    kernel.gain_nothing()


def expendable() -> None:
    """When memory ends, let the system end the job rather than anything else (inherited)."""
    Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    new = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (new, new))


def close_others(*kept: int) -> None:
    """Close all descriptors from 3 on but these."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 2**20)
