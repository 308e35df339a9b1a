from __future__ import annotations

import pytest

from road_extract.base.errors import InputError, OutputError
from road_extract.base.files import check_output, check_outputs, remove_leftovers, replacing, scratch


def fail(path, error):
    with replacing(path) as temp:
        temp.write_bytes(b"half")
        temp.with_name(temp.name + "-journal").write_bytes(b"a driver's own")
        raise error


@pytest.mark.parametrize("name", ["r.tif", "roads [1].gpkg", "straße *.geojson"])
def test_a_file_appears_complete_and_without_leftovers(tmp_path, name):
    with replacing(tmp_path / name) as temp:
        temp.write_bytes(b"new")
        assert not (tmp_path / name).exists()
        assert temp.suffix == (tmp_path / name).suffix
    assert (tmp_path / name).read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["r.tif", "roads [1].gpkg"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("of the body"), ValueError()])
def test_any_error_leaves_only_the_old_file(tmp_path, name, error):
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(type(error)) as raised:
        fail(path, error)
    assert raised.value is error
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_target_that_cannot_be_replaced_is_an_output_error(tmp_path):
    (tmp_path / "r.tif").mkdir()
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / "r.tif") as temp:
        temp.write_bytes(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["r.tif"]


def test_a_scratch_file_is_always_removed(tmp_path):
    with scratch(tmp_path / "p.tif") as temp:
        temp.write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_checked_without_touching_them(tmp_path):
    (tmp_path / "old.tif").write_bytes(b"old")
    check_output(tmp_path / "new.tif", overwrite=False)
    check_output(tmp_path / "old.tif", overwrite=True)
    with pytest.raises(InputError, match="already exists"):
        check_output(tmp_path / "old.tif", overwrite=False)
    with pytest.raises(InputError, match="is a folder"):
        check_output(tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "none" / "r.tif", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["old.tif"]


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real.tif").write_bytes(b"old")
    (tmp_path / "link.tif").symlink_to(tmp_path / "real.tif")
    with replacing(tmp_path / "link.tif") as temp:
        temp.write_bytes(b"new")
    assert (tmp_path / "link.tif").is_symlink()
    assert (tmp_path / "real.tif").read_bytes() == b"new"


def test_sidecar_files_of_the_old_file_are_removed_with_it(tmp_path):
    for name in ("r.gpkg", "r.gpkg-wal", "r.gpkg.aux.xml", "r.gpkgx", "other.gpkg-wal"):
        (tmp_path / name).write_bytes(b"old")
    with replacing(tmp_path / "r.gpkg") as temp:
        temp.write_bytes(b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.gpkg-wal", "r.gpkg", "r.gpkgx"]


def test_an_output_must_not_be_an_input_or_another_output(tmp_path):
    scene = tmp_path / "s.tif"
    scene.write_bytes(b"x")
    with pytest.raises(InputError, match="an input and an output"):
        check_outputs([tmp_path / "a.png", tmp_path / ".." / tmp_path.name / "s.tif"], [scene], overwrite=True)
    with pytest.raises(InputError, match="same name"):
        check_outputs([tmp_path / "a.png", tmp_path / "a.png"], [], overwrite=True)
    check_outputs([tmp_path / "a.png"], [scene, "/vsicurl/https://example.org/s.tif"], overwrite=False)


def test_only_leftovers_of_killed_runs_are_removed(tmp_path):
    mine = [".roads.tmp-7-ab.gpkg", ".roads.tmp-8-cd.gpkg-journal"]
    others = ["roads.gpkg", ".roads.gpkg", ".roads2.tmp-7-ab.gpkg", ".road.tmp-1-aa.gpkg"]
    for name in (*mine, *others):
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path / "roads.gpkg")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_leftovers_of_a_temporary_file_of_a_temporary_file_are_removed(tmp_path):
    target = tmp_path / "roads.gpkg"
    with replacing(target) as outer, replacing(outer) as inner:
        inner.write_text("new")
        remove_leftovers(target)  # as if the run had been killed here
        assert not inner.exists()
        outer.write_text("new")
        inner.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["roads.gpkg"]
