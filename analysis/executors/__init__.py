"""Where jobs run: on this machine (`local`) or on a cluster (`slurm`)."""
