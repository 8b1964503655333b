"""The operator's commands: a private PostgreSQL cluster, a DaCHS site on it, imports and the server.

Standard library only, so that a bare machine can run it. Rooms: ``instance`` (paths and what is remembered),
``accounts`` (which system user runs it, from which code), ``cluster`` (PostgreSQL), ``site`` and ``resources``
(the DaCHS root and what is published), ``server``, ``runner`` (of analysis jobs, under a ``keeper``),
``pythonpath`` and ``analysis_env`` (packages from PyPI), ``imports``, ``demo``, ``status``, ``testbed`` and ``lint``.
"""
