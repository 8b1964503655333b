"""What runs a script: the warm parent that has gammapy imported, and the `Job` the script is given."""
