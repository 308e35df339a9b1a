"""A lease on a prefix of a bucket: an object that its owner renews, and that others may take over once it expires.

Every change of the object is conditional: it happens only if the object is still what was read, so two processes can
never both believe that they have changed it. Ages are measured by the clock of the store, never by those of machines.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from road_extract.base.errors import InputError, OutputError, RoadExtractError
from road_extract.io.objects.bucket import Bucket, Stored, temp_suffix

log = logging.getLogger("road_extract")

#: Seconds after which a lease that is not renewed may be taken over, and between renewals.
LEASE_S = 60.0
BEAT_S = 15.0
#: Times of objects are cut to whole seconds.
_MARGIN_S = 2.0
_POLL_S = 1.0


class Lease:
    """A lease that this process holds."""

    def __init__(self, bucket: Bucket, name: str, shown: str) -> None:
        self._bucket, self._name, self._shown = bucket, name, shown
        self._token = temp_suffix()
        self._values: dict[str, Any] = {
            "owner": self._token, "host": socket.gethostname(), "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"), "lease_s": LEASE_S, "beats": 0,
        }  # fmt: skip
        self._held: Stored | None = None
        self._renewed = 0.0
        self._lost = False
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def take(self) -> None:
        """Take the lease, waiting until that of a dead owner expires.

        Raises:
            InputError: If its owner is alive.
            OutputError: If the store does not answer.
        """
        while not self._try(found := wait_for_end(self._bucket, self._name, self._shown)):
            found = self._bucket.read(self._name)
            if _values(found).get("owner") == self._token:  # the answer was lost on the way
                self._held, self._renewed = found, time.monotonic()
                break
        threading.Thread(target=self._beat, daemon=True, name="lease").start()

    def _try(self, found: Stored | None) -> bool:
        """Write the lease over what was found, unless another process was faster."""
        started = time.monotonic()
        self._values["beats"] = int(self._values["beats"]) + 1
        data = _to_bytes(self._values)
        version = self._bucket.write(self._name, data, replacing=found, new=found is None)
        if version is None:
            return False
        self._held, self._renewed = Stored(len(data), datetime.now(UTC), version), started
        return True

    def _beat(self) -> None:
        while not self._ended.wait(float(self._values["lease_s"]) * BEAT_S / LEASE_S):
            with suppress(RoadExtractError):  # the store does not answer: check() decides
                self._renew()
            if self._lost:
                return

    def _renew(self) -> None:
        with self._lock:
            if self._lost or self._ended.is_set() or self._held is None or self._try(self._held):
                return
            started, found = time.monotonic(), self._bucket.read(self._name)
            if _values(found).get("owner") == self._token:  # written by an attempt whose answer was lost
                self._held, self._renewed = found, started
            else:
                self._lost = True

    def check(self) -> None:
        """Make sure that this process still holds the lease.

        Raises:
            OutputError: If another run has taken it over, or that cannot be found out.
        """
        if not self._lost and time.monotonic() - self._renewed > float(self._values["lease_s"]):
            self._renew()
        if self._lost:
            raise OutputError(
                f"{self._shown}: another run has taken over, because this one did not renew its lease in time; "
                "this one stops"
            )

    def release(self) -> None:
        """Let others take the lease at once. It is not deleted, because objects cannot be deleted conditionally."""
        self._ended.set()
        with self._lock, suppress(RoadExtractError):
            if not self._lost and self._held is not None:
                self._bucket.write(self._name, _to_bytes({"owner": None}), replacing=self._held)


@contextmanager
def hold_lease(bucket: Bucket, name: str, shown: str) -> Iterator[Lease]:
    """Hold a lease while the block runs. If the process dies, it expires.

    Args:
        bucket: Where it is kept.
        name: Of its object.
        shown: What it protects, for messages.

    Raises:
        InputError: If another process holds it and is alive.
        OutputError: If the store does not answer.
    """
    lease = Lease(bucket, name, shown)
    try:
        lease.take()
        yield lease
    finally:
        lease.release()


def wait_for_end(bucket: Bucket, name: str, shown: str) -> Stored | None:
    """Wait until nobody holds a lease; returns its object, if there is one.

    Raises:
        InputError: If it is renewed in the meantime: its owner is alive.
        OutputError: If the store does not answer.
    """
    found = bucket.read(name)
    values = _values(found)
    if found is None or not values.get("owner"):
        return found
    age_s = (store_now(bucket, name) - found.modified).total_seconds()
    left_s = float(values.get("lease_s", LEASE_S)) + _MARGIN_S - age_s
    if left_s > 0:
        log.info("%s: waiting up to %.0f s to see whether another run is alive (%s)", shown, left_s, _who(values))
    deadline = time.monotonic() + left_s
    while time.monotonic() < deadline:
        time.sleep(min(_POLL_S, max(0.05, left_s / 20)))
        now = bucket.find(name)
        if now is None or now.version != found.version:
            now = bucket.read(name)
            if _values(now).get("owner"):
                raise InputError(
                    f"{shown}: is in use by another run ({_who(_values(now))}); wait until it ends, or choose another "
                    "folder"
                )
            return now
    log.info("%s: the other run (%s) has ended without releasing its lease", shown, _who(values))
    return found


def store_now(bucket: Bucket, name: str) -> datetime:
    """The time by the clock of the store: that of an object written now."""
    probe = f"{name}-{temp_suffix()}"
    bucket.write(probe, b"")
    found = bucket.find(probe)
    bucket.delete([probe])
    return datetime.now(UTC) if found is None else found.modified


def _values(found: Stored | None) -> dict[str, Any]:
    try:
        values = json.loads(found.data) if found is not None else {}
        return values if isinstance(values, dict) else {}
    except ValueError:
        return {}


def _to_bytes(values: dict[str, Any]) -> bytes:
    return json.dumps(values, indent=2).encode()


def _who(values: dict[str, Any]) -> str:
    return f"process {values.get('process')} on {values.get('host')}, since {values.get('since')}"
