"""Core of the links service."""

from datalink.cores import LinksCore as Core

__all__ = ["Core"]
