"""Reads ahead in a thread: while the database works, the next records are parsed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
PORTION = 100
PORTIONS = 20


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items of an iterable that runs in a thread; an exception of it comes after the items before it.

    A caller that stops early lets the thread end.
    """
    waiting: queue.Queue[list[Item] | BaseException | None] = queue.Queue(PORTIONS)
    stopped = threading.Event()

    def put(portion: list[Item] | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(portion, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        iterator = iter(items)
        portion: list[Item] = []
        try:
            while True:
                portion = []
                for item in islice(iterator, PORTION):
                    portion.append(item)
                if not portion or not put(portion):
                    break
            put(None)
        except BaseException as exc:  # goes on in the caller's thread
            put(portion)
            put(exc)

    thread = threading.Thread(target=work, name="reading ahead", daemon=True)
    thread.start()
    try:
        while True:
            portion = waiting.get()
            if portion is None:
                return
            if isinstance(portion, BaseException):
                raise portion
            yield from portion
    finally:
        stopped.set()
        thread.join()
