"""Flux points, light curves and counts spectra as VOTables that VO tools plot directly."""
