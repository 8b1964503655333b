"""Core of the recipe service."""

from prov_tables.sap.core import RecipeCore as Core

__all__ = ["Core"]
