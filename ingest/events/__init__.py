"""Photon events: from the event tables of files into the table ``cta.event``, one row a photon."""
