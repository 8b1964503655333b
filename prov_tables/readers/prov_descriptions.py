"""The descriptions in PROV-JSON of the IVOA flavour."""

from __future__ import annotations

from collections.abc import Callable

from prov_tables.model import (
    ActivityDescription,
    ConfigFileDescription,
    EntityDescription,
    GenerationDescription,
    ParameterDescription,
    Row,
    UsageDescription,
)
from prov_tables.readers.prov_names import Attributes, text_of

# Resolves the reference in an attribute to an identifier.
Refer = Callable[[str], str | None]


def activity_description(key: str, of: Attributes, refer: Refer) -> Row:
    """Return the row of an ActivityDescription."""
    return ActivityDescription(
        id=key,
        name=text_of(of, "name") or key,
        version=text_of(of, "version"),
        description=text_of(of, "description") or text_of(of, "comment"),
        docurl=text_of(of, "docurl"),
        type=text_of(of, "type"),
        subtype=text_of(of, "subtype"),
    )


def entity_description(key: str, of: Attributes, refer: Refer) -> Row:
    """Return the row of an EntityDescription or of one of its subclasses."""
    value_type, content_type = text_of(of, "valueType"), text_of(of, "contentType")
    kind = "ValueDescription" if value_type else "DatasetDescription" if content_type else "EntityDescription"
    return EntityDescription(
        id=key,
        name=text_of(of, "name") or key,
        description=text_of(of, "description") or text_of(of, "comment"),
        docurl=text_of(of, "docurl"),
        type=text_of(of, "type") or text_of(of, "category"),
        description_class=kind,
        content_type=content_type,
        value_type=value_type,
        unit=text_of(of, "unit"),
        ucd=text_of(of, "ucd"),
        utype=text_of(of, "utype"),
    )


def usage_description(key: str, of: Attributes, refer: Refer) -> Row:
    """Return the row of a UsageDescription."""
    return _flow(UsageDescription, key, of, refer)


def generation_description(key: str, of: Attributes, refer: Refer) -> Row:
    """Return the row of a GenerationDescription."""
    return _flow(GenerationDescription, key, of, refer)


def _flow(
    row_class: type[UsageDescription] | type[GenerationDescription], key: str, of: Attributes, refer: Refer
) -> Row:
    return row_class(
        id=key,
        activity_description_id=refer("activityDescription"),
        entity_description_id=refer("entityDescription"),
        role=text_of(of, "role"),
        description=text_of(of, "description") or text_of(of, "comment"),
        type=text_of(of, "type"),
        multiplicity=text_of(of, "multiplicity"),
    )


def parameter_description(key: str, of: Attributes, refer: Refer) -> Row:
    """Return the row of a ParameterDescription."""
    value_type, size = text_of(of, "valueType"), text_of(of, "arraysize")
    return ParameterDescription(
        id=key,
        activity_description_id=refer("activityDescription"),
        name=text_of(of, "name") or key,
        value_type=f"{value_type}({size})" if value_type and size and size != "1" else value_type,
        description=text_of(of, "description") or text_of(of, "comment"),
        unit=text_of(of, "unit"),
        ucd=text_of(of, "ucd"),
        utype=text_of(of, "utype"),
        min_value=text_of(of, "min"),
        max_value=text_of(of, "max"),
        default_value=text_of(of, "default"),
        options=text_of(of, "options"),
    )


def config_file_description(key: str, of: Attributes, refer: Refer) -> Row:
    """Return the row of a ConfigFileDescription."""
    return ConfigFileDescription(
        id=key,
        activity_description_id=refer("activityDescription"),
        name=text_of(of, "name") or key,
        content_type=text_of(of, "contentType"),
        description=text_of(of, "description") or text_of(of, "comment"),
    )


DESCRIPTIONS: dict[str, Callable[[str, Attributes, Refer], Row]] = {
    "activityDescription": activity_description,
    "entityDescription": entity_description,
    "usageDescription": usage_description,
    "generationDescription": generation_description,
    "parameterDescription": parameter_description,
    "configFileDescription": config_file_description,
}
