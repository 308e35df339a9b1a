"""A Dask cluster of three machines that share no files, two of which are lost during the batch.

Each worker has its own network namespace and its own view of the file system: where the others see the folder of the
test, it sees an empty one. This needs root on Linux; ROAD_EXTRACT_REQUIRE_MACHINES makes it fail instead of skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from road_extract.io.objects import Bucket
from tests.helpers.backends import write_model
from tests.helpers.gateway import gateway
from tests.helpers.paths import REPOSITORY
from tests.helpers.s3 import put_object
from tests.helpers.scenes import roads_in, tree, write_geotiff
from tests.helpers.stores import clear_environment, objects, open_uploads, s3_settings

pytestmark = pytest.mark.slow

HELPERS = REPOSITORY / "tests" / "helpers"
#: A network of documentation (RFC 5737), so that it is in use nowhere else.
HOST = "198.51.100.1"


def sh(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True)


class Machines:
    """Network namespaces on one bridge."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._mark = stack, f"re{os.getpid() % 100000}"
        bridge = f"{self._mark}b"
        sh(f"ip link add {bridge} type bridge")
        stack.callback(sh, f"ip link del {bridge}")
        sh(f"ip addr add {HOST}/24 dev {bridge}")
        sh(f"ip link set {bridge} up")

    def add(self, number: int) -> str:
        """Add a machine; returns its address."""
        name, outer, inner = f"{self._mark}n{number}", f"{self._mark}v{number}", f"{self._mark}p{number}"
        address = f"198.51.100.{10 + number}"
        sh(f"ip netns add {name}")
        self._stack.callback(sh, f"ip netns del {name}")
        sh(f"ip link add {outer} type veth peer name {inner} netns {name}")
        self._stack.callback(sh, f"ip link del {outer}")
        sh(f"ip link set {outer} master {self._mark}b up")
        sh(f"ip -n {name} addr add {address}/24 dev {inner}")
        sh(f"ip -n {name} link set {inner} up")
        sh(f"ip -n {name} link set lo up")
        return address

    def run(self, number: int, hidden: str, *command: object, **settings: object) -> subprocess.Popen[str]:
        """Run a command there, which sees an empty folder instead of a folder of this machine."""
        script = f'mount -t tmpfs tmpfs {hidden} && mkdir {hidden}/tmp && exec "$@"'
        inside = ["ip", "netns", "exec", f"{self._mark}n{number}", "unshare", "-m", "sh", "-c", script, "sh"]
        return subprocess.Popen([*inside, *map(str, command)], **settings)  # type: ignore[call-overload]

    def cut(self, number: int) -> None:
        """Pull the cable of a machine."""
        sh(f"ip link set {self._mark}v{number} down")


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def machines(stack):
    pytest.importorskip("distributed")
    try:
        if os.geteuid() or not shutil.which("ip") or not shutil.which("unshare"):
            raise PermissionError("needs root, ip (iproute2) and unshare")
        return Machines(stack)
    except (OSError, AttributeError, subprocess.CalledProcessError) as error:
        if os.environ.get("ROAD_EXTRACT_REQUIRE_MACHINES"):
            raise
        pytest.skip(f"needs network namespaces: {error}")


def wait_for(condition) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_loss_of_two_of_three_machines_changes_nothing(s3, machines, stack, monkeypatch, tmp_path):
    clear_environment(monkeypatch, tmp_path)
    put_object(f"http://{s3}/roads", b"")
    server = stack.enter_context(gateway(s3, tmp_path / "log", host=HOST))
    for name, value in {
        **s3_settings(server.address), "no_proxy": f"127.0.0.1,{HOST}", "PYTHONPATH": str(REPOSITORY),
        # a machine is given up after seconds instead of minutes
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "8s", "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "6s",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    place = f"s3://roads/{tmp_path.name}"
    hidden = tmp_path / "work"
    hidden.mkdir()
    scene = write_geotiff(hidden / "long.tif", roads_in(150, 42_000))
    Bucket.at(place).upload(scene, "scenes/long.tif")
    before = sorted(hidden.iterdir())
    model = write_model(tmp_path / "position")

    def start(*command, **settings):
        popen = settings.pop("popen", subprocess.Popen)
        process = popen(*command, stdout=subprocess.PIPE, text=True, **settings)
        stack.callback(process.communicate)
        stack.callback(process.kill)
        return process

    node = HELPERS / "dask_node.py"
    scheduler = start([sys.executable, node, "scheduler", HOST], stderr=subprocess.DEVNULL)
    address = scheduler.stdout.readline().strip()
    workers = []
    for number in range(3):
        own = machines.add(number)
        command = (sys.executable, node, "worker", own, address, "0.6")
        environment = os.environ | {"TMPDIR": f"{hidden}/tmp"}
        workers.append(
            start(number, str(hidden), *command, popen=machines.run, env=environment, stderr=subprocess.DEVNULL)
        )
        assert own in workers[-1].stdout.readline()
    options = ["--geometry", "both", "--keep-probability", "--model", model]
    batch = [sys.executable, HELPERS / "batch_driver.py", "0", "batch", f"{place}/scenes/long.tif", *options, "--out"]
    client = start([*map(str, batch), f"{place}/out", "--dask", address], stderr=subprocess.STDOUT)

    def finished() -> int:
        return sum(name.endswith(".tif") for name in Bucket.at(place).list_all("out"))

    wait_for(lambda: finished() >= 2)
    workers[0].kill()
    machines.cut(1)
    lost_at = finished()
    said, _ = client.communicate(timeout=300)
    assert client.returncode == 0, said
    record = json.loads(Bucket.at(place).read("out/long/long.json").data)
    assert record["made"]["shards"] == 9
    assert lost_at < 8
    subprocess.run([*map(str, batch), str(tmp_path / "local")], check=True, stdout=subprocess.DEVNULL)
    assert objects(f"{place}/out") == tree(tmp_path / "local")
    assert open_uploads(s3) == 0
    assert sorted(hidden.iterdir()) == before  # no worker wrote where the others could have read it
