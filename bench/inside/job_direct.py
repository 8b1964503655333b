"""Runs the script of a job type as a plain program, without any service: `python job_direct.py ORDER INPUTS OUT`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from analysis.folder import read_order
from analysis.worker.job import Job


def main() -> None:
    """Do what the job in the folder ORDER did, on the files below INPUTS; results go to OUT/results."""
    order, inputs, out = read_order(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
    for name in ("results", "work"):
        (out / name).mkdir(parents=True)
    spec = importlib.util.spec_from_file_location("script", order.script)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.run(
        Job(
            job_id=order.job_id,
            job_type=order.job_type,
            parameters=order.parameters,
            inputs=inputs,
            results=out / "results",
            work=out / "work",
        )
    )


if __name__ == "__main__":
    main()
