"""What a report run may read: folders, lists, shards, on a disk and in stores; listed without holding every name."""

from __future__ import annotations

import os
import shutil
import sys
import types
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.reporting import inputs
from jobs.reporting.distinct_uris import new_uris
from jobs.reporting.inputs import ImageReader, list_images
from tests.jobs.archive import make_archive


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("in"))


def found(uri) -> list[str]:
    return sorted(list_images(str(uri), Counter()))


def test_a_folder_of_images(folder, tmp_path):
    folder, left_alone = shutil.copytree(folder, tmp_path / "in"), Counter()
    (folder / "1.2.840.10008.5").write_bytes(b"")
    (folder / "DICOMDIR").write_bytes(b"")
    (folder / ".git").mkdir()
    (folder / ".git" / "hidden.png").write_bytes(b"")
    os.symlink(folder, folder / "deeper" / "back")
    listed = sorted(list_images(str(folder), left_alone))
    assert len(listed) == 8 and str(folder / "1.2.840.10008.5") in listed
    assert left_alone == {".csv": 1, "DICOMDIR": 1}


def test_shards_are_an_input_too(folder, tmp_path):
    shards = tmp_path / "shards" / "dataset=phantoms"
    shards.mkdir(parents=True)
    files = [folder / "deeper" / f"image{seed}.png" for seed in range(5)]
    images = [file.read_bytes() for file in files]
    pq.write_table(pa.table({"image": images}), shards / "part-0.parquet", row_group_size=2)
    (shards.parent / "quarantine").mkdir()
    pq.write_table(pa.table({"uri": ["x"]}), shards.parent / "quarantine" / "part-0.parquet")
    listed = found(shards.parent)
    assert listed == found(shards / "part-0.parquet") and listed[4] == f"{shards / 'part-0.parquet'}#00002:00000"
    with ImageReader() as reader:
        assert [reader.read(uri) for uri in listed] == images
    shutil.copy(files[0], shards.parent)
    left_alone = Counter()
    assert list(list_images(str(shards.parent), left_alone)) == [str(shards.parent / "image0.png")]
    assert left_alone == {".parquet": 1}, "a folder of images may hold other tables"


def test_lists(folder, tmp_path):
    folder = shutil.copytree(folder, tmp_path / "in")
    table = tmp_path / "list.csv"
    table.write_text("name,path\nx,in/deeper/image0.png\ny,in/deeper/image0.png\n")
    assert found(table) == [str(folder / "deeper" / "image0.png")] * 2
    table.write_text("name,path\nx\n")
    assert found(table) == []
    (tmp_path / "latin.txt").write_bytes("Aufnahmen/Müller.dcm".encode("latin-1"))
    with pytest.raises(ValueError, match="no UTF-8 text"):
        found(tmp_path / "latin.txt")


def test_a_file_has_one_spelling_however_it_is_named(folder, tmp_path, monkeypatch):
    folder = shutil.copytree(folder, tmp_path / "in")
    image = str(folder / "deeper" / "image0.png")
    entries = ["in//deeper/./image0.png", f"{tmp_path}//in/deeper/../deeper/image0.png", f"/{image}", f"file://{image}"]
    (tmp_path / "list.txt").write_text("# all the same\n" + "\n".join(entries))
    monkeypatch.chdir(tmp_path)
    for named in ("list.txt", f"{tmp_path}//list.txt", "in//deeper/image0.png", "./in/../in/deeper/image0.png"):
        assert set(found(named)) == {image}
    assert set(found("in//deeper")) == set(found(f"{tmp_path}/in/./deeper/")) >= {image}


def test_names_that_are_no_text_are_read_all_the_same(tmp_path):
    """As a disk has them that was written under Latin-1."""
    folder = tmp_path / os.fsdecode("Aufnahmen für 100%".encode("latin-1"))
    folder.mkdir()
    for name in ("Müller.dcm", "list.txt", "befund.Müller, Hans"):
        (folder / os.fsdecode(name.encode("latin-1"))).write_bytes(name.encode())
    (tmp_path / "Müller.dcm").write_bytes(b"text")
    left_alone = Counter()
    with new_uris(list_images(str(tmp_path), left_alone), ()) as uris, ImageReader() as reader:
        assert {uri: reader.read(uri).decode() for uri in uris} == {
            f"{tmp_path}/Müller.dcm": "text",
            f"file://{tmp_path}/Aufnahmen%20f%FCr%20100%25/M%FCller.dcm": "Müller.dcm",
        }
    assert left_alone == {".txt": 1, ".m\ufffdller, hans": 1}
    (folder / "list.txt").write_text("a%20b.png\n../Müller.dcm\n")
    (folder / "a%20b.png").write_bytes(b"percent")
    with ImageReader() as reader:
        assert [reader.read(uri) for uri in found(folder / "list.txt")] == [b"text", b"percent"]


def test_names_that_look_like_addresses_are_names(folder, tmp_path, monkeypatch):
    image = folder / "deeper" / "image0.png"
    monkeypatch.chdir(tmp_path)
    names = ["CR::1/a.png", "CR::1/b::2.png", "x.parquet#1/a.png", "file:/a.png", "[1]/?*.png", "%2F~/a%20b.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(image, tmp_path / name)
    pq.write_table(pa.table({"image": [b"row"]}), tmp_path / "CR::1" / "part.parquet#0.parquet")
    with ImageReader() as reader:
        listed = found(tmp_path)
        assert listed == sorted(f"{tmp_path}/{name}" for name in names)
        assert {reader.read(uri) for uri in listed} == {image.read_bytes()}
        assert found(tmp_path / "CR::1" / "a.png") == [f"{tmp_path}/CR::1/a.png"] == found("CR::1/a.png")
        (row,) = found(tmp_path / "CR::1" / "part.parquet#0.parquet")
        assert reader.read(row) == b"row"
        with pytest.raises(FileNotFoundError):
            reader.read(f"{tmp_path}/x.parquet#1/b.png")


def test_the_keys_of_a_store_mean_what_they_spell():
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/lists/deep/list.txt", b"../a.png\ns3://bucket//b.png\n/local//c.png\n")
    assert found("memory://lists/deep/list.txt") == ["/local/c.png", "memory:///lists/a.png", "s3://bucket//b.png"]
    memory.pipe_file("/images/deep/er/a.png", b"a")
    memory.pipe_file("/images/.hidden/a.png", b"a")
    assert found("memory://images") == ["memory:///images/deep/er/a.png"]


def test_inputs_with_nothing_to_read_are_refused(tmp_path):
    (tmp_path / "list.csv").write_text("name\nx\n")
    with pytest.raises(ValueError, match="column uri or path"):
        found(tmp_path / "list.csv")
    with pytest.raises(ValueError, match="does not exist"):
        found(tmp_path / "nowhere")
    pq.write_table(pa.table({"uri": ["x"]}), tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="no column `image`"):
        found(tmp_path / "other.parquet")
    (tmp_path / "other.parquet").write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match="no converted shard"):
        found(tmp_path / "other.parquet")


def test_a_kind_of_input_is_a_module_found_by_its_scheme(monkeypatch, tmp_path):
    """As one that talks to an archive over a network would be."""
    opened = []

    @contextmanager
    def reading():
        opened.append("once")
        yield lambda uri: uri.encode()

    module = types.ModuleType("jobs.reporting.inputs.made_up")
    module.SCHEMES, module.reading = ("made-up+http",), reading
    module.list_images = lambda uri, left_alone: iter([f"{uri}/1", f"{uri}/2"])
    (tmp_path / "made_up.py").touch()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(inputs, "__path__", [*inputs.__path__, str(tmp_path)])
    assert found("made-up+http://host") == ["made-up+http://host/1", "made-up+http://host/2"]
    (tmp_path / "image.png").write_bytes(b"png")
    with ImageReader() as reader:
        assert reader.read("made-up+http://host/1") == b"made-up+http://host/1"
        assert reader.read(str(tmp_path / "image.png")) == b"png"
        reader.read("made-up+http://host/2")
    assert opened == ["once"]


def test_a_bucket_is_listed_page_by_page(monkeypatch):
    from tests.s3_server import BUCKET, s3_in_use

    monkeypatch.setattr("jobs.reporting.inputs.folder.PAGE", 3)
    with s3_in_use() as server:
        store = server.filesystem
        store.mkdir(f"{BUCKET}/archive")
        for number in range(8):
            store.pipe_file(f"{BUCKET}/archive/study/{number:04}.dcm", b"x")
        store.pipe_file(f"{BUCKET}/archive-of-others/a.dcm", b"x")
        listing = list_images(f"s3://{BUCKET}/archive", Counter())
        first = next(listing)
        listed = [first, *listing]
        assert len(listed) == 8 and f"s3://{BUCKET}/archive/study/0007.dcm" in listed
        assert len(found(f"s3://{BUCKET}/archive/study/0007.dcm")) == 1
        with ImageReader() as reader:
            assert reader.read(first) == b"x"
            with pytest.raises(FileNotFoundError):
                reader.read(f"s3://{BUCKET}/nothing.dcm")


def test_the_paths_of_a_folder_come_one_by_one(tmp_path, monkeypatch):
    """The first image is known before the second folder is looked into."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.png").touch()
    scanned, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: scanned.append(Path(folder)) or scandir(folder))
    next(list_images(str(tmp_path), Counter()))
    assert len(scanned) == 2, "the root and one of two"
