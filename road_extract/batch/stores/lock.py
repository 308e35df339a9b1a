"""A lock that allows only one run at a time in a folder."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from road_extract.base.errors import InputError, OutputError

_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Locked:
    """A lock that is held: a `Claim` that nobody can take over."""

    def check(self) -> None:
        """See `Claim`."""


@contextmanager
def locked(path: Path, shown: Path, *, shared: bool = False) -> Iterator[Locked]:
    """Hold an operating system lock on a file. It is released with the process, however the process ends.

    Args:
        path: The lock file, which is created if needed and never removed.
        shown: What the lock protects, for messages.
        shared: Allow other shared locks at the same time. On Windows, a shared lock does not lock anything.

    Raises:
        InputError: If another run holds the lock.
        OutputError: If the file system does not support locks.
    """
    with path.open("a+b") as file:
        try:
            _lock(file.fileno(), shared)
        except OSError as error:
            if error.errno in _BUSY:
                raise InputError(
                    f"{shown}: is in use by another run; wait until it ends, or choose another folder"
                ) from error
            raise OutputError(
                f"{shown}: its file system does not support locks ({error.strerror}), which keep two runs from "
                "interfering; choose a folder on another file system"
            ) from error
        yield Locked()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, shared: bool) -> None:
        if not shared:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
