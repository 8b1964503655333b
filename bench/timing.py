"""Measures on a shared machine: elapsed time, processor time, and what other programs took meanwhile."""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A measurement counts as quiet when all other programs together used less than this part of the cores it ran on.
QUIET_SHARE = 0.08
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement, in seconds; `foreign` is the processor time others took on the same cores meanwhile."""

    elapsed: float
    cpu: float
    foreign: float
    cores: int = 1

    @property
    def quiet(self) -> bool:
        """Say whether other programs hardly disturbed this."""
        return self.foreign < QUIET_SHARE * self.elapsed * self.cores


@dataclass(slots=True)
class Samples:
    """Repeated measurements of one thing; the quiet ones count, all of them when none was quiet."""

    taken: list[Sample] = field(default_factory=list)

    @property
    def quiet(self) -> list[Sample]:
        """Return the measurements that count."""
        return [sample for sample in self.taken if sample.quiet] or self.taken

    @property
    def disturbed(self) -> bool:
        """Say whether other programs worked during every measurement."""
        return not any(sample.quiet for sample in self.taken)

    @property
    def elapsed(self) -> float:
        """Return the median elapsed time."""
        return statistics.median(sample.elapsed for sample in self.quiet)

    @property
    def cpu(self) -> float:
        """Return the median processor time."""
        return statistics.median(sample.cpu for sample in self.quiet)

    @property
    def spread(self) -> float:
        """Return the range of the elapsed times that count over their median."""
        times = [sample.elapsed for sample in self.quiet]
        return (max(times) - min(times)) / self.elapsed

    def as_json(self) -> dict[str, object]:
        """Return everything that was measured."""
        return {
            "elapsed_s": round(self.elapsed, 4),
            "cpu_s": round(self.cpu, 4),
            "spread": round(self.spread, 3),
            "quiet": sum(sample.quiet for sample in self.taken),
            "samples": [[round(value, 4) for value in (s.elapsed, s.cpu, s.foreign)] for s in self.taken],
        }


def measure(action: Callable[[], object], cores: Iterable[int], others_cpu: Callable[[], float]) -> Sample:
    """Run an action and measure it.

    Parameters
    ----------
    action
        What to run; it uses child processes that it waits for.
    cores
        The cores on which everything that works for the action is allowed to run.
    others_cpu
        Processor seconds so far of processes that work for the action and are not children, e.g. the database.
    """
    used = sorted(cores)
    busy, own = _busy(used), _own_cpu() + others_cpu()
    started = time.perf_counter()
    action()
    elapsed = time.perf_counter() - started
    cpu = _own_cpu() + others_cpu() - own
    return Sample(elapsed, cpu, max(0.0, _busy(used) - busy - cpu), len(used))


@dataclass(slots=True)
class Patience:
    """How often things are measured, and how long to wait, all in all, for other programs to end."""

    wanted: int
    limit: int
    seconds: float

    def wait(self) -> None:
        """Wait until the machine is idle, or the patience is used up."""
        cores = sorted(os.sched_getaffinity(0))
        while self.seconds > 0:
            started, busy = time.perf_counter(), _busy(cores)
            time.sleep(0.5)
            waited = time.perf_counter() - started
            if _busy(cores) - busy < QUIET_SHARE * waited * len(cores):
                return
            self.seconds -= waited


def in_turns(cases: Mapping[str, Callable[[], Sample]], patience: Patience) -> dict[str, Samples]:
    """Measure several things in turns, until each has enough quiet measurements or too many of any kind."""
    results = {name: Samples() for name in cases}
    for turn in range(patience.limit):
        due = [name for name in cases if sum(sample.quiet for sample in results[name].taken) < patience.wanted]
        if not due:
            break
        for name in due:
            patience.wait()
            sample = cases[name]()
            results[name].taken.append(sample)
            remark = "" if sample.quiet else f", others took {sample.foreign:.2f} s"
            tell(f"{name}, turn {turn + 1}: {sample.elapsed:.2f} s (processor {sample.cpu:.2f} s{remark})")
    return results


def quietest_core(seconds: float = 0.4) -> int:
    """Return the core others use least at the moment."""
    cores = sorted(os.sched_getaffinity(0))
    before = {core: _busy([core]) for core in cores}
    time.sleep(seconds)
    return min(cores, key=lambda core: _busy([core]) - before[core])


def process_cpu(pid: int, *, with_children: bool = False) -> float:
    """Return the processor seconds of a process, and of its children that have ended; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_children else 13])) / _TICK


def tell(text: str) -> None:
    """Print a line of progress."""
    print(f"   {text}", file=sys.stderr, flush=True)


def _own_cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _busy(cores: Sequence[int]) -> float:
    """Return for how many seconds cores were not idle since the machine started; other guests' share counts."""
    names = {f"cpu{core}" for core in cores}
    ticks = 0
    with open("/proc/stat") as stream:
        for line in stream:
            name, *values = line.split()
            if name in names:
                user, nice, system, _idle, _waiting, hard, soft, stolen = map(int, values[:8])
                ticks += user + nice + system + hard + soft + stolen
    return ticks / _TICK
