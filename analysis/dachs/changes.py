"""Wakes requests that wait for a job to change: one thread hears of changes, for any number of requests."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections import defaultdict
from typing import Any

from gavo import base
from twisted.internet import defer, reactor

from analysis.uws.store import CHANNEL

_RETRY_SECONDS = 1.0


class Changes:
    """Deferreds that fire when a job changes, or when their time is over. To be used in the reactor's thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[defer.Deferred[None]]] = defaultdict(set)
        self._thread: threading.Thread | None = None

    def wait(self, job_id: str, seconds: float) -> defer.Deferred[None]:
        """Return a deferred that fires at the job's next change, at the latest after some seconds."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="changes of jobs", daemon=True)
            self._thread.start()
        waiting: defer.Deferred[None] = defer.Deferred()
        self._waiting[job_id].add(waiting)
        timer = reactor.callLater(seconds, self._fire, job_id, waiting)

        def forget(result: None) -> None:
            if timer.active():
                timer.cancel()
            return result

        return waiting.addBoth(forget)

    def cancel(self, job_id: str, waiting: defer.Deferred[None]) -> None:
        """Let go of a request whose client has gone."""
        self._fire(job_id, waiting)

    def _fire(self, job_id: str, waiting: defer.Deferred[None]) -> None:
        known = self._waiting.get(job_id)
        if known is None or waiting not in known:
            return
        known.remove(waiting)
        if not known:
            del self._waiting[job_id]
        waiting.callback(None)

    def _wake(self, job_ids: set[str] | None) -> None:
        """Fire what waits for these jobs; None is all, after something may have been missed."""
        for job_id in list(self._waiting) if job_ids is None else job_ids:
            for waiting in list(self._waiting.get(job_id, ())):
                self._fire(job_id, waiting)

    def _listen(self) -> None:
        while True:
            try:
                with base.getDBConnection("trustedquery", autocommitted=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    connection.commit()  # before that, nothing is heard
                    reactor.callFromThread(self._wake, None)
                    self._pass_on(connection)
            except (base.DBError, OSError) as exc:
                base.ui.notifyWarning(f"no news of jobs from the database: {exc}")
            time.sleep(_RETRY_SECONDS)

    def _pass_on(self, connection: Any) -> None:
        while True:
            with contextlib.suppress(InterruptedError):
                select.select([connection], [], [])
            connection.poll()
            changed = {notice.payload for notice in connection.notifies}
            connection.notifies.clear()
            if changed:
                reactor.callFromThread(self._wake, changed)


CHANGES = Changes()
