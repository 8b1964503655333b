"""Provenance: harvested from pipelines' own records, stored by the IVOA model, queried by ProvTAP and ProvSAP."""
