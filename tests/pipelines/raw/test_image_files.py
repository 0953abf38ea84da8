"""Files that cannot be radiographs are refused by their size, before anything of them is read."""

from __future__ import annotations

import pytest

from chex.pixels import PIXEL_LIMIT, UnusableImage
from jobs.reporting.inputs import ImageReader
from jobs.reporting.part import UNUSABLE, ModelInput, ReadImage
from jobs.reporting.plan import Plan
from jobs.reporting.reading import PartReader
from pipelines.raw.image_files import MOST_BYTES, read_image_file


@pytest.fixture
def huge(tmp_path):
    file = tmp_path / "huge.dcm"
    with file.open("wb") as sparse:
        sparse.truncate(MOST_BYTES + 1)
    return file


def as_reports_read_it(uri: str) -> ReadImage:
    with ImageReader() as reader:
        return PartReader("", Plan((), 0, 0), ModelInput(64, "stretch")).read_image(uri, reader.read)[0]


def test_a_file_up_to_the_limit_is_read(tmp_path):
    (tmp_path / "image.dcm").write_bytes(b"bytes")
    assert read_image_file(str(tmp_path / "image.dcm")) == b"bytes"
    assert MOST_BYTES > 2 * PIXEL_LIMIT, "whatever may be decoded may be read"


def test_a_larger_one_goes_to_quarantine_with_its_size(huge):
    with pytest.raises(UnusableImage, match="read: the file has 268,435,457 bytes; more than 256 MiB are refused"):
        read_image_file(str(huge))
    image = as_reports_read_it(str(huge))
    assert image.outcome == UNUSABLE and "are refused" in image.reason


def test_what_is_not_there_is_said_as_ever(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image_file(str(tmp_path / "nothing.dcm"))
    assert as_reports_read_it(str(tmp_path / "nothing.dcm")).reason == "the file does not exist"
