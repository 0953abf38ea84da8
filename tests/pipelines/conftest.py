"""Fixtures of the conversion's tests: a small raw folder, and what becomes of it."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.convert import convert
from tests.made_dicom import made_dicom
from tests.pipelines.small_vindr import NAMES, conversion


@pytest.fixture(scope="session")
def vindr(tmp_path_factory):
    """Ten training images of 60 x 80 pixels: three broken, one with a broken annotation; two test images."""
    root = tmp_path_factory.mktemp("vindr")
    for folder in ("annotations", "train", "test"):
        (root / folder).mkdir()
    ramp = np.arange(4800, dtype=np.uint16).reshape(60, 80) % 4096
    for number in range(10):
        view = {"ViewPosition": "PA"} if number == 0 else {}
        (root / "train" / f"i{number}.dicom").write_bytes(made_dicom(np.roll(ramp, number * 80), **view))
    (root / "train" / "i3.dicom").write_bytes(b"no image at all")
    (root / "train" / "i4.dicom").write_bytes(made_dicom(ramp, Modality="CT"))
    (root / "train" / "i5.dicom").unlink()
    for number in range(2):
        (root / "test" / f"t{number}.dicom").write_bytes(made_dicom(ramp))
    for part, ids, reader in (("train", [f"i{n}" for n in range(10)], ",R1"), ("test", ["t0", "t1"], "")):
        header = ["image_id", *(["rad_id"] if reader else []), *NAMES]
        rows = [f"{image}{reader}," + ",".join("1" if name == "ILD" else "0" for name in NAMES) for image in ids]
        (root / "annotations" / f"image_labels_{part}.csv").write_text("\n".join([",".join(header), *rows]) + "\n")
    header = "class_name,x_min,y_min,x_max,y_max\n"
    (root / "annotations" / "annotations_train.csv").write_text(
        f"image_id,rad_id,{header}i0,R1,ILD,8,6,40,30\ni6,R1,ILD,x,6,40,30\n"
    )
    (root / "annotations" / "annotations_test.csv").write_text(f"image_id,{header}")
    return root


@pytest.fixture(scope="session")
def converted(ray_local, vindr, tmp_path_factory):
    output = tmp_path_factory.mktemp("converted") / "shards"
    return output, convert(conversion(vindr, output), progress=False)
