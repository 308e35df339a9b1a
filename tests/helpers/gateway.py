"""A gateway in front of the emulator of an object store: it counts requests and fails on demand.

With ``google`` it also makes an S3 emulator answer as the XML API of Google Cloud Storage does
(https://cloud.google.com/storage/docs/xml-api/reference-headers), which obstore uses: no emulator on PyPI speaks that
API with generations and preconditions. The two APIs differ in the names of headers, and in that each write of an object
gets a new generation number, to which ``x-goog-if-generation-match`` refers (0: there must be no such object).

A process of its own, so that it keeps running while Python waits in a library:

    python tests/helpers/gateway.py '{"upstream": "127.0.0.1:5000", "log": "FILE", "google": false, "host": "0.0.0.0"}'

It prints its port and runs until stdin closes. The file LOG.rules may hold a list of rules, each with a ``method``, a
regular expression ``path``, a ``status``, or ``"drop": true`` to end the connection without an answer, or ``"wait"``:
seconds before it goes on, and ``times``: how often the rule applies.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server")


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        address: Host and port.
        log: Where it writes its requests.
    """

    address: str
    log: Path

    @property
    def requests(self) -> list[dict[str, Any]]:
        """All requests so far: method, path, status, bytes received and bytes sent."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def fail(self, *rules: dict[str, Any]) -> None:
        """Replace the rules."""
        self.log.with_suffix(".rules").write_text(json.dumps(rules))

    def forget(self) -> None:
        """Forget the requests so far."""
        self.log.write_text("")


@contextmanager
def gateway(upstream: str, log: Path, *, google: bool = False, host: str = "127.0.0.1") -> Iterator[Gateway]:
    """Run a gateway while the block runs."""
    log.write_text("")
    settings = json.dumps({"upstream": upstream, "log": str(log), "google": google, "host": host})
    command = [sys.executable, __file__, settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield Gateway(f"{host}:{int(child.stdout.readline())}", log)
        finally:
            child.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    settings: dict[str, Any]
    lock = threading.Lock()
    writing = threading.Lock()
    used: ClassVar[dict[str, int]] = {}
    generations: ClassVar[dict[str, int]] = {}
    count = 1000

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self) -> None:
        rule = self._rule()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if rule is not None and rule.get("wait"):
            time.sleep(rule["wait"])
            rule = None
        if rule is not None and rule.get("drop"):
            self._note(0, len(body), 0)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif rule is not None:
            self._send(rule["status"], {}, b"")
            self._note(rule["status"], len(body), 0)
        elif self.settings["google"]:
            with self.writing:
                status, headers, data = self._google(body)
            self._send(status, headers, data)
            self._note(status, len(body), len(data))
        else:
            status, headers, data = self._forward(self.path, dict(self.headers), body)
            self._send(status, headers, data)
            self._note(status, len(body), len(data))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def _rule(self) -> dict[str, Any] | None:
        try:
            rules = json.loads(Path(self.settings["log"]).with_suffix(".rules").read_text())
        except (OSError, ValueError):
            return None
        with self.lock:
            for rule in rules:
                key = json.dumps(rule)
                matches = rule.get("method", self.command) == self.command and re.search(rule["path"], self.path)
                if matches and self.used.get(key, 0) < rule.get("times", 10**9):
                    self.used[key] = self.used.get(key, 0) + 1
                    found: dict[str, Any] = rule
                    return found
        return None

    def _forward(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(self.settings["upstream"], timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in _HOP}
            upstream.request(self.command, path, body or (b"" if self.command in ("PUT", "POST") else None), kept)
            answer = upstream.getresponse()
            data = answer.read()
            found = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            if self.command == "HEAD":
                found["Content-Length"] = answer.getheader("Content-Length") or "0"
            return answer.status, found, data
        finally:
            upstream.close()

    def _google(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path = self.path.replace("%2F", "/")
        key = urlsplit(path).path
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != self.generations.get(key, 0):
            return 412, {"Content-Type": "application/xml"}, b"<Error><Code>PreconditionFailed</Code></Error>"
        headers = {
            re.sub("^x-goog-(meta-|copy-source)", r"x-amz-\1", name.lower()): value
            for name, value in self.headers.items()
            if name.lower() not in ("x-goog-if-generation-match", "authorization")
        }
        status, found, data = self._forward(path, headers | {"Authorization": "AWS any"}, body)
        found = {re.sub("^x-amz-meta-", "x-goog-meta-", name.lower()): value for name, value in found.items()}
        if status < 300 and self.command == "PUT" and "uploadId" not in self.path:
            _Handler.count += 1
            self.generations[key] = self.count
        if status < 300 and self.command == "DELETE":
            self.generations.pop(key, None)
        if key in self.generations:
            found["x-goog-generation"] = str(self.generations[key])
        return status, found, data

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _note(self, status: int, received: int, sent: int) -> None:
        line = json.dumps(
            {"method": self.command, "path": self.path, "status": status, "received": received, "sent": sent}
        )
        with self.lock, open(str(self.settings["log"]), "a") as log:
            log.write(line + "\n")


if __name__ == "__main__":
    _Handler.settings = json.loads(sys.argv[1])
    server = ThreadingHTTPServer((_Handler.settings["host"], 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # exits with the process that started it
