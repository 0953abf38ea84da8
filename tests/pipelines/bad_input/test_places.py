"""Sources and outputs that are not what they should be, and files that may not be read: refused, or quarantined."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.adapters import SourceError, kinds
from pipelines.convert import Conversion, OutputError, prepare
from pipelines.shards import list_shards, samples
from tests.pipelines.bad_input.test_images import KINDS
from tests.pipelines.bad_input.test_tables import refusal
from tests.pipelines.converted_sources import convert_small
from tests.pipelines.small_shards import write_shards
from tests.pipelines.small_sources import write_source

NOBODY = 65534


@contextmanager
def nobody():
    """Permissions hold for everybody but root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def open_folder():
    """A folder in which everybody may write, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def message_of(sources, output, fault=SourceError) -> str:
    with pytest.raises(fault) as caught:
        prepare(Conversion(sources=sources, output=str(output)))
    return str(caught.value)


@pytest.mark.parametrize("kind", kinds())
def test_roots(kind, tmp_path):
    small = write_source(kind, tmp_path)
    *others, _ = small.sources

    def with_root(place) -> str:
        return message_of((*others, (kind, str(place))), tmp_path / "shards")

    assert f"{kind}: {tmp_path}/nothing: expected a folder" in with_root(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    assert f"{kind}: {tmp_path}/file: expected a folder with the dataset's files; found a file" in with_root(
        tmp_path / "file"
    )
    (tmp_path / "loop").symlink_to("loop")
    assert f"{tmp_path}/loop: the folder cannot be listed" in with_root(tmp_path / "loop")
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path}/empty" in with_root(tmp_path / "empty")
    assert "nonsense://x: expected a folder or the URI of one" in with_root("nonsense://x")
    twice = (*small.sources, small.sources[-1])
    assert f"expected {kind} once; found it 2 times" in message_of(twice, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()


@pytest.mark.parametrize("kind", kinds())
def test_roots_with_unusual_names(kind, tmp_path):
    folder = tmp_path / "Röntgen bilder\n100% #1 [a]"
    small = write_source(kind, folder)
    assert len(convert_small(small, tmp_path / "shards?").images()) == len(small.images)


@pytest.mark.parametrize("name", ["set[1]", "shards?", "a*", "old::new"])
def test_shards_are_found_in_folders_with_unusual_names(name, tmp_path):
    for folder in (name, "set1", "shards2", "ab"):
        write_shards(tmp_path / folder, {("words", "train"): 2})
    found = list_shards(str(tmp_path / name))
    assert [path.rsplit("/", 4)[1] for path in found] == [name]
    assert len(list(samples(str(tmp_path / name), "train"))) == 2


def test_outputs(tmp_path):
    small = write_source("vindr-cxr", tmp_path)
    for inside in (small.root, small.root / "shards", small.root / "train" / "a" / "b"):
        assert "expected an output outside of all sources; found it inside vindr-cxr=" in message_of(
            small.sources, inside
        )
    (tmp_path / "link").symlink_to(small.root)
    assert "outside of all sources" in message_of(small.sources, tmp_path / "link" / "shards")
    assert "nonsense://x: expected a folder to write to, or the URI of one: " in message_of(
        small.sources, "nonsense://x"
    )
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "shards"):
        message = message_of(small.sources, place, OutputError)
        assert f"{place}: expected a folder that can be written; found: " in message
    assert "is not empty" in message_of(small.sources, tmp_path, OutputError)
    assert (tmp_path / "file").read_text() == "x"


def test_an_output_that_may_not_be_written(open_folder):
    small = write_source("vindr-cxr", open_folder / "raw")
    (open_folder / "closed").mkdir(mode=0o555)
    with nobody():
        message = message_of(small.sources, open_folder / "closed" / "shards", OutputError)
    assert "closed/shards: expected a folder that can be written; found: Permission denied" in message


@pytest.mark.parametrize("kind", kinds())
def test_files_that_may_not_be_read(kind, open_folder):
    small = write_source(kind, open_folder)
    for table in small.tables:
        (small.root / table).chmod(0)
        with nobody():
            message = refusal(small)
        assert table in message and "expected a readable file; found one that is not: Permission denied" in message
        (small.root / table).chmod(0o644)
    small.root.chmod(0)
    with nobody():
        assert "Permission denied" in refusal(small)
    small.root.chmod(0o755)
    kept = small.images
    if kind in KINDS:
        small.images[0].chmod(0)
    if small.annotations:
        small.annotations[1].chmod(0)
    with nobody():
        result = convert_small(small, open_folder / "shards")
    if kind in KINDS:
        assert result.reason_of(kept[0]) == "read: PermissionError: the file cannot be opened"
    if small.annotations:
        assert "PermissionError" in result.reason_of(kept[1])
    assert len(result.quarantine) == (kind in KINDS) + bool(small.annotations)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk(tmp_path):
    small, disk = write_source("vindr-cxr", tmp_path), tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)], capture_output=True, check=False
    ).returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        (disk / "full").write_bytes(bytes(4096))
        message = message_of(small.sources, disk / "shards", OutputError)
        assert "No space left on device" in message
        assert not list((disk / "shards").glob("*")), "nothing is left half written"
    finally:
        subprocess.run(["umount", str(disk)], check=True)
