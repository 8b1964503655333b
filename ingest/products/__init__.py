"""Readers of DL4 and DL5 products and of listings of lower levels (formats: ``standards/products.md``).

=================  ====================================================================================================
module             knows
=================  ====================================================================================================
``recognise``      what a FITS file or an ECSV table is, by headers and columns
``describe``       a recognised file as a row of ``cta.dataset`` and what goes with it
``description``    what all products have in common: coverage, axes, observable
``tables``         columns with units, from FITS and from ECSV
``ecsv``, ``safe_yaml``  the text formats, read without trust
``quantities``     units of energies and fluxes
``fluxpoints``     flux points and likelihood profiles (GADF SED)
``lightcurve``     light curves
``ogip``           counts spectra (OGIP PHA) and the files they name (background, ARF, RMF)
``maps``, ``wcs``  images and cubes with a world coordinate system
``healpix``        HEALPix maps
``catalogue``      catalogues of sources
``companion``      the YAML description beside a published table (gamma-cat, VTSCat)
``listing``        files of levels DL0 to DL2 that are listed, not served
=================  ====================================================================================================
"""
