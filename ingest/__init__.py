"""Readers: files of an observatory to plain rows, in numpy and astropy alone."""
