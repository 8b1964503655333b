"""Checks objects against each other: references, order of times, overlaps; and keeps what is confidential back.

Whatever is wrong with an object leaves it out, with a sentence; what refers to it goes with it. Of a confidential
observation only its slot stays, and what nothing but confidential observations refers to is not stored at all, since
sentences and tables are public.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingest.observatory.document import shown
from ingest.observatory.objects import Entry
from model.reader import Model
from model.tables import Table, snake_case

Problem = tuple[str, str, str]
# What stays of a confidential observation (ObsLocTAP 1.0, section 3: facility, start, end and duration).
_PUBLIC_OF_HIDDEN = frozenset(
    {
        "identifier",
        "execution_status",
        "start_time",
        "end_time",
        "on_time",
        "live_time",
        "planning_time",
        "planned_exposure",
        "plan_category",
        "priority",
        "confidential",
    }
)
_NEEDS_SLOT = ("Scheduled", "Performed")
_SECOND_D = 1 / 86400


@dataclass(slots=True)
class Checked:
    """Usable objects by class, and sentences about the others: (path, severity, sentence)."""

    entries: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    problems: list[Problem] = field(default_factory=list)


def check(model: Model, tables: Sequence[Table], entries: Iterable[Entry]) -> Checked:
    """Return the objects that can be stored.

    Parameters
    ----------
    model
        The data model.
    tables
        Its tables, those that others refer to first.
    entries
        Objects of all metadata files of a collection, in the order of the files.
    """
    return _Check(model, list(entries)).run([table.class_name for table in tables if not table.is_association])


class _Check:
    def __init__(self, model: Model, entries: list[Entry]) -> None:
        self.model = model
        self.entries = entries
        self.known: dict[tuple[str, str], Entry] = {}
        self.dependents: Counter[tuple[str, str]] = Counter()
        self.silent: set[int] = set()
        self.result = Checked()

    def run(self, order: Sequence[str]) -> Checked:
        for entry in self.entries:
            other = self.known.setdefault(self._identity(entry), entry)
            if other is not entry and entry.fault is None:
                entry.fault = f"it is there twice; the first is in {other.path}"
        secrets = self._secrets()
        by_class: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_class[entry.class_name].append(entry)
        for class_name in order:
            for entry in by_class[class_name]:
                if self._identity(entry) in secrets:
                    self._drop(entry)
                elif entry.fault is None:
                    entry.fault = self._fault(entry)
            if class_name == "CalibrationRun":  # the last kind of run
                self._find_overlaps([*by_class["ScienceRun"], *by_class["CalibrationRun"]])
        self._note_sub_arrays(by_class["SubArray"])
        for entry in self.entries:
            self._settle(entry)
        return self.result

    def _identity(self, entry: Entry) -> tuple[str, str]:
        return self.model.root_of(entry.class_name), entry.key

    def _secrets(self) -> set[tuple[str, str]]:
        """Return the identities of what only confidential observations refer to."""
        hidden: set[tuple[str, str]] = set()
        public: set[tuple[str, str]] = set()
        for entry in self.entries:
            if entry.class_name == "Observation":
                for role, target in self._references(entry):
                    (hidden if entry.hidden else public).add((self.model.root_of(target), role))
        return {identity for identity in hidden - public if identity[0] in ("Target", "ObservingProposal")}

    def _references(self, entry: Entry) -> Iterator[tuple[str, str]]:
        """Yield each name an object refers to, and the class it means."""
        for item in self.model.lineage(entry.class_name):
            for role in item.references:
                for name in entry.references.get(role.name, ()):
                    yield name, role.target

    def _drop(self, entry: Entry) -> None:
        """Leave an object out without a word of its own."""
        entry.fault = entry.fault or "it goes with another one"
        self.silent.add(id(entry))

    def _fault(self, entry: Entry) -> str | None:
        if entry.owner is not None:
            owner = self.model.owner_of(entry.class_name)
            assert owner is not None
            if self._missing(entry, self.model.root_of(owner[0]), entry.owner):
                return entry.fault
        if entry.class_name == "Observation" and entry.hidden:
            _keep_public(entry)
        for name, target in self._references(entry):
            root = self.model.root_of(target)
            if (root, name) not in self.known:
                what = snake_case(target).replace("_", " ")
                return f"its {what} is not there" if entry.hidden else f"there is no {what} {shown(name)}"
            if root == "Observation" and self.known[root, name].hidden:
                self._drop(entry)
                return entry.fault
            if self._missing(entry, root, name):
                return entry.fault
        return _time_fault(entry)

    def _missing(self, entry: Entry, root: str, name: str) -> bool:
        """Say whether another object is left out, and let this one go with it."""
        other = self.known.get((root, name))
        if other is not None and other.fault is None:
            return False
        self.dependents[root, name] += 1
        self._drop(entry)
        return True

    def _find_overlaps(self, runs: list[Entry]) -> None:
        """Leave out runs that begin before the end of another one with the same telescopes."""
        busy: dict[str, tuple[float, str]] = {}
        telescopes: dict[tuple[str, ...], list[str]] = {}
        timed = [run for run in runs if run.fault is None and {"start_time", "end_time"} <= run.values.keys()]
        for run in sorted(timed, key=lambda run: (run.values["start_time"], run.key)):
            names = tuple(self._sub_arrays_of(run))
            if names not in telescopes:
                telescopes[names] = [place for name in names for place in self._telescopes_of(name)]
            start, end = run.values["start_time"], run.values["end_time"]
            clash = next((busy[place] for place in telescopes[names] if busy.get(place, (0.0, ""))[0] > start), None)
            if clash is not None and clash[0] - start > _SECOND_D:
                run.fault = f"it overlaps run {shown(clash[1])}, which has the same telescopes"
                continue
            for place in telescopes[names]:
                busy[place] = (end, run.key)

    def _sub_arrays_of(self, run: Entry) -> list[str]:
        found = run.references.get("sub_array", [])
        for name in run.references.get("observation", []) if not found else []:
            found = self.known["Observation", name].references.get("sub_array", [])
        return found

    def _telescopes_of(self, sub_array: str) -> list[str]:
        return self.known["SubArray", sub_array].references.get("telescope") or [f"sub-array {sub_array}"]

    def _note_sub_arrays(self, sub_arrays: Iterable[Entry]) -> None:
        for entry in sub_arrays:
            listed, told = len(entry.references.get("telescope", ())), entry.values.get("n_tels")
            if entry.fault is None and listed and told is not None and told != listed:
                sentence = f"{entry.title} says n_tels {told}, but lists {listed} telescopes; the list counts."
                self.result.problems.append((entry.path, "warning", sentence))

    def _settle(self, entry: Entry) -> None:
        if entry.fault is None:
            self.result.entries[entry.class_name].append(entry)
        elif id(entry) not in self.silent:
            count = self.dependents[self._identity(entry)] if self.known[self._identity(entry)] is entry else 0
            others = f" ({count} that refer to it go with it)" if count else ""
            self.result.problems.append((entry.path, "error", f"{entry.title} is left out: {entry.fault}{others}."))


def _keep_public(entry: Entry) -> None:
    entry.values = {name: value for name, value in entry.values.items() if name in _PUBLIC_OF_HIDDEN}
    entry.references = {"observatory": entry.references.get("observatory", [])}


def _time_fault(entry: Entry) -> str | None:
    """Return what is wrong with the times of an observation or a run."""
    values = entry.values
    start, end = values.get("start_time"), values.get("end_time")
    if start is not None and end is not None and end <= start:
        return "its end is not after its start"
    status = values.get("execution_status")
    if status is None:
        return None
    if "planning_time" not in values:
        return "it has an execution_status, but no planning_time"
    if status in _NEEDS_SLOT and (start is None or end is None):
        return f"it is {status}, but has no start_time or no end_time"
    if status in _NEEDS_SLOT and not {"planned_exposure", "on_time", "live_time"} & values.keys():
        return f"it is {status}, but has no planned_exposure"
    return None
