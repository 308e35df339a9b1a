"""Exit together with the program that started this one."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time

#: Time an interrupted command has to clean up.
GRACE_S = 10.0


def watch_stdin() -> None:
    """Interrupt this process when its stdin closes, which means that the parent process has gone for whatever reason.

    Use this only if the parent keeps a pipe open: with `</dev/null` the process is interrupted at once.
    """
    threading.Thread(target=_interrupt_at_end, name="lifeline", daemon=True).start()


def _interrupt_at_end() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:  # no stdin, so no parent keeps it open
        pass
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # a real signal also wakes the main thread from a lock or a system call
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(130)  # stuck in native code
