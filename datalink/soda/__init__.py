"""SODA on event lists: from request parameters to the bytes of a cut-out."""
