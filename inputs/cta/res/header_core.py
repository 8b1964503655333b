"""Core of the header service."""

from datalink.cores import HeaderCore as Core

__all__ = ["Core"]
