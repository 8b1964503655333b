"""Benchmarks of the archive: `make bench`, or `.venv/bin/python -m bench [harvest|rows|queries|all]`.

Everything is measured on an instance of its own and told as ratios of things measured in the same run, since machines
differ and are never quiet. Figures and method: docs/performance.md.

======================  ===============================================================================================
module                  does
======================  ===============================================================================================
``bench.timing``        measures elapsed time, processor time, and what other programs took meanwhile
``bench.instance``      the instance: created, driven and removed by the operator commands
``bench.files``         copies of real files to import
``bench.harvest``       import of files, compared with gunzip and with a stock RD
``bench.rows``          synthetic rows into the tables, compared with DaCHS's feeder
``bench.queries``       the TAP examples on those rows: plans and latencies
``bench.services``      cut-outs, packages and links over HTTP
``bench.events``        photons into the database, cones on them
``bench.provenance``    provenance: import, questions
``bench.jobs``          analysis jobs from POST to COMPLETED, compared with a plain script
``bench.report``        the table, the requirements, the JSON files
``bench/inside``        what runs inside the instance, under the system's Python: loaders, gunzip, plans
``bench/stock``         the RD of a typical data centre
======================  ===============================================================================================
"""
