"""Settings of the job service: a TOML file of the operator's, named by the environment variable ``CTA_JOBS``."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from analysis.description.model import JobDescription
from analysis.errors import JobsError
from analysis.folder import Limits

VARIABLE = "CTA_JOBS"
CODE = Path(__file__).resolve().parents[1]
"""The checkout: the folder with the package ``analysis``."""
DEFINITIONS = CODE / "analysis" / "jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmSettings:
    """How jobs go to the cluster. `options` are further options of sbatch; `python` if it differs there."""

    partition: str = ""
    account: str = ""
    options: tuple[str, ...] = ()
    max_jobs: int = 100
    python: str = ""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator can choose. Durations s unless they say otherwise, sizes bytes."""

    folder: Path
    """Below it are ``jobs/<job id>``, ``definitions`` of users, and the runner's socket and lock."""
    python: str
    """Program of the environment that has gammapy."""
    executor: str = "local"
    slots: int = 0
    """Jobs that run at one time on this machine; 0: as many as cores."""
    sandbox: bool = True
    slurm: SlurmSettings = field(default_factory=SlurmSettings)
    max_duration: int = 3600
    memory_bytes: int = 4 * 2**30
    disk_bytes: int = 2 * 2**30
    processes: int = 64
    max_upload_bytes: int = 20 * 2**20
    max_datasets: int = 1000
    max_running_per_user: int = 4
    max_running_anonymous: int = 4
    max_waiting_per_user: int = 200
    max_waiting_anonymous: int = 200
    anonymous_per_minute: int = 100
    """Jobs that one address may create without an account."""
    sync_seconds: int = 60
    wait_seconds: int = 600
    lifetime_days: float = 30.0
    max_lifetime_days: float = 180.0
    archive_days: float = 180.0
    """How long the record of a job is kept after its results were removed."""
    allowed_origins: tuple[str, ...] = ()
    """Web pages elsewhere that may act for a user who is logged in; all may without an account."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses, or networks, of reverse proxies whose X-Forwarded-For tells where a request comes from."""
    operators: tuple[str, ...] = ()
    """Accounts that accept users' job definitions on the web; the operator's command always can."""
    user_definitions: str = "review"
    """off: none are taken; review: they wait for an operator; trial: meanwhile their authors may run them."""

    @property
    def jobs_folder(self) -> Path:
        """Where the folders of jobs are."""
        return self.folder / "jobs"

    @property
    def definitions_folder(self) -> Path:
        """Where users' job definitions are, ``pending`` and ``accepted``."""
        return self.folder / "definitions"

    @property
    def socket(self) -> Path:
        """Datagram socket on which the runner is told that a job has ended."""
        return self.folder / "runner.sock"

    def limits(self, description: JobDescription, duration_s: int | None = None) -> Limits:
        """Return what a job of a type may take: what the type asks for, cut to what is allowed.

        Parameters
        ----------
        description
            Of the job type.
        duration_s
            What a user has chosen, default what the type asks for.
        """
        asked = description.execution_duration_s if duration_s is None else duration_s
        return Limits(
            duration_s=min(asked, self.max_duration) if asked else self.max_duration,
            memory_bytes=min(description.memory_bytes or self.memory_bytes, self.memory_bytes),
            disk_bytes=min(description.disk_bytes or self.disk_bytes, self.disk_bytes),
            processes=self.processes,
        )

    @property
    def n_slots(self) -> int:
        """Jobs that run at one time on this machine."""
        return self.slots or os.cpu_count() or 1


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    path
        Default: what ``CTA_JOBS`` names.

    Raises
    ------
    JobsError
        When there is no such file, or it says something unknown.
    """
    named = path or Path(os.environ.get(VARIABLE) or "/nonexistent/jobs.toml")
    try:
        values = tomllib.loads(named.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JobsError(
            f"the settings of the jobs are not there: {named} ({VARIABLE}); `make start` writes them."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise JobsError(f"{named} is no TOML: {exc}.") from exc
    values["slurm"] = _made(SlurmSettings, values.get("slurm", {}), f"{named} [slurm]")
    if "folder" in values:
        values["folder"] = Path(values["folder"])
    made: Settings = _made(Settings, values, str(named))
    if made.user_definitions == "trial" and not made.sandbox:
        raise JobsError(
            f'{named}: user_definitions = "trial" needs sandbox = true: nobody has looked at those scripts.'
        )
    for proxy in made.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise JobsError(
                f'{named}: trusted_proxies has {proxy!r}, which is no address; write "10.0.0.7" or "10.0.0.0/24".'
            ) from None
    return made


def _made(kind: type[Any], values: dict[str, Any], where: str) -> Any:
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise JobsError(f"{where}: unknown setting {unknown[0]!r}; there are {', '.join(sorted(known))}.")
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
    except TypeError as exc:
        raise JobsError(f"{where}: {exc}.") from exc
