"""The job service inside of the DaCHS server (adaptors: import gavo): requests, inputs from the archive, changes."""
