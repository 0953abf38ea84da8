"""What a report run reads, and the parts and places of its results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.reporting.inputs import list_inputs
from jobs.reporting.reading import read_images
from jobs.reporting.results import Results, split_into_parts
from tests.jobs.archive import make_archive


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("in"))


def test_shards_are_an_input_too(folder, tmp_path):
    shards = tmp_path / "shards" / "dataset=phantoms"
    shards.mkdir(parents=True)
    files = [str(folder / "deeper" / f"image{seed}.png") for seed in range(5)]
    images = [Path(file).read_bytes() for file in files]
    pq.write_table(pa.table({"image": images}), shards / "part-0.parquet", row_group_size=2)
    uris = list_inputs(str(shards.parent)).uris
    assert uris[4] == f"{shards / 'part-0.parquet'}#00002:00000"
    from_rows, from_files = (read_images(pa.table({"uri": x, "part": ["p"] * 5})).drop("uri") for x in (uris, files))
    assert from_rows == from_files and set(from_rows["outcome"].to_pylist()) == {"readable"}


def test_what_an_input_may_be(folder, tmp_path):
    folder = shutil.copytree(folder, tmp_path / "in")
    assert len(list_inputs(str(folder)).uris) == 7
    table = tmp_path / "list.csv"
    table.write_text("name,path\nx,in/deeper/image0.png\ny,in/deeper/image0.png\n")
    assert list_inputs(str(table)).uris == (str(folder / "deeper" / "image0.png"),)
    (folder / "1.2.840.10008.5").write_bytes(b"")
    (folder / "DICOMDIR").write_bytes(b"")
    inputs = list_inputs(str(folder))
    assert str(folder / "1.2.840.10008.5") in inputs.uris and ("DICOMDIR", 1) in inputs.skipped


def test_a_file_has_one_spelling_however_it_is_named(folder, tmp_path, monkeypatch):
    folder = shutil.copytree(folder, tmp_path / "in")
    image = str(folder / "deeper" / "image0.png")
    entries = ["in//deeper/./image0.png", f"{tmp_path}//in/deeper/../deeper/image0.png", f"/{image}", f"file://{image}"]
    (tmp_path / "list.txt").write_text("\n".join(entries))
    monkeypatch.chdir(tmp_path)
    for named in ("list.txt", f"{tmp_path}//list.txt", "in//deeper/image0.png", "./in/../in/deeper/image0.png"):
        assert list_inputs(named).uris == (image,)
    assert set(list_inputs("in//deeper").uris) == set(list_inputs(f"{tmp_path}/in/./deeper/").uris) >= {image}


def test_the_keys_of_a_store_mean_what_they_spell():
    import fsspec

    fsspec.filesystem("memory").pipe_file("/lists/deep/list.txt", b"../a.png\ns3://bucket//b.png\n/local//c.png\n")
    assert list_inputs("memory://lists/deep/list.txt").uris == (
        "/local/c.png",
        "memory:///lists/a.png",
        "s3://bucket//b.png",
    )


def test_inputs_with_nothing_to_read_are_refused(tmp_path):
    (tmp_path / "only.txt.gz").write_bytes(b"")
    (tmp_path / "list.csv").write_text("name\nx\n")
    with pytest.raises(ValueError, match="no image.*1 × .gz"):
        list_inputs(str(tmp_path))
    with pytest.raises(ValueError, match="column uri or path"):
        list_inputs(str(tmp_path / "list.csv"))
    with pytest.raises(ValueError, match="does not exist"):
        list_inputs(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("finished", [(), (0,), (1, 2), (3,), (0, 1, 2, 3)])
def test_what_remains_falls_into_the_same_parts(finished):
    uris = [f"/archive/{number:03d}" for number in range(35)]
    parts = split_into_parts(uris, 10)
    done = {uri for place in finished for uri in parts[place].uris}
    remaining = split_into_parts([uri for uri in uris if uri not in done], 10)
    assert remaining == [part for place, part in enumerate(parts) if place not in finished]


def test_results_in_an_object_store():
    """Everything goes through the store's own interface, as for s3://; here the store is in memory."""
    results = Results("memory://reports/here")
    key = results.open({"model": "one"}, resume=False)
    row = {"uri": "a", "status": "not reported", "status_reason": "BodyPartExamined is HAND, not CHEST"}
    results.write_part("part-1", [row], [{"uri": "b", "stage": "read", "reason": "the file is empty"}])
    again = Results("memory://reports/here")
    assert again.open({"model": "one"}, resume=True) == key and again.finished() == {"a", "b"}
    assert again.counts()["images"] == 2 and again.counts()["quarantined"] == {"read: the file is empty": 1}
    with pytest.raises(ValueError, match="another model"):
        again.open({"model": "two"}, resume=True)
