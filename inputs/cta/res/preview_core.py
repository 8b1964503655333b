"""Core of the preview service."""

from datalink.preview_core import PreviewCore as Core

__all__ = ["Core"]
