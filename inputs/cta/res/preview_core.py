"""Core of the preview service."""

from datalink.preview.core import PreviewCore as Core

__all__ = ["Core"]
