"""Local inputs: files, folders, globs, lists; names; credentials."""

from __future__ import annotations

import itertools
import os
import pickle
import shutil

import numpy as np
import pytest
import rasterio.shutil
from hypothesis import given
from hypothesis import strategies as st

from road_extract.base.errors import InputError
from road_extract.base.urls import is_remote, to_gdal_path
from road_extract.io.sources import expand_inputs, redact
from road_extract.io.sources.naming import name_all, safe_name


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Empty files, because expanding inputs does not open them."""
    for name in ("a/x.tif", "a/y.TIFF", "a/.x.tmp-1.tif", "a/notes.doc", "a/preview.png", "b/X.tif", "b/deep/z.vrt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*inputs: str) -> list[str]:
    return [ref.path for ref in expand_inputs(inputs)]


def names(*inputs: str) -> dict[str, str]:
    return {ref.path: ref.name for ref in expand_inputs(inputs)}


def test_files_folders_and_globs(folder):
    assert paths("a/x.tif") == ["a/x.tif"]
    assert paths("a") == ["a/x.tif", "a/y.TIFF"]  # no pictures, no hidden files, no subfolders
    assert paths("*/*.tif") == ["a/x.tif", "b/X.tif"]
    assert paths("**/z.*") == ["b/deep/z.vrt"]
    assert paths("b/deep/z.vrt", "a") == ["b/deep/z.vrt", "a/x.tif", "a/y.TIFF"]
    assert paths(f"file://{folder}/a/x.tif") == [f"{folder}/a/x.tif"]


def test_an_existing_name_with_glob_characters_is_taken_literally(folder):
    (folder / "a[1].tif").touch()
    assert paths("a[1].tif") == ["a[1].tif"]


def test_a_scene_given_twice_is_returned_once(folder):
    assert len(expand_inputs(["a/x.tif", "./a/../a/x.tif", str(folder / "a" / "x.tif"), "a"])) == 2


def test_a_missing_raster_fails_only_when_opened(folder):
    assert paths("missing.tif") == ["missing.tif"]
    with pytest.raises(InputError, match=r"missing.tif: cannot be read \(No such file"):
        expand_inputs(["missing.tif"])[0].identity()


def test_only_names_that_collide_get_a_hash(folder):
    found = names("a/x.tif", "b/X.tif", "a/y.TIFF")
    assert found["a/y.TIFF"] == "y"
    assert len({name.casefold() for name in found.values()}) == 3
    assert found["a/x.tif"].startswith("x-")
    assert found["b/X.tif"].startswith("X-")


def test_names_do_not_depend_on_the_order_or_on_how_a_path_is_written(folder):
    inputs = ["a/x.tif", "b/X.tif", "a/y.TIFF", "b/deep/z.vrt"]
    expected = names(*inputs)
    for order in itertools.permutations(inputs):
        assert names(*order) == expected
    absolute = names(*[str(folder / name) for name in inputs])
    assert absolute == {str(folder / path): name for path, name in expected.items()}


def test_a_signature_does_not_change_a_name():
    signed = "https://h.org/{}/x.tif?X-Amz-Date=2026&X-Amz-Signature={}"
    first = expand_inputs([signed.format("a", 1), signed.format("b", 1)])
    second = expand_inputs([signed.format("a", 2), signed.format("b", 3)])
    assert [ref.name for ref in first] == [ref.name for ref in second]
    assert len(expand_inputs([signed.format("a", 1), signed.format("a", 2)])) == 1
    assert len(expand_inputs(["https://h.org/get.tif?id=1", "https://h.org/get.tif?id=2"])) == 2


@given(st.dictionaries(st.text(max_size=8), st.sampled_from(["x", "X", "x y", "x_y", "é", "e\u0301", "..", "con", ""])))
def test_names_never_collide_and_are_file_names(wanted):
    named = name_all(wanted)
    assert named.keys() == wanted.keys()
    assert len({name.casefold() for name in named.values()}) == len(wanted)
    assert all(name == safe_name(name) for name in named.values())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("scene one", "scene_one"),
        ("2021.05.03_ortho", "2021.05.03_ortho"),
        ("../../etc/passwd", "etc_passwd"),
        ("con", "con_"),
        ("a:b*c?", "a_b_c"),
        ("", "scene"),
        ("Straße", "Straße"),
        ("é" * 300, "é" * 60),
    ],
)
def test_safe_names(text, name):
    assert safe_name(text) == name


def test_a_name_that_looks_like_the_hash_of_another_does_not_collide(folder):
    taken = names("a/x.tif", "b/X.tif")["a/x.tif"]
    (folder / f"{taken}.tif").touch()
    found = names("a/x.tif", "b/X.tif", f"{taken}.tif")
    assert len({name.casefold() for name in found.values()}) == 3


def test_scene_refs_can_be_pickled(folder):
    (ref,) = expand_inputs(["a/x.tif"])
    assert pickle.loads(pickle.dumps(ref)) == ref


# lists


def write(folder, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_text_list_is_relative_to_its_own_folder(folder):
    text = f"# scenes\r\nx.tif\r\n\r\n  ../b/X.tif \r\n{folder}/a/y.TIFF\r\nhttps://h.org/q.tif\r\n/vsis3/b/k.tif\r\n../b/deep/*.vrt\r\n"
    found = paths(write(folder, "a/list.txt", text))
    assert found[3:5] == ["/vsicurl/https://h.org/q.tif", "/vsis3/b/k.tif"]
    local = [os.path.relpath(path, folder) for path in found[:3] + found[5:]]
    assert local == ["a/x.tif", "b/X.tif", "a/y.TIFF", "b/deep/z.vrt"]


@pytest.mark.parametrize(
    "text",
    [
        "id,path,note\n1,a/x.tif,good\n2,b/X.tif,\n",
        "id;URL;note\n1;a/x.tif;good\n2;b/X.tif\n",
        "\ufeffscene\na/x.tif\nb/X.tif\n",
        'path,note\n"a/x.tif","one, two"\n\n"b/X.tif",\n',
        "url\tpath\nnone\ta/x.tif\nnone\tb/X.tif\n",
    ],
)
def test_csv_lists(folder, text):
    assert paths(write(folder, "list.csv", text)) == [f"{folder}/a/x.tif", f"{folder}/b/X.tif"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("l.csv", "id,note\n1,2\n", "has no column of scenes (found id, note)"),
        ("l.csv", "", "it is empty"),
        ("l.csv", "path\n", "lists no scenes"),
        ("l.csv", "path,id\na/x.tif,1\n,2\n", "row 3 has no scene in the column 'path'"),
        ("l.csv", 'path\n"a/x.tif\n', "is not valid CSV"),
        ("l.txt", "# nothing\n\n", "lists no scenes"),
        ("l.txt", b"\xff\xfe\x00x", "is not UTF-8 text"),
        ("l.txt", b"a\x00b.tif\n", "is not text"),
        ("l.txt", "l.txt\n", "cannot contain another list"),
        ("l.txt", "nothing/*.tif\n", "matches no files"),
        ("l.json", "{", "is not valid JSON"),
        ("l.json", "[]", "is not STAC; expected an Item"),
        ("l.json", '{"type": "Topology"}', "is not STAC; expected an Item"),
        (
            "l.json",
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}}]}',
            "a feature has no id or no assets",
        ),
        ("l.json", '{"type": "FeatureCollection", "features": 3}', "is not a list of objects"),
        ("l.json", '{"type": "FeatureCollection", "features": []}', "contains no items"),
        ("l.json", '{"type": "Catalog", "links": [{"rel": "child"}]}', "has no href"),
        (
            "l.json",
            '{"type": "Catalog", "links": [{"rel": "child", "href": "none.json"}]}',
            "none.json: cannot be read",
        ),
    ],
)
def test_bad_lists_give_one_error_message(folder, name, text, words):
    with pytest.raises(InputError) as caught:
        expand_inputs([write(folder, name, text)])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("missing.csv", "missing.csv: cannot be read (No such file"),
        ("missing.json", "missing.json: cannot be read (No such file"),
        ("nothing*.tif", "matches no files"),
        ("", "is not the name of a scene"),
        ("s3://bucket/folder/", "cannot be listed"),
        ("s3://bucket/*.tif", "cannot be listed"),
        ("s3://bucket/list.csv", "only be read from files and HTTP"),
        ("b/empty", "contains no rasters"),
    ],
)
def test_bad_inputs_give_one_error_message(folder, text, words):
    (folder / "b" / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        expand_inputs([text])
    assert words in str(caught.value)


# identities


def test_the_identity_of_a_file_changes_with_its_content(write_scene, tmp_path):
    path = write_scene(np.zeros((1, 30, 20), np.uint8))
    (ref,) = expand_inputs([str(path)])
    before = ref.identity()
    assert before == ref.identity()
    os.utime(path, ns=(1, 1))
    assert ref.identity() != before
    between = ref.identity()
    shutil.copy(path, tmp_path / "other.tif")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(tmp_path / "other.tif", "r+") as dataset:
        dataset.write_mask(np.zeros((30, 20), np.bool_))
    os.rename(tmp_path / "other.tif.msk", tmp_path / "scene.tif.msk")
    assert ref.identity() != between


def test_the_identity_of_a_vrt_covers_the_files_under_it(write_scene, tmp_path):
    inner = write_scene(np.zeros((1, 30, 20), np.uint8))
    with rasterio.open(inner) as source:
        rasterio.shutil.copy(source, tmp_path / "one.vrt", driver="VRT")
    (tmp_path / "two.vrt").write_text((tmp_path / "one.vrt").read_text().replace("scene.tif", "one.vrt"))
    (ref,) = expand_inputs([str(tmp_path / "two.vrt")])
    before = ref.identity()
    assert len(before["files"]) == 2
    os.utime(inner, ns=(1, 1))
    assert ref.identity() != before


def test_files_that_are_not_rasters_have_an_identity_too(tmp_path):
    (tmp_path / "text.tif").write_text("hello")
    assert expand_inputs([str(tmp_path / "text.tif")])[0].identity()["size"] == 5


# secrets


@pytest.mark.parametrize(
    "text",
    [
        "https://user:SECRET@h.org/x.tif",
        "https://user:SEC@SECRET@h.org/x.tif",
        "https://h.org/x.tif?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET",
        "https://h.org/x.tif?sv=1&sig=SECRET%3D",
        "https://h.org/x.tif?anything=SECRET",
        "https://h.org/x.tif#SECRET",
        "/vsicurl/https://user:SECRET@h.org/x.tif?token=SECRET",
        "/vsicurl?header.Authorization=Bearer%20SECRET&url=https%3A%2F%2Fu%3ASECRET%40h.org%2Fx.tif%3Fsig%3DSECRET",
        "/vsis3/b/x.tif?SECRET",
        "'/vsicurl/https://u:SECRET@h.org/x.tif?sig=SECRET' not recognized",
        "Authorization: Bearer SECRET",
        "Authorization=Basic SECRET",
        "AWS_SECRET_ACCESS_KEY=SECRET",
        "aws_session_token = SECRET",
        "x-amz-security-token: SECRET",
        "password=SECRET",
        "(http://u:SECRET@h.org/x.tif?sig=SECRET)",
    ],
)
def test_secrets_are_redacted(text):
    assert "SEC" not in redact(text).replace("security", "").replace("_SECRET_", "")
    assert "SECRET" not in str(InputError(f"{text}: cannot be opened")).replace("_SECRET_", "")
    assert redact(redact(text)) == redact(text)


def test_other_text_is_not_redacted():
    for text in (
        "scenes/a?.tif: matches no file",
        "token ring",
        "https://h.org/a@2x.tif: x",
        "C:\\a.tif",
        "s3://b/k.tif, q",
    ):
        assert redact(text) == text
    shown = redact("https://h.org/x.tif?sig=1: cannot be opened (HTTP 404); see http://u:p@h.org/y.tif?a=b.")
    assert shown == "https://h.org/x.tif?***: cannot be opened (HTTP 404); see http://***@h.org/y.tif?***."


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("https://h.org/x.tif", "/vsicurl/https://h.org/x.tif"),
        ("HTTP://h.org/x.tif", "/vsicurl/http://h.org/x.tif"),
        ("s3://b/k/x.tif", "/vsis3/b/k/x.tif"),
        ("gs://b/k/x.tif", "/vsigs/b/k/x.tif"),
        ("az://c/k/x.tif", "/vsiaz/c/k/x.tif"),
    ],
)
def test_urls_become_what_gdal_opens(location, path):
    assert to_gdal_path(location) == path
    assert to_gdal_path(path) == path
    assert is_remote(location)
    assert is_remote(path)


@pytest.mark.parametrize(
    "location", ["x.tif", "/vsizip/a.zip/x.tif", "/vsimem/x.tif", "NETCDF:x.nc:v", "C:/x.tif", "ftp://h/x"]
)
def test_what_is_not_remote(location):
    assert not is_remote(location)
    assert to_gdal_path(location) == location


def test_an_archive_is_identified_by_the_structure_of_its_raster(write_scene, tmp_path, rng):
    import zipfile

    def pack(pixels) -> dict:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(write_scene(pixels, compress="deflate", tiled=True, blockxsize=64, blockysize=64), "x.tif")
        (ref,) = expand_inputs([f"/vsizip/{tmp_path}/a.zip/x.tif"])
        return ref.identity()

    pixels = rng.integers(0, 9, (1, 300, 200), dtype=np.uint8)
    before = pack(pixels)
    assert pack(pixels) == before
    pixels[0, 100:140, 100:120] = 200
    assert pack(pixels) != before
