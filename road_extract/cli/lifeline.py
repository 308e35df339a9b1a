"""Ending with the program that started this one."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time

#: So long an interrupted command may tidy up.
GRACE_S = 10.0


def watch_stdin() -> None:
    """Interrupt this process when its stdin ends: whoever held the other side is no more, however it ended.

    Only for programs that hold a pipe open: `</dev/null` ends at once.
    """
    threading.Thread(target=_interrupt_at_end, name="lifeline", daemon=True).start()


def _interrupt_at_end() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:  # there is no stdin: nobody holds it
        pass
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        # a real signal, to the main thread: it wakes from a lock or a system call, too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(130)  # stuck in native code
