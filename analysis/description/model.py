"""What a job type is: parameters, inputs, outputs and limits, read from one file (``standards/uws.md`` §7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATASET, UPLOAD, RECIPE = "dataset", "upload", "recipe"


@dataclass(frozen=True, slots=True)
class Multiplicity:
    """How many there may be; `high` None is no limit."""

    low: int = 1
    high: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterDescription:
    """A parameter of a job type (ProvenanceDM ParameterDescription).

    `datatype` is VOTable's: double, int, long, boolean, char. `arraysize` None is one value; "3" three values, "*" any
    number of them (of characters for char), separated by blanks. `low` and `high` limit each value, `options` list
    the only ones allowed. `default` is text as in a request; with None and `required` a request must give the value.
    """

    name: str
    datatype: str = "char"
    arraysize: str | None = None
    unit: str = ""
    ucd: str = ""
    xtype: str | None = None
    default: str | None = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDescription:
    """An input of a job type (ProvenanceDM UsageDescription).

    `name` is also the name of the request's parameter. `kind` is `DATASET` (publisher DIDs, observation ids, an ADQL
    query or an uploaded list name datasets of the archive), `UPLOAD` (a file of the user's) or `RECIPE` (a product
    whose recorded recipe is followed). Datasets must be of `dataproduct_type` if that is set, and have all responses
    (HDU_TYPE of GADF) in `needs`.
    """

    name: str
    role: str
    kind: str = DATASET
    multiplicity: Multiplicity = Multiplicity()
    content_type: str = ""
    url: str = ""
    dataproduct_type: str | None = None
    needs: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationDescription:
    """An output of a job type (ProvenanceDM GenerationDescription); `file_name` is looked for in the job's results."""

    name: str
    role: str
    file_name: str
    content_type: str
    multiplicity: Multiplicity = Multiplicity()
    dataproduct_subtype: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDescription:
    """A job type (ProvenanceDM ActivityDescription). Durations s, sizes bytes.

    `script` is the file beside the description whose function ``run(job)`` does the work.
    """

    name: str
    title: str
    description: str
    script: Path
    folder: Path
    docurl: str = ""
    type: str = "Analysis"
    subtype: str = ""
    version: str = ""
    contact_name: str = ""
    contact_email: str = ""
    execution_duration_s: int = 600
    quote_s: int | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    parameters: tuple[ParameterDescription, ...] = ()
    used: tuple[UsageDescription, ...] = ()
    generated: tuple[GenerationDescription, ...] = ()

    def parameter(self, name: str) -> ParameterDescription | None:
        """Return the parameter of this name, in whatever case."""
        return next((item for item in self.parameters if item.name.lower() == name.lower()), None)

    def usage(self, name: str) -> UsageDescription | None:
        """Return the input of this name, in whatever case."""
        return next((item for item in self.used if item.name.lower() == name.lower()), None)

    @property
    def request_names(self) -> list[str]:
        """Names that a request can give values for: inputs, then parameters."""
        return [*(item.name for item in self.used), *(item.name for item in self.parameters)]
