"""Objects and leases in emulators of S3, Google Cloud Storage and Azure."""

from __future__ import annotations

import json
import os
import sys
import threading
import time

import pytest

from road_extract.base.errors import InputError, OutputError
from road_extract.io.objects import Bucket, hold_lease, wait_for_end
from road_extract.io.objects import bucket as bucket_module
from road_extract.io.objects import lease as lease_module
from road_extract.io.objects.lease import Lease
from road_extract.io.objects.settings import read_settings
from tests.helpers.stores import open_uploads

pytestmark = pytest.mark.slow


@pytest.fixture
def store(bucket_url):
    return Bucket.at(bucket_url)


@pytest.fixture
def quick(monkeypatch):
    """Leases that expire soon."""
    monkeypatch.setattr(lease_module, "LEASE_S", 2.0)
    monkeypatch.setattr(lease_module, "BEAT_S", 0.5)


def test_objects_are_written_read_listed_copied_and_deleted(store, tmp_path):
    file = tmp_path / "a.tif"
    file.write_bytes(os.urandom(3_000_000))
    store.upload(file, "deep/er/a b ü.tif", mark="abc")
    store.upload(file, "deep/other.tif")
    (tmp_path / "empty").touch()
    store.upload(tmp_path / "empty", "deep/empty")
    assert store.list_all("deep") == {"deep/er/a b ü.tif": 3_000_000, "deep/other.tif": 3_000_000, "deep/empty": 0}
    assert store.list_all("dee") == {}
    assert store.list_folder("deep") == {"other.tif": 3_000_000, "empty": 0}
    assert store.marks(["deep/er/a b ü.tif", "deep/other.tif", "deep/none"]) == ["abc", "", ""]
    store.copy("deep/er/a b ü.tif", "copied", 3_000_000)
    store.download("copied", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    assert store.read("deep/none") is None
    assert store.find("deep/none") is None
    store.delete(["deep/none", "deep/other.tif", "deep/none either"])
    store.delete(["deep/none"])
    store.delete([])
    assert store.list_folder("deep") == {"empty": 0}
    Bucket.at(f"{store.url}/a%20b").write("c", b"1")
    assert store.read("a b/c").data == b"1"


def test_conditions_hold(store):
    assert store.write("a", b"1", new=True)
    assert store.write("a", b"2", new=True) is None
    first = store.read("a")
    assert store.write("a", b"3", replacing=first)
    assert store.write("a", b"4", replacing=first) is None
    assert store.read("a").data == b"3"
    assert store.write("gone", b"5", replacing=first) is None
    assert store.find("gone") is None


def test_an_object_that_is_gone_is_not_replaced(s3_url, s3_gateway):
    """Amazon answers with 404 then, the emulator with 412."""
    store = Bucket.at(s3_url)
    store.write("a", b"1")
    s3_gateway.fail({"path": "/a$", "method": "PUT", "status": 404, "times": 1})
    assert store.write("a", b"2", replacing=store.read("a")) is None
    assert store.read("a").data == b"1"
    assert [request["status"] for request in s3_gateway.requests if request["method"] == "PUT"][-1:] == [404]


def test_of_many_writers_at_once_one_succeeds(store):
    won = []
    barrier = threading.Barrier(8)

    def write(number):
        barrier.wait()
        if store.write("race", b"%d" % number, new=True):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("race").data == b"%d" % won[0]


def test_a_lease_keeps_others_away_while_it_is_renewed_and_is_free_afterwards(store, quick):
    with hold_lease(store, "lock", "there") as lease:
        time.sleep(3)  # longer than it lasts
        lease.check()
        with pytest.raises(InputError, match=r"there: is in use by another run \(process \d+ on"):
            Lease(store, "lock", "there").take()
        lease.check()
    assert json.loads(store.read("lock").data) == {"owner": None}  # nobody needs to wait until it expires
    with hold_lease(store, "lock", "there"):
        pass
    assert list(store.list_all()) == ["lock"]


def test_the_lease_of_a_dead_owner_expires_and_the_old_owner_stops(store, quick, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr(Lease, "_beat", lambda self: None)  # as if its machine slept
        old = Lease(store, "lock", "there")
        old.take()
    old.check()
    started = time.monotonic()
    caplog.set_level("INFO", "road_extract")
    with hold_lease(store, "lock", "there") as new:
        assert 1 < time.monotonic() - started < 10
        assert "waiting up to" in caplog.text
        with pytest.raises(OutputError, match="another run has taken over"):
            old.check()
        old.release()
        new.check()
        with pytest.raises(InputError, match="in use by another run"):
            wait_for_end(store, "lock", "there")


def test_of_three_contenders_for_an_expired_lease_one_wins(store, quick, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Lease, "_beat", lambda self: None)
        Lease(store, "lock", "there").take()
    found: list[Lease | InputError] = []
    barrier = threading.Barrier(3)

    def find_it_expired_together(*arguments):
        ended = wait_for_end(*arguments)
        barrier.wait(30)
        return ended

    monkeypatch.setattr(lease_module, "wait_for_end", find_it_expired_together)

    def take():
        lease = Lease(store, "lock", "there")
        try:
            lease.take()
            found.append(lease)
        except InputError as error:
            found.append(error)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [one for one in found if isinstance(one, Lease)]
    assert len(winners) == 1
    winners[0].check()
    winners[0].release()


def test_a_lease_survives_an_answer_that_was_lost(s3_url, s3_gateway, quick):
    """The server wrote the object, but the answer did not arrive: the second attempt finds the object changed."""
    store = Bucket.at(s3_url)
    with hold_lease(store, "lock", "there") as lease:
        data = store.read("lock").data.replace(b'"beats": 1', b'"beats": 99')
        assert store.write("lock", data)  # by this owner, as far as anybody can tell
        lease._renew()
        lease.check()


def test_unavailable_servers_and_broken_connections_are_survived(s3_url, s3_gateway, tmp_path):
    store, file = Bucket.at(s3_url), tmp_path / "a"
    file.write_bytes(os.urandom(2_000_000))
    s3_gateway.fail(
        *({"path": "roads", "method": method, "status": 503, "times": 3} for method in ("GET", "HEAD", "POST")),
        {"path": "roads", "method": "PUT", "status": 503, "times": 2},
        {"path": "roads", "method": "PUT", "drop": True, "times": 2},
    )
    store.upload(file, "a", mark="m")
    store.download("a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == file.read_bytes()
    assert store.marks(["a"]) == ["m"]
    assert store.list_all() == {"a": 2_000_000}
    store.delete(["a"])
    failed = [request for request in s3_gateway.requests if request["status"] in (0, 503)]
    assert len(failed) == 13


def test_an_endless_outage_is_one_sentence(s3_url, s3_gateway, monkeypatch):
    monkeypatch.setattr(bucket_module, "_RETRIES", 1)
    store = Bucket.at(s3_url)
    s3_gateway.fail({"path": "roads", "status": 503})
    with pytest.raises(OutputError, match=r"^s3://roads/.*/x: the store does not respond correctly \(503 Service Un"):
        store.write("x", b"1")


def test_a_multipart_upload_that_fails_is_aborted(s3, s3_url, s3_gateway, tmp_path, monkeypatch):
    monkeypatch.setattr(bucket_module, "SINGLE_BYTES", 10**6)
    monkeypatch.setattr(bucket_module, "PART_BYTES", 5 * 2**20)
    store, file = Bucket.at(s3_url), tmp_path / "a"
    file.write_bytes(os.urandom(22_000_000))
    s3_gateway.fail({"path": "partNumber=3", "method": "PUT", "status": 400})
    with pytest.raises(OutputError, match="400 Bad Request"):
        store.upload(file, "a")
    assert open_uploads(s3) == 0
    assert store.list_all() == {}
    s3_gateway.fail({"path": "partNumber=3", "method": "PUT", "status": 503, "times": 1})
    store.upload(file, "a", mark="m")
    assert open_uploads(s3) == 0
    monkeypatch.setattr(bucket_module, "COPY_BYTES", 10**6)
    store.copy("a", "b", 22_000_000)
    store.download("b", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == file.read_bytes()


def test_places_that_are_none_are_refused():
    for place in ("ftp://a/b", "s3://", "s3:///x", "s3://me:secret@bucket/x", "s3://b/../x", "s3://b/x?sig=1"):
        with pytest.raises(InputError, match="is not "):
            Bucket.at(place)
    assert Bucket.at("S3://Bucket//a/b/").url == "s3://Bucket/a/b"


def test_without_obstore_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(InputError, match=r"pip install 'road-extract\[cloud\]'"):
        Bucket.at("s3://roads/x").check_writable("x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "s3://nobody/x"}, "the bucket nobody does not exist"),
        ({"AWS_S3_ENDPOINT": "127.0.0.1:1"}, r"the store does not respond correctly \(connection refused\)"),
        ({"AWS_S3_ENDPOINT": "nowhere.invalid"}, "the store does not respond correctly"),
        ({"AWS_PROFILE": "none", "AWS_ACCESS_KEY_ID": None}, "the AWS profile none has no access key"),
    ],
)
def test_a_wrong_place_is_explained_at_once(s3_url, monkeypatch, change, words):
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(name)
        elif name != "url":
            monkeypatch.setenv(name, value)
    started = time.monotonic()
    with pytest.raises((InputError, OutputError), match=words) as caught:
        Bucket.at(change.get("url", s3_url)).check_writable("probe")
    assert time.monotonic() - started < 20
    assert "KEYNAME" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_access_names_the_variables(s3_url, s3_gateway, status):
    s3_gateway.fail({"path": "roads", "status": status})
    with pytest.raises(OutputError, match=rf"access was refused \({status} .*AWS_ACCESS_KEY_ID"):
        Bucket.at(s3_url).check_writable("probe")


def test_wrong_keys_of_azure_are_refused_without_being_shown(azurite, monkeypatch, tmp_path):
    from tests.helpers.stores import azure_settings, clear_environment

    clear_environment(monkeypatch, tmp_path)
    wrong = azure_settings(azurite)["AZURE_STORAGE_CONNECTION_STRING"].replace("Eby8", "Abc8")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
    with pytest.raises(OutputError, match=r"access was refused \(403 .*AZURE_STORAGE_ACCOUNT") as caught:
        Bucket.at("az://roads/x").check_writable("probe")
    assert "Abc8" not in str(caught.value)


def test_settings_come_from_the_names_that_gdal_and_the_aws_tools_use(tmp_path):
    assert read_settings("s3", {"AWS_S3_ENDPOINT": "host:9", "AWS_HTTPS": "NO", "AWS_ACCESS_KEY_ID": "k"}) == {
        "endpoint": "http://host:9"
    }
    (tmp_path / "config").write_text("[profile me]\nregion = eu-north-1\n")
    (tmp_path / "credentials").write_text("[me]\naws_access_key_id = a\naws_secret_access_key = b\n")
    found = read_settings(
        "s3",
        {"AWS_PROFILE": "me", "AWS_CONFIG_FILE": str(tmp_path / "config"),
         "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")},
    )  # fmt: skip
    assert found == {"access_key_id": "a", "secret_access_key": "b", "region": "eu-north-1"}
    assert read_settings("az", {"AZURE_STORAGE_ACCOUNT": "me", "AZURE_STORAGE_SAS_TOKEN": "sig"}) == {
        "account_name": "me", "sas_key": "sig",
    }  # fmt: skip
    assert read_settings("gs", {"GS_NO_SIGN_REQUEST": "YES"}) == {"skip_signature": True}
    with pytest.raises(InputError, match="set AZURE_STORAGE_ACCOUNT"):
        read_settings("az", {})
