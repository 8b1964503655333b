"""Links of datasets: what DataLink says beside the file itself."""
