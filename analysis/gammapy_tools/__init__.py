"""What the scripts of the job types share: runs as gammapy opens them, spectra, files and pictures."""
