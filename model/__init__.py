"""The data model of the archive: one VO-DML file, and what is made from it."""

from model.reader import Model, ModelError, load_model
from model.tables import Table, make_tables

__all__ = ["Model", "ModelError", "Table", "load_model", "make_tables"]
