from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from road_extract.models import build_resunet, save_model
from road_extract.models.backends import cache, openvino
from road_extract.models.backends.cache import read_entry, write_entry
from road_extract.models.spec import ModelSpec


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept" / "here"))
    return tmp_path / "kept" / "here"


def test_stored_entries_are_found_again(folder):
    assert read_entry("a") is None
    write_entry("a", b"one")
    write_entry("b", b"two")
    assert (read_entry("a"), read_entry("b"), read_entry("c")) == (b"one", b"two", None)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:40] + b"?" + b[41:], lambda b: b"", lambda b: b"?" * 20]
)
def test_a_damaged_entry_is_ignored(folder, damage):
    write_entry("a", b"0123456789")
    (entry,) = folder.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    assert read_entry("a") is None


def test_only_recently_used_entries_are_kept(folder):
    for number in range(cache.ENTRIES + 2):
        write_entry(str(number), b"value")
        os.utime(folder / f"{number}.compiled", (1000 + number, 1000 + number))
        if number:
            assert read_entry("0") == b"value"  # used all the time
            os.utime(folder / "0.compiled", (2000 + number, 2000 + number))
    kept = {entry.stem for entry in folder.iterdir()}
    assert len(kept) == cache.ENTRIES
    assert {"0", str(cache.ENTRIES + 1)} <= kept


def test_without_a_folder_everything_still_works(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, "")
    write_entry("a", b"one")
    assert read_entry("a") is None
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "in it"))
    write_entry("a", b"one")
    assert read_entry("a") is None


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("linux", None, "home/.cache/road_extract"),
        ("linux", "XDG_CACHE_HOME", "chosen/road_extract"),
        ("darwin", None, "home/Library/Caches/road_extract"),
        ("darwin", "XDG_CACHE_HOME", "home/Library/Caches/road_extract"),
        ("win32", None, "home/AppData/Local/road_extract"),
        ("win32", "LOCALAPPDATA", "chosen/road_extract"),
    ],
)
def test_the_folder_is_where_the_platform_keeps_caches(monkeypatch, tmp_path, platform, variable, place):
    for name in (cache.VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.cache_folder() == tmp_path / place


#: Few: a network is compiled as a large one is, only sooner.
FILTERS = (4, 4, 8, 8)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models of one form and other weights."""
    folders = []
    for seed in (1, 2):
        network, rng = build_resunet((32, 32, 3), FILTERS), np.random.default_rng(seed)
        network.get_layer("head_conv").bias.assign(rng.normal(0, 1, 1))
        folders.append(tmp_path_factory.mktemp("model"))
        save_model(network, ModelSpec("m", tile_size_px=32, filters=FILTERS), folders[-1])
    return folders


def run(model, precision="float32", batch_size=1):
    backend = openvino.OpenVinoBackend(model, batch_size, precision)
    return backend.predict(np.ones((batch_size, 32, 32, 3), np.float32))


@pytest.mark.slow
def test_a_network_from_the_cache_is_the_one_that_was_compiled(folder, models, monkeypatch):
    first = run(models[0])
    monkeypatch.setattr(openvino, "build_openvino", lambda *args: pytest.fail("built again"))
    assert np.array_equal(run(models[0]), first)


@pytest.mark.slow
def test_another_model_precision_batch_or_processor_is_not_taken_from_the_cache(folder, models, monkeypatch):
    first = run(models[0])
    assert not np.array_equal(run(models[1]), first)
    run(models[0], "bfloat16")
    assert run(models[0], batch_size=2).shape == (2, 32, 32)
    monkeypatch.setattr(openvino, "processor_flags", lambda: "of another processor")
    run(models[0])
    assert len(list(folder.iterdir())) == 5


@pytest.mark.slow
def test_a_damaged_network_in_the_cache_is_rebuilt(folder, models):
    first = run(models[0])
    (entry,) = folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:-1000])
    assert np.array_equal(run(models[0]), first)
    assert read_entry(entry.stem) is not None


@pytest.mark.slow
def test_an_entry_that_openvino_rejects_is_rebuilt(folder, models):
    first = run(models[0])
    (entry,) = folder.iterdir()
    write_entry(entry.stem, b"no network")
    assert np.array_equal(run(models[0]), first)
