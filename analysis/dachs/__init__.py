"""The job service inside of the DaCHS server (adaptors: import gavo): pages, inputs from the archive, news of changes."""
