"""Analysis jobs: described once, offered by UWS 1.1, run locally or on Slurm.

``description`` reads what a job type is, ``uws`` keeps jobs and answers requests, ``runner`` starts and ends them
through ``executors``, ``sandbox`` and ``worker`` run one; ``jobs`` has a folder for each job type. Only ``dachs``
imports gavo.
"""
