"""ProvSAP: provenance graphs as an answer to a simple request (``standards/provenance.md`` §4)."""
