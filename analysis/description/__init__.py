"""Descriptions of job types: VOTables in the terms of the ProvenanceDM's ActivityDescription."""
