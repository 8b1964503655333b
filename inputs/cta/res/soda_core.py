"""Core of the cut-out service."""

from datalink.soda.core import SodaCore as Core

__all__ = ["Core"]
