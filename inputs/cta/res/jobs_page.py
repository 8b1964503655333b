"""Page of the analysis jobs."""

from analysis.dachs.page import JobsPage as MainPage

__all__ = ["MainPage"]
