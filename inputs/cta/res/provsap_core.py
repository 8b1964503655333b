"""Core of the graph service."""

from prov_tables.sap.core import ProvSapCore as Core

__all__ = ["Core"]
