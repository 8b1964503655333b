"""Core of the package service."""

from datalink.package.core import PackageCore as Core

__all__ = ["Core"]
