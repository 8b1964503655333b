"""How many jobs may be created without an account from one address, and which address that is."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections.abc import Callable, Sequence

from analysis.errors import RefusedError

MAX_ADDRESSES = 10_000


class TooManyError(RefusedError):
    """A request that comes too soon; it may come again after `retry_after` seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(429, sentence)
        self.retry_after = retry_after


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[str]) -> str:
    """Return the address a request comes from.

    Parameters
    ----------
    peer
        Address of the other end of the connection.
    forwarded
        Values of the headers X-Forwarded-For. Each proxy appends whom it was asked by; what stands before the first
        address that no trusted proxy has written may be made up.
    trusted
        Addresses and networks of proxies that are believed.
    """
    networks = [ipaddress.ip_network(item) for item in trusted]
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = peer
    while hops and _is_in(address, networks):
        hop = _bare(hops.pop())
        if hop is None:
            break
        address = hop
    return address


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    bare = _bare(address)
    return bare is not None and any(ipaddress.ip_address(bare) in network for network in networks)


def _bare(hop: str) -> str | None:
    """Return an address without port and brackets, an IPv4 address as such; None when it is no address."""
    for text in (hop, hop.partition("]")[0].removeprefix("["), hop.rpartition(":")[0]):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        return str(getattr(address, "ipv4_mapped", None) or address)
    return None


class RateLimit:
    """A bucket of tokens for each address, filled evenly over a minute.

    Parameters
    ----------
    per_minute
        How many jobs an address may create in a minute.
    clock
        A monotonic clock, s.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = max(per_minute, 1)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> None:
        """Count a job; TooManyError when there were too many."""
        now = self._clock()
        with self._lock:
            if len(self._buckets) >= MAX_ADDRESSES:
                self._forget_full(now)
            tokens = self._tokens(address, now)
            if tokens >= 1:
                self._buckets[address] = (tokens - 1, now)
                return
        seconds = math.ceil((1 - tokens) * 60 / self._capacity)
        raise TooManyError(
            f"Too many jobs were created without an account from your address; wait {seconds} s, or log in.", seconds
        )

    def _tokens(self, address: str, now: float) -> float:
        tokens, then = self._buckets.get(address, (float(self._capacity), now))
        return min(self._capacity, tokens + (now - then) * self._capacity / 60)

    def _forget_full(self, now: float) -> None:
        kept = {address: item for address, item in self._buckets.items() if self._tokens(address, now) < self._capacity}
        self._buckets = kept if len(kept) < MAX_ADDRESSES else {}
