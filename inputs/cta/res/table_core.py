"""Core of the table service."""

from datalink.votables.core import TableCore as Core

__all__ = ["Core"]
