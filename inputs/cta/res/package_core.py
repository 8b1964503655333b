"""Core of the package service."""

from datalink.package_core import PackageCore as Core

__all__ = ["Core"]
