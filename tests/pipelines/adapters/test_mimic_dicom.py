"""MIMIC-CXR's DICOM images: where their tables may lie, and views that only the header tells."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter

import numpy as np
import pytest

from pipelines.adapters import ImageSource, SourceError, open_source, open_sources
from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.conversion.shard_plan import check_sources
from pipelines.shards import samples
from tests.made_dicom import made_dicom
from tests.pipelines.planned import planned

LABEL_HEADER = (
    "subject_id,study_id,Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices\n"
)
# the metadata's view, then the header's
VIEWS = {"d1": ("PA", "PA"), "d2": ("LATERAL", "LATERAL"), "d3": ("", "AP"), "d4": ("", "LL"), "d5": ("", None)}


@pytest.fixture
def dicom(tmp_path):
    """One study of five images; the tables of MIMIC-CXR-JPG lie beside them."""
    root = tmp_path / "mimic-cxr"
    folder = root / "files/p10/p10000032/s50414267"
    folder.mkdir(parents=True)
    for number, (name, (_, view)) in enumerate(VIEWS.items()):
        header = {"ViewPosition": view} if view else {}
        values = np.roll(np.arange(4800, dtype=np.uint16).reshape(60, 80) % 4096, number)
        (folder / f"{name}.dcm").write_bytes(made_dicom(values, **header))
    write(root / "cxr-record-list.csv.gz", "subject_id,study_id,dicom_id,path\n", [
        f"10000032,50414267,{name},files/p10/p10000032/s50414267/{name}.dcm" for name in VIEWS
    ])  # fmt: skip
    write(root / "mimic-cxr-2.0.0-metadata.csv.gz", "dicom_id,subject_id,study_id,ViewPosition\n", [
        f"{name},10000032,50414267,{view}" for name, (view, _) in VIEWS.items()
    ])  # fmt: skip
    write(root / "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split\n", [
        f"{name},50414267,10000032,train" for name in VIEWS
    ])  # fmt: skip
    write(root / "mimic-cxr-2.0.0-chexpert.csv.gz", LABEL_HEADER, ["10000032,50414267,,1.0" + "," * 12])
    return root


def write(path, header, lines):
    path.write_bytes(gzip.compress((header + "\n".join(lines) + "\n").encode()))


def converted(tmp_path, *sources):
    conversion, plan = planned(tmp_path / "shards", *sources)
    counts = convert_shard(0, ShardTask(conversion.sources, conversion.output, 30, plan.hash))
    return list(samples(conversion.output, "train")), plan.left_out.total(), counts


def test_the_view_is_the_tables_or_else_the_headers(dicom, tmp_path):
    rows, left_out, counts = converted(tmp_path, ("mimic-cxr-dicom", dicom))
    assert [(row.study.image_id, row.study.view) for row in rows] == [("d1", "PA"), ("d3", "AP")]
    assert rows[0].study.uri == str(dicom / "files/p10/p10000032/s50414267/d1.dcm")
    assert all(row.annotations.pathology_labels[0].label == "chexpert/Cardiomegaly" for row in rows)
    assert left_out == 1, "the lateral view of the table is not even decoded"
    assert counts.left_out == {
        "view LL in the DICOM header, neither AP nor PA": 1,
        "view not given in the DICOM header, neither AP nor PA": 1,
    }
    assert counts.inputs + left_out == 5 and not counts.quarantined


def test_the_dicom_download_alone_lists_its_images_but_needs_the_splits(dicom, tmp_path):
    (dicom / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    rows, left_out, counts = converted(tmp_path, ("mimic-cxr-dicom", dicom))
    assert [row.study.image_id for row in rows] == ["d1", "d3"]
    assert left_out == 0 and counts.left_out["view LATERAL in the DICOM header, neither AP nor PA"] == 1
    (dicom / "mimic-cxr-2.0.0-split.csv.gz").unlink()
    with pytest.raises(SourceError, match=r"2\.0\.0-split\.csv\.gz.*belong to MIMIC-CXR-JPG: .*mimic-cxr-jpg=PATH"):
        open_source("mimic-cxr-dicom", str(dicom)).check()


@pytest.mark.parametrize("reverse", [False, True])
def test_both_downloads_are_one_source_of_images(dicom, tmp_path, reverse):
    jpg = tmp_path / "mimic-cxr-jpg"
    (jpg / "files").mkdir(parents=True)
    for table in list(dicom.glob("mimic-cxr-2.0.0-*")):
        shutil.move(table, jpg)
    given = [("mimic-cxr-dicom", str(dicom)), ("mimic-cxr-jpg", str(jpg))]
    opened = open_sources(reversed(given) if reverse else given)
    check_sources(opened)
    assert len(opened) == 1 and isinstance(opened[0], ImageSource)
    assert list(opened[0].studies())
    rows, _, counts = converted(tmp_path, *given)
    assert [row.study.uri.rpartition("/")[2] for row in rows] == ["d1.dcm", "d3.dcm"]
    assert Counter(label.label for label in rows[0].annotations.pathology_labels) == {"chexpert/Cardiomegaly": 1}
    assert counts.rows == 2


def test_a_folder_without_images_is_refused(dicom):
    shutil.rmtree(dicom / "files")
    with pytest.raises(SourceError, match="expected the folder files; found cxr-record-list"):
        open_source("mimic-cxr-dicom", str(dicom)).check()
