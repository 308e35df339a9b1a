"""A local web server for a folder, with range requests and failures on demand.

It is a process of its own: rasterio holds Python's lock during some requests, so that a thread could not answer them.
"""

from __future__ import annotations

import json
import mimetypes
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """A request to the server, and the number of body bytes sent in response."""

    method: str
    path: str
    range: str
    authorization: str
    sent: int


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: Of the folder, without a slash at the end.
        log: Where it writes its requests.
    """

    url: str
    log: Path

    @property
    def requests(self) -> list[Request]:
        """All requests so far."""
        return [Request(**json.loads(line)) for line in self.log.read_text().splitlines()]

    @property
    def sent(self) -> int:
        """Total bytes of all response bodies."""
        return sum(request.sent for request in self.requests)


@contextmanager
def serve(folder: Path, log: Path, fail: Mapping[int, int | str] = {}, allow: str = "") -> Iterator[Server]:
    """Serve a folder while the block runs.

    Args:
        folder: To serve.
        log: File for its requests.
        fail: What to do at the request of a number (from 0; -1: at all others) instead of answering: a status, ``cut``
            to end in the middle of the body, ``drop`` to end before any answer, ``stall`` to send nothing.
        allow: Answer only requests with this Authorization header.
    """
    log.write_text("")
    settings = json.dumps({"folder": str(folder), "log": str(log), "fail": dict(fail), "allow": allow})
    command = [sys.executable, __file__, settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield Server(f"http://127.0.0.1:{int(child.stdout.readline())}", log)
        finally:
            child.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    settings: dict[str, Any]
    lock = threading.Lock()
    count = 0

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        with self.lock:
            number, _Handler.count = self.count, self.count + 1
        fail = self.settings["fail"]
        failure = fail.get(str(number), fail.get("-1"))
        path = Path(self.settings["folder"]) / unquote(urlsplit(self.path).path).lstrip("/")
        refused = 401 if self.settings["allow"] not in ("", self.headers.get("Authorization")) else 404
        if failure == "stall":
            threading.Event().wait(60)
        elif failure == "drop":
            self._note(0)
            self._hang_up()
        elif isinstance(failure, int) or refused == 401 or not path.is_file():
            self._note(0)
            self.send_response(failure if isinstance(failure, int) else refused)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(path, body, cut=failure == "cut")

    def _note(self, sent: int) -> None:
        asked, authorization = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        line = json.dumps(vars(Request(self.command, self.path, asked, authorization, sent)))
        with self.lock, open(str(self.settings["log"]), "a") as log:
            log.write(line + "\n")

    def _send(self, path: Path, body: bool, cut: bool) -> None:
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)) if asked else (0, len(data) - 1)
        part = data[first : last + 1]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Type", mimetypes.guess_type(path.name)[0] or "application/geo+json")
        self.send_header("ETag", f'"{md5(data).hexdigest()}"')
        self.send_header("Last-Modified", formatdate(path.stat().st_mtime, usegmt=True))
        self.end_headers()
        part = b"" if not body else part[: len(part) // 2] if cut else part
        self._note(len(part))
        self.wfile.write(part)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    _Handler.settings = json.loads(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # exits with the process that started it
