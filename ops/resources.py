"""What is imported and published on a site, in this order. To publish another RD, add it to `RESOURCES`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ops import console
from ops.instance import Instance
from ops.processes import run_logged

DACHS = "/usr/bin/dachs"


@dataclass(frozen=True)
class Resource:
    """One RD and what its set-up takes.

    Attributes
    ----------
    rd
        The RD's id.
    create
        Arguments of the `dachs imp` calls on a new site; they may drop and create tables.
    refresh
        Arguments of the `dachs imp` calls when one of `depends` has changed; they must keep the published content.
    depends
        Files (patterns below the code folder) whose change asks for `refresh`. The RD is skipped where its first
        pattern matches nothing.
    publish
        Whether it goes to the registry and the service list.
    holds_settings
        Whether the database has settings of the site (its address, say) for it, so that their change asks for
        `refresh`, too.
    """

    rd: str
    create: tuple[tuple[str, ...], ...] = ()
    refresh: tuple[tuple[str, ...], ...] = ()
    depends: tuple[str, ...] = ()
    publish: bool = True
    holds_settings: bool = False


RESOURCES: tuple[Resource, ...] = (
    Resource("//services"),
    Resource("//products"),
    Resource("//tap"),
    Resource("//tap_user", create=(("//tap_user",),), publish=False),
    Resource("//adql"),
    Resource("//uws", create=(("//uws", "enable_useruws"),), publish=False),
    Resource(
        "//obscore",
        create=(("//obscore",),),
        refresh=(("//obscore", "refreshAfterSchemaUpdate"),),
        depends=("config/userconfig.rd",),
    ),
    Resource(
        "rd/obscore_hea",
        create=(("rd/obscore_hea",), ("rd/obscore_hea", "create")),
        depends=("rd/obscore_hea.rd",),
    ),
    Resource(
        "cta/q",
        create=(("cta/q",),),
        # `-m` alone would fail on new columns, and leaves the views as they were.
        refresh=(
            ("cta/q", "upgrade"),
            ("-m", "cta/q"),
            ("cta/q", "views"),
            ("//obscore", "create"),
            ("rd/obscore_hea", "create"),
        ),
        depends=("inputs/cta/q.rd", "rd/*.rd", "config/userconfig.rd"),
        holds_settings=True,  # access_url in the view ivoa.obscore
    ),
    Resource(
        "cta/event",
        create=(("cta/event",),),
        refresh=(("cta/event", "tables"), ("-m", "cta/event"), ("cta/event", "view")),
        depends=("inputs/cta/event.rd", "inputs/cta/q.rd", "rd/*.rd"),
    ),
    # Made from cta.dataset and the collections' metadata files, both anew whenever they change.
    Resource(
        "cta/model",
        create=(("cta/model",),),
        refresh=(("cta/model",),),
        depends=("inputs/cta/model.rd", "rd/cta_model.rd", "rd/timesys.rd"),
        publish=False,
    ),
    Resource(
        "cta/obsplan",
        create=(("cta/obsplan",),),
        refresh=(("cta/obsplan",),),
        depends=("inputs/cta/obsplan.rd", "rd/timesys.rd"),
    ),
    Resource(
        "cta/access",
        create=(("cta/access",),),
        refresh=(("cta/access",),),
        depends=("inputs/cta/access.rd", "inputs/cta/q.rd"),
        holds_settings=True,  # addresses in the view cta.spectral_dataset
    ),
    Resource("//siap2"),
    Resource(
        "cta/prov",
        create=(("cta/prov",),),
        refresh=(("cta/prov", "upgrade"), ("-m", "cta/prov"), ("cta/prov", "views")),
        depends=("inputs/cta/prov.rd",),
        holds_settings=True,  # provenance_url in the view provenance.last_step
    ),
    Resource(
        "cta/jobs",
        create=(("cta/jobs",),),
        refresh=(("cta/jobs",), ("-m", "cta/jobs")),  # the rows stay
        depends=("inputs/cta/jobs.rd",),
    ),
)
SYSTEM_PREFIX = "//"


def set_up(instance: Instance) -> bool:
    """Import and publish what is new or has changed; return whether anything was done."""
    done = False
    present = [resource for resource in RESOURCES if is_present(resource, instance.code)]
    for resource in present:
        known = instance.memory.imported.get(resource.rd)
        settings = settings_files(instance) if resource.holds_settings else []
        current = fingerprint([*matching(instance.code, resource.depends), *settings])
        if known == current:
            continue
        done = True
        for number, arguments in enumerate(resource.create if known is None else resource.refresh):
            dachs(instance, f"setting up {resource.rd}", "imp", *arguments, told=number > 0)
        instance.memory.imported[resource.rd] = current
        instance.save()
    return publish(instance) or done


def publish(instance: Instance, always: Iterable[str] = ()) -> bool:
    """Publish the RDs if they or the settings have changed since; those of `always` in any case."""
    present = [resource for resource in RESOURCES if resource.publish and is_present(resource, instance.code)]
    settings = [*settings_files(instance), instance.etc / "defaultmeta.txt"]
    settings += sorted((instance.resource_dir / "collections").glob("*.toml"))
    rds = {path for resource in present for path in matching(instance.code, resource.depends)}
    current = fingerprint([*settings, *sorted(rds)], ",".join(resource.rd for resource in present))
    names = [resource.rd for resource in present]
    if instance.memory.published == current:
        names = [name for name in names if name in set(always)]
    if not names:
        return False
    dachs(instance, "publishing the services", "pub", *names)
    instance.memory.published = current
    instance.save()
    return True


def settings_files(instance: Instance) -> list[Path]:
    """Return the files with the settings of the site."""
    return [instance.etc / "gavorc", instance.etc / "site.rc"]


def dachs(
    instance: Instance, what: str, *arguments: str, told: bool = False, environment: dict[str, str] | None = None
) -> str:
    """Run a dachs command of the set-up, announced as a step unless the operator was told of it before."""
    if not told:
        console.step(what)
    advice = "Mend what it names and run the same command again; what is published stays as it was."
    log = instance.log / "setup.log"
    variables = instance.child_environment() if environment is None else environment
    return run_logged(what, [DACHS, *arguments], log, variables, advice=advice)


def is_present(resource: Resource, code: Path) -> bool:
    """Say whether the RD exists: DaCHS's own always do."""
    return resource.rd.startswith(SYSTEM_PREFIX) or bool(matching(code, resource.depends[:1]))


def matching(code: Path, patterns: Iterable[str]) -> list[Path]:
    """Return the files below the code folder that match one of the patterns."""
    return sorted({path for pattern in patterns for path in code.glob(pattern) if path.is_file()})


def fingerprint(paths: Iterable[Path], salt: str = "") -> str:
    """Return a digest of the contents of files; a missing one counts as empty."""
    digest = hashlib.sha256(salt.encode())
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()
