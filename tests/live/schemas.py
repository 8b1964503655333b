"""XML schemas without a network: the IVOA's own from ../shared where they are, the rest as DaCHS ships it."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from lxml import etree

from tests.live.archive import SHARED

SHIPPED = Path("/usr/lib/python3/dist-packages/gavo/resources/schemata")
FIXTURES = SHARED / "standards" / "fixtures"
XS = "{http://www.w3.org/2001/XMLSchema}"
IVOA = "http://www.ivoa.net/xml/"
_STUBS = {
    "http://www.w3.org/1999/xlink": FIXTURES / "own" / "xlink-stub.xsd",
    f"{IVOA}STC/stc-v1.30.xsd": FIXTURES / "own" / "stc-stub.xsd",
}
_IVOA_OWN = {
    f"{IVOA}VOResource/v1.0": "VOResource-v1.2.xsd",
    f"{IVOA}VODataService/v1.1": "VODataService-v1.2.xsd",
    f"{IVOA}VOSIAvailability/v1.0": "VOSIAvailability-v1.0.xsd",
    f"{IVOA}VOSICapabilities/v1.0": "VOSICapabilities-v1.0.xsd",
    f"{IVOA}VOSITables/v1.0": "VOSITables-v1.1.xsd",
    f"{IVOA}TAPRegExt/v1.0": "TAPRegExt-v1.1-WD.xsd",
    f"{IVOA}UWS/v1.0": "UWS-v1.1.xsd",
    f"{IVOA}VOTable/v1.3": "VOTable-v1.5.xsd",
}
_UNUSED = {"http://www.w3.org/XML/1998/namespace"}


def _shipped() -> dict[str, Path]:
    """Return DaCHS's schemas by target namespace; of several versions the plain name counts."""
    found: dict[str, Path] = {}
    for path in sorted(SHIPPED.glob("*.xsd"), key=lambda path: (len(path.name), path.name)):
        namespace = etree.parse(path).getroot().get("targetNamespace")
        if namespace:
            found.setdefault(namespace, path)
    return found


@cache
def schema(source: str) -> etree.XMLSchema:
    """Return a schema that knows everything a registry record, a VOSI document, a UWS job or a VOTable may hold.

    Parameters
    ----------
    source
        ``ivoa``: the recommendations' own files take precedence; ``dachs``: what DaCHS ships.
    """
    places = _shipped()
    if source == "ivoa":
        places.update({namespace: FIXTURES / "ivoa" / name for namespace, name in _IVOA_OWN.items()})
        places.update(_STUBS)
    with tempfile.TemporaryDirectory(prefix="cta-schemas-") as folder:
        return _assembled(places, Path(folder))


def _assembled(places: dict[str, Path], folder: Path) -> etree.XMLSchema:
    """Copy schemas into a folder, so that each finds the others there, and load them as one."""
    names: dict[str, str] = {}
    wanted = [f"{IVOA}RegistryInterface/v1.0", f"{IVOA}VORegistry/v1.0", f"{IVOA}ConeSearch/v1.0", *_IVOA_OWN]
    wanted += [f"{IVOA}SIA/v1.1", f"{IVOA}SSA/v1.1"]
    wanted += ["http://www.openarchives.org/OAI/2.0/", "http://www.openarchives.org/OAI/2.0/oai_dc/"]
    todo = list(wanted)
    while todo:
        namespace = todo.pop()
        if namespace in names:
            continue
        names[namespace] = f"schema{len(names)}.xsd"
        document = etree.parse(places[namespace])
        for element in document.iter(f"{XS}import", f"{XS}include"):
            imported = element.get("namespace", "")
            if imported in places:
                todo.append(imported)
                element.set("schemaLocation", f"of:{imported}")
        document.write(folder / names[namespace])
    for name in names.values():
        text = (folder / name).read_text()
        for namespace, target in names.items():
            text = text.replace(f'"of:{namespace}"', f'"{target}"')
        (folder / name).write_text(text)
    imports = "".join(f'<xs:import namespace="{space}" schemaLocation="{names[space]}"/>' for space in wanted)
    umbrella = folder / "all.xsd"
    umbrella.write_text(f'<xs:schema xmlns:xs="{XS[1:-1]}">{imports}</xs:schema>')
    return etree.XMLSchema(etree.parse(umbrella, etree.XMLParser(no_network=True)))


def violations(document: etree._Element, source: str) -> list[str]:
    """Return what a schema has to say against a document, or an element of one with its namespaces."""
    alone = etree.fromstring(etree.tostring(document))
    checker = schema(source)
    checker.validate(alone)
    return [f"line {entry.line}: {entry.message}" for entry in checker.error_log]
