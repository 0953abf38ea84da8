"""Many small files in a zip archive, found through an index of numbers, against Python's own zipfile."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zipfile

import fsspec
import pytest

from pipelines.adapters import SourceError, UnusableInput
from pipelines.raw.archive import SmallFiles
from pipelines.raw.folder import RawFolder
from pipelines.raw.zip_index import ZipIndex


def files(folder):
    return SmallFiles(RawFolder(str(folder)), folder_name="loose", archive_name="all.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_member_is_read_as_zipfile_reads_it(tmp_path, method):
    contents = {f"top/sub{n % 3}/naïve {n}.json": os.urandom(n * 37) * 2 for n in range(200)}
    with zipfile.ZipFile(tmp_path / "all.zip", "w", method) as archive:
        archive.mkdir("top")
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.comment = b"a comment with PK in it" * 50
    small = files(tmp_path)
    small.check()
    assert len(ZipIndex(small.root, "all.zip")) == 200
    for name, content in contents.items():
        assert small.read(f"elsewhere/{name.rpartition('/')[2]}") == content
    assert small.read("naïve 200.json") is None and small.read("top") is None


def test_an_archive_that_needs_64_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(6):
            with archive.open(f"a/{n}.txt", "w", force_zip64=True) as member:
                member.write(f"{n}".encode() * 500)
    small = files(tmp_path)
    assert b"PK\x06\x06" in (tmp_path / "all.zip").read_bytes()
    assert [small.read(f"{n}.txt") for n in range(6)] == [f"{n}".encode() * 500 for n in range(6)]


def test_a_remote_archive_is_read_in_parts(tmp_path):
    contents = [os.urandom(2000) for _ in range(5)]
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(5):
            archive.writestr(f"{n}.txt", contents[n])
    fsspec.filesystem("memory").pipe_file("/archive-test/all.zip", (tmp_path / "all.zip").read_bytes())
    small = SmallFiles(RawFolder("memory://archive-test"), folder_name="loose", archive_name="all.zip")
    small.check()
    assert [small.read(f"{n}.txt") for n in range(5)] == contents


def test_what_stays_in_memory_does_not_fill_a_worker(tmp_path):
    """243,310 scene graphs would otherwise take 200 MB in every process."""
    count = 4000
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for n in range(count):
            archive.writestr(f"scene_graph/{n:044}_SceneGraph.json", "{}")
    root = RawFolder(str(tmp_path))
    tracemalloc.start()
    try:
        index = ZipIndex(root, "all.zip")
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == count
    assert kept < 80 * count and peak < 400 * count


def test_of_two_members_of_a_name_the_later_one_counts(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for n in range(5):
            archive.writestr(f"{n}/same.txt", f"{n}")
    assert files(tmp_path).read("same.txt") == b"4"


def test_a_damaged_member_costs_itself_only(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(6):
            archive.writestr(f"{n}.txt", f"{n}" * 100)
        places = {info.filename: info.header_offset for info in archive.infolist()}
    content = bytearray((tmp_path / "all.zip").read_bytes())
    content[places["1.txt"]] ^= 1  # its header
    content[places["2.txt"] + 30] ^= 1  # its name
    content[places["3.txt"] + 36] ^= 255  # its data
    directory = content.index(b"PK\x01\x02")
    entries = [directory + n * 51 for n in range(6)]
    struct.pack_into("<H", content, entries[4] + 10, 12)  # bzip2
    struct.pack_into("<I", content, entries[5] + 24, 50)  # a size that is too small
    (tmp_path / "all.zip").write_bytes(content)
    small = files(tmp_path)
    small.check()
    assert small.read("0.txt") == b"0" * 100
    expected = {1: "no member", 2: "another member", 3: "", 4: "method 12", 5: "expected 50 bytes; found more"}
    for n, reason in expected.items():
        with pytest.raises(UnusableInput, match=f"in all.zip is damaged: .*{reason}"):
            small.read(f"{n}.txt")


def test_a_locked_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.txt", "secret")
    content = bytearray((tmp_path / "all.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(UnusableInput, match="encrypted"):
        files(tmp_path).read("a.txt")


@pytest.mark.parametrize("kept", [0, 10, 60, -1, -30])
def test_an_archive_cut_short_is_refused(tmp_path, kept):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for n in range(3):
            archive.writestr(f"{n}.txt", "x" * 50)
    content = (tmp_path / "all.zip").read_bytes()
    (tmp_path / "all.zip").write_bytes(content[:kept])
    with pytest.raises(SourceError, match=r"all\.zip: expected a zip archive or a folder of files: .*complete"):
        files(tmp_path).check()


def test_an_archive_with_a_broken_directory_or_nothing_in_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    content = bytearray((tmp_path / "all.zip").read_bytes())
    content[content.index(b"PK\x01\x02")] ^= 1
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(SourceError, match="table of contents is damaged"):
        files(tmp_path).check()
    with zipfile.ZipFile(tmp_path / "all.zip", "w"):
        pass
    with pytest.raises(SourceError, match="expected files in the archive; found none"):
        files(tmp_path).check()


def test_the_archive_comes_before_a_folder_that_may_hold_other_files(tmp_path):
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "a.txt").write_text("loose")
    small = files(tmp_path)
    small.check()
    assert small.read("a.txt") == b"loose" and small.read("b.txt") is None
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.txt", "packed")
    assert files(tmp_path).read("a.txt") == b"packed"
    for name in ("all.zip", "loose/a.txt"):
        (tmp_path / name).unlink()
    with pytest.raises(SourceError, match="expected a folder of files, or all.zip; found neither"):
        files(tmp_path).check()
