"""Emulators of object stores, as fixtures: moto for S3, Azurite for Azure, and a gateway that speaks Google's API.

Azurite is a package of npm: `npm install --prefix build/azurite azurite`, which .ci/run does. Tests that need it are
skipped without it, unless ROAD_EXTRACT_REQUIRE_AZURITE is set.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from road_extract.io.objects import Bucket
from road_extract.io.objects import bucket as bucket_module
from tests.helpers.gateway import Gateway, gateway
from tests.helpers.paths import REPOSITORY
from tests.helpers.s3 import put_object

#: Azurite's own account, which is in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_AZURITE = Path(
    os.environ.get("ROAD_EXTRACT_AZURITE", REPOSITORY / "build/azurite/node_modules/azurite/dist/src/blob/main.js")
)
_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "GS_", "CPL_GS_", "CPL_AWS_")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The address of an Azure Blob emulator with the containers `scenes` and `roads`."""
    node = shutil.which("node")
    if node is None or not _AZURITE.exists():
        if os.environ.get("ROAD_EXTRACT_REQUIRE_AZURITE"):
            pytest.fail(f"Azurite is required, but node or {_AZURITE} is missing")
        pytest.skip("needs Node and Azurite (npm install --prefix build/azurite azurite)")
    port = free_port()
    command = [
        node, str(_AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence",
        "--disableTelemetry", "--skipApiVersionCheck",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            for container in ("scenes", "roads"):
                _create_container(f"127.0.0.1:{port}", container)
            yield f"127.0.0.1:{port}"
        finally:
            child.kill()


def _create_container(address: str, name: str) -> None:
    """Shared Key authorization: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key."""
    date, version = formatdate(usegmt=True), "2021-12-02"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n{resource}"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    headers = {
        "x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {ACCOUNT}:{signature}",
        "Content-Length": "0",
    }  # fmt: skip
    request = urllib.request.Request(
        f"http://{address}/{ACCOUNT}/{name}?restype=container", method="PUT", headers=headers
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        try:
            opener.open(request, timeout=10).close()
            return
        except urllib.error.HTTPError:
            raise
        except OSError:  # not running yet
            time.sleep(0.1)
    raise AssertionError("Azurite did not start")


@pytest.fixture(scope="session")
def google(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks the XML API of Google Cloud Storage."""
    with gateway(s3, tmp_path_factory.mktemp("google") / "log", google=True) as server:
        yield server.address


@pytest.fixture
def s3_gateway(s3: str, tmp_path: Path) -> Iterator[Gateway]:
    """The S3 server behind a gateway that counts and fails."""
    with gateway(s3, tmp_path / "gateway.log") as server:
        yield server


def clear_environment(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove whatever this machine has of credentials and endpoints; and retry soon."""
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        patch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "CPL_AWS_CREDENTIALS_FILE"):
        patch.setenv(name, str(tmp_path / "none"))
    patch.setenv("CPL_AWS_AUTODETECT_EC2", "NO")
    patch.setenv("no_proxy", "127.0.0.1")
    patch.setattr(bucket_module, "_BACKOFF_S", 0.02)


def s3_settings(address: str) -> dict[str, str]:
    """The variables that point GDAL and us to an S3 server."""
    return {
        "AWS_S3_ENDPOINT": address, "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "KEYNAME", "AWS_SECRET_ACCESS_KEY": "s3cret",
    }  # fmt: skip


def google_settings(address: str) -> dict[str, str]:
    """The variables that point GDAL and us to a server with Google's API."""
    return {
        "CPL_GS_ENDPOINT": f"http://{address}/", "GOOGLE_BEARER_TOKEN": "s3cret", "GS_NO_SIGN_REQUEST": "YES",
        "STORAGE_EMULATOR_HOST": "",
    }  # fmt: skip


def azure_settings(address: str) -> dict[str, str]:
    """The variables that point GDAL and us to Azurite."""
    parts = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
    return {"AZURE_STORAGE_CONNECTION_STRING": f"{parts}BlobEndpoint=http://{address}/{ACCOUNT};"}


@pytest.fixture(params=["s3", "gs", "az"])
def bucket_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty prefix in each kind of store, with the environment set up for it."""
    clear_environment(monkeypatch, tmp_path)
    name = tmp_path.name
    if request.param == "az":
        settings, url = azure_settings(request.getfixturevalue("azurite")), f"az://roads/{name}"
    else:
        s3 = request.getfixturevalue("s3")
        put_object(f"http://{s3}/roads", b"")
        is_s3 = request.param == "s3"
        settings = s3_settings(s3) if is_s3 else google_settings(request.getfixturevalue("google"))
        url = f"{request.param}://roads/{request.param}-{name}"
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    return url


@pytest.fixture
def s3_url(s3: str, s3_gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty prefix in S3, reached through the gateway."""
    clear_environment(monkeypatch, tmp_path)
    put_object(f"http://{s3}/roads", b"")
    for key, value in s3_settings(s3_gateway.address).items():
        monkeypatch.setenv(key, value)
    return f"s3://roads/{tmp_path.name}"


def open_uploads(address: str, bucket: str = "roads") -> int:
    """How many multipart uploads are open, by the S3 server itself."""
    request = urllib.request.Request(f"http://{address}/{bucket}?uploads", headers={"Authorization": "AWS any"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        data: bytes = answer.read()
        return data.count(b"<UploadId>")


def objects(url: str) -> dict[str, bytes]:
    """Like `tree`: every object of a batch, with the part of its content that is reproducible."""
    bucket, found = Bucket.at(url), {}
    for name in bucket.list_all():
        if name.rpartition("/")[2] not in ("summary.json", "lock"):
            data = bucket.read(name).data
            values = json.loads(data) if name.endswith(".json") else {}
            found[name] = json.dumps(values["made"]).encode() if "made" in values else data
    return found
