"""Zip archives of scene graphs and reports that are damaged, lie about their members, or are none."""

from __future__ import annotations

import re
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from tests.pipelines.bad_input.test_tables import refusal
from tests.pipelines.converted_sources import convert_small
from tests.pipelines.small_sources import SmallSource, write_source

ARCHIVES = {
    "chest-imagenome": "silver_dataset/scene_graph.zip",
    "mimic-cxr-reports": "mimic-cxr-reports.zip",
}


def packed(kind: str, folder: Path, names: dict[int, str] | None = None) -> tuple[SmallSource, Path]:
    """The small source with its annotations in an archive; `names` of some members instead of their own."""
    small = write_source(kind, folder)
    archive = small.root / ARCHIVES[kind]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number, path in enumerate(small.annotations):
            file.write(path, (names or {}).get(number, f"some/folder/{path.name}"))
    for path in small.annotations:
        path.unlink()
    return small, archive


def damage(archive: Path, place: int, content: bytes) -> None:
    data = bytearray(archive.read_bytes())
    data[place : place + len(content)] = content
    archive.write_bytes(data)


def of_first_member(archive: Path) -> tuple[int, int]:
    """Where the first member's packed data begin, and where its entry of the archive's directory does."""
    data = archive.read_bytes()
    name, extra = struct.unpack_from("<2H", data, 26)
    return 30 + name + extra, data.index(b"PK\x01\x02")


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("damaged", "is damaged"),
        ("another checksum", "checksum is wrong"),
        ("encrypted", "it is encrypted"),
        ("a bomb", "unpacks to 1,073,741,824 bytes"),
        ("more than declared", "is damaged: expected 5 bytes; found more"),
        ("an unknown method", "compression method 99"),
        ("elsewhere", "is damaged"),
    ],
)
def test_a_broken_member_costs_its_own_image_only(kind, fault, expected, tmp_path):
    small, archive = packed(kind, tmp_path)
    start, entry = of_first_member(archive)
    place, content = {
        "damaged": (start + 4, b"\xff" * 12),
        "another checksum": (entry + 16, b"abcd"),
        "encrypted": (entry + 8, b"\1\0"),
        "a bomb": (entry + 24, struct.pack("<I", 2**30)),
        "more than declared": (entry + 24, struct.pack("<I", 5)),
        "an unknown method": (entry + 10, struct.pack("<H", 99)),
        "elsewhere": (entry + 42, struct.pack("<I", 3)),
    }[fault]
    damage(archive, place, content)
    result = convert_small(small, tmp_path / "shards")
    reason = result.reason_of(small.images[0])
    assert reason and re.search(f"annotate: .*{expected}", reason), reason
    assert len(result.quarantine) == 1 and len(result.images()) == len(small.images) - 1


@pytest.mark.parametrize("kind", ARCHIVES)
def test_names_of_members_lead_nowhere(kind, tmp_path):
    names = {0: "../../../outside.txt", 1: "/etc/outside", 2: "new\nline", 3: "földer/" + "x" * 400}
    small, _ = packed(kind, tmp_path, names)
    result = convert_small(small, tmp_path / "shards")
    assert not result.quarantine and len(result.images()) == len(small.images), "nothing is unpacked to a disk"
    assert not [path for path in tmp_path.rglob("*") if "outside" in path.name]


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda archive: archive.write_bytes(b""), "expected a zip archive"),
        (
            lambda archive: archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2]),
            "expected a zip archive",
        ),
        (lambda archive: archive.write_text("no archive at all\n" * 99), "expected a zip archive"),
        (lambda archive: damage(archive, of_first_member(archive)[1], b"XXXX"), "table of contents is damaged"),
        (lambda archive: zipfile.ZipFile(archive, "w").close(), "expected files in the archive; found none"),
        (lambda archive: (archive.unlink(), archive.mkdir()), "expected a zip archive"),
        (lambda archive: archive.unlink(), "expected"),
    ],
)
def test_an_archive_that_is_none_is_refused(kind, change, expected, tmp_path):
    small, archive = packed(kind, tmp_path)
    shutil.rmtree(small.annotations[0].parent, ignore_errors=True)
    if kind == "mimic-cxr-reports":
        shutil.rmtree(small.root / "files")
    change(archive)
    message = refusal(small)
    assert archive.name in message and expected in message, message
