"""A local S3 server, as fixtures for all tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            put_object(f"http://127.0.0.1:{port}/scenes", b"")
            yield f"127.0.0.1:{port}"
        finally:
            child.kill()


def put_object(url: str, data: bytes) -> None:
    """Store an object as soon as the server is running."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for wait_s in [0.1] * 300:
        try:
            opener.open(
                urllib.request.Request(
                    url, data=data, headers={"Content-Type": "image/tiff", "Authorization": "AWS any"}, method="PUT"
                ),
                timeout=10,
            ).close()
            return
        except ConnectionRefusedError:
            time.sleep(wait_s)
        except OSError as error:
            if "refused" not in str(error):
                raise
            time.sleep(wait_s)
    raise AssertionError("the S3 server did not start")


@pytest.fixture
def s3_env(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The same server, with environment variables that point to it but no credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = {
        "AWS_S3_ENDPOINT": s3, "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE", "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "CPL_AWS_CREDENTIALS_FILE": str(tmp_path / "none"), "CPL_AWS_AUTODETECT_EC2": "NO",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return s3
