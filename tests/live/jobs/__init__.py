"""Analysis jobs against a running archive."""
