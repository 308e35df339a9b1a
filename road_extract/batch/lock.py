"""One run at a time in a folder."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from road_extract.base.errors import InputError, OutputError

_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def locked(path: Path, shown: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the operating system's lock of a file: it ends with the process, however that ends.

    Args:
        path: The file, which is made if it is missing and stays.
        shown: What the lock guards, for people.
        shared: Others may hold it too, if theirs are shared (not on Windows: there it is no lock then).

    Raises:
        InputError: If another run holds it.
        OutputError: If the file system has no locks.
    """
    with path.open("a+b") as file:
        try:
            _lock(file.fileno(), shared)
        except OSError as error:
            if error.errno in _BUSY:
                raise InputError(f"{shown}: another run works in it; let it end, or choose another folder") from error
            raise OutputError(
                f"{shown}: its file system has no locks ({error.strerror}), which keep two runs apart; choose another"
            ) from error
        yield


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
