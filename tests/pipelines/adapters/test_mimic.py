"""MIMIC-CXR-JPG tables and MIMIC-CXR reports in their true layout."""

from __future__ import annotations

import gzip
import json
import zipfile

import pytest

from chex.records import PathologyLabel, Study
from chex.vocabulary import load
from pipelines.adapters import AnnotationSource, ImageSource, LeftOut, SourceError, UnusableInput, open_source

METADATA = """dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime
d2,10000032,50414267,"CHEST (PA, LAT)",PA,3056,2544,21800506,213014.531
d1,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531
d3,10000099,53189527,CHEST (PORTABLE AP),AP,2022,2022,21800626,165500.312
d4,10000099,53189527,CHEST (PORTABLE AP),,2022,2022,21800626,165500.312
d5,10000100,53189529,CHEST (PORTABLE AP),AP,2022,2022,21800626,165500.312
"""
SPLIT = """dicom_id,study_id,subject_id,split
d1,50414267,10000032,train
d2,50414267,10000032,train
d3,53189527,10000099,validate
d4,53189527,10000099,validate
"""
LABELS = [label.split("/")[1] for label in load().labels_of("chexpert")]


def labels_table(**columns: str) -> str:
    header = ["subject_id", "study_id", *LABELS]
    row = {"subject_id": "10000032", "study_id": "50414267"}
    row |= {name if name in row else name.replace("_", " "): value for name, value in columns.items()}
    return ",".join(header) + "\n" + ",".join(row.get(name, "") for name in header) + "\n"


@pytest.fixture
def mimic(tmp_path):
    (tmp_path / "files").mkdir()
    write(tmp_path, "metadata", METADATA)
    write(tmp_path, "split", SPLIT)
    write(tmp_path, "chexpert", labels_table(Edema="1.0", Pneumonia="-1.0", Fracture="0.0"))
    return tmp_path


def write(folder, name, text, encoding="utf-8"):
    (folder / f"mimic-cxr-2.0.0-{name}.csv.gz").write_bytes(gzip.compress(text.encode(encoding)))


def study(**changes) -> Study:
    known = {"dataset": "mimic-cxr", "split": "train", "patient_id": "10000032", "study_id": "50414267"}
    return Study(**(known | {"image_id": "d2", "uri": "x"} | changes))


def test_frontal_images_with_their_split_and_the_rest_counted(mimic):
    source = open_source("mimic-cxr-jpg", str(mimic))
    assert isinstance(source, ImageSource)
    source.check()
    for _ in range(2):
        assert list(source.studies()) == [
            study(uri=f"{mimic}/files/p10/p10000032/s50414267/d2.jpg", view="PA"),
            study(
                uri=f"{mimic}/files/p10/p10000099/s53189527/d3.jpg",
                view="AP",
                split="validate",
                patient_id="10000099",
                study_id="53189527",
                image_id="d3",
            ),
        ]
        assert source.left_out() == {
            "view LATERAL, neither AP nor PA": 1,
            "view not given, neither AP nor PA": 1,
            "not listed in the split table": 1,
        }


def test_a_copy_of_2_1_0_and_tables_that_were_unpacked(mimic):
    """2.1.0 keeps the names of 2.0.0's tables and adds a table of its own; NegBio's labels are another set."""
    before = list(open_source("mimic-cxr-jpg", str(mimic)).studies())
    write(mimic, "negbio", labels_table(Edema="0.0", Fracture="1.0"))
    (mimic / "mimic-cxr-2.1.0-test-set-labeled.csv").write_text("study_id,Edema\n50414267,0\n")
    for name in ("metadata", "split", "chexpert"):
        packed = mimic / f"mimic-cxr-2.0.0-{name}.csv.gz"
        (mimic / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    source = open_source("mimic-cxr-jpg", str(mimic))
    source.check()
    assert list(source.studies()) == before
    assert source.annotations(study(), 1, 1).pathology_labels == (
        PathologyLabel("chexpert/Edema", 1),
        PathologyLabel("chexpert/Fracture", 0),
        PathologyLabel("chexpert/Pneumonia", -1),
    )


def test_labels_of_a_study_and_of_an_unlabelled_one(mimic):
    source = open_source("mimic-cxr-jpg", str(mimic))
    assert source.annotations(study(), 100, 100).pathology_labels == (
        PathologyLabel("chexpert/Edema", 1),
        PathologyLabel("chexpert/Fracture", 0),
        PathologyLabel("chexpert/Pneumonia", -1),
    )
    for unknown in ("1", "99999999"):
        assert source.annotations(study(study_id=unknown), 100, 100) is None


def test_byte_order_marks_and_line_ends_of_windows(mimic):
    write(mimic, "metadata", METADATA.replace("\n", "\r\n"), "utf-8-sig")
    write(mimic, "split", SPLIT.replace("\n", "\r\n"), "utf-8-sig")
    write(mimic, "chexpert", labels_table(Edema="1.0").replace("\n", "\r\n"), "utf-8-sig")
    source = open_source("mimic-cxr-jpg", str(mimic))
    source.check()
    assert [image.image_id for image in source.studies()] == ["d2", "d3"]
    assert source.annotations(study(), 1, 1).pathology_labels == (PathologyLabel("chexpert/Edema", 1),)


def test_what_is_missing_is_named(mimic):
    write(mimic, "split", SPLIT.replace("split", "fold"))
    with pytest.raises(SourceError, match=r"split\.csv\.gz.*'split'.*found dicom_id, study_id, subject_id, fold"):
        open_source("mimic-cxr-jpg", str(mimic)).check()
    (mimic / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    with pytest.raises(SourceError, match=r"metadata\.csv\.gz.*holds files, mimic-cxr-2\.0\.0-chexpert"):
        open_source("mimic-cxr-jpg", str(mimic)).check()


def test_an_impossible_label_value_is_refused(mimic):
    write(mimic, "chexpert", labels_table(Edema="maybe"))
    with pytest.raises(SourceError, match="'Edema'.*found 'maybe'"):
        open_source("mimic-cxr-jpg", str(mimic)).annotations(study(), 1, 1)


def test_a_study_number_that_is_none(mimic):
    write(mimic, "chexpert", labels_table(study_id="5" * 30))
    with pytest.raises(SourceError, match="'study_id': expected a number of at most 18 digits; found more"):
        open_source("mimic-cxr-jpg", str(mimic)).check()


REPORT = " INDICATION:  Fever.\n\n FINDINGS:  Heart is big.  No effusion.\n\n IMPRESSION:  Cardiomegaly is new.\n"


def test_reports_by_study(tmp_path):
    folder = tmp_path / "files/p10/p10000032"
    folder.mkdir(parents=True)
    (folder / "s50414267.txt").write_text(REPORT, encoding="utf-8")
    (folder / "s50000001.txt").write_text(" HISTORY: Fall.\n\n TECHNIQUE: AP.\n", encoding="utf-8")
    (folder / "s50000002.txt").write_bytes(b" FINDINGS:  Tube 30\xb0 rotated.\n")
    (folder / "s50000003.txt").write_bytes(b"")
    source = open_source("mimic-cxr-reports", str(tmp_path))
    assert isinstance(source, AnnotationSource) and not isinstance(source, ImageSource)
    source.check()
    found = source.annotations(study(), 1, 1)
    assert found.sentences == ("Heart is big.", "No effusion.", "Cardiomegaly is new.")
    assert found.indication == "Fever."
    without = source.annotations(study(study_id="50000001"), 1, 1)
    assert (without.sentences, without.indication) == ((), "Fall.")
    assert source.annotations(study(study_id="50000002"), 1, 1).sentences == ("Tube 30° rotated.",)
    with pytest.raises(UnusableInput, match="expected UTF-8 or Latin-1 text; found an empty file"):
        source.annotations(study(study_id="50000003"), 1, 1)
    assert source.annotations(study(study_id="50000004"), 1, 1) is None
    with pytest.raises(LeftOut, match="irregular"):
        source.annotations(study(study_id="50798377"), 1, 1)


def test_reports_still_in_their_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w") as archive:
        archive.writestr("files/p10/p10000032/s50414267.txt", REPORT)
    source = open_source("mimic-cxr-reports", str(tmp_path))
    source.check()
    assert len(source.annotations(study(), 1, 1).sentences) == 3
    assert source.annotations(study(study_id="1"), 1, 1) is None
    content = bytearray((tmp_path / "mimic-cxr-reports.zip").read_bytes())
    content[content.index(b"Heart")] ^= 1
    (tmp_path / "mimic-cxr-reports.zip").write_bytes(content)
    with pytest.raises(UnusableInput, match="damaged"):
        open_source("mimic-cxr-reports", str(tmp_path)).annotations(study(), 1, 1)


def test_a_report_that_unpacks_to_a_giant(tmp_path):
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("files/p10/p10000032/s50414267.txt", bytes(2**26 + 1))
    with pytest.raises(UnusableInput, match="unpacks to 67,108,865 bytes"):
        open_source("mimic-cxr-reports", str(tmp_path)).annotations(study(), 1, 1)


def test_the_images_folder_instead_of_the_reports(tmp_path):
    folder = tmp_path / "files/p10/p10000032/s50414267"
    folder.mkdir(parents=True)
    (folder / "d1.jpg").write_bytes(b"")
    with pytest.raises(SourceError, match=r"files: expected reports such as p10/.*\.txt, or mimic-cxr-reports\.zip"):
        open_source("mimic-cxr-reports", str(tmp_path)).check()
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w") as archive:
        archive.writestr("files/p10/p10000032/s50414267.txt", REPORT)
    both = open_source("mimic-cxr-reports", str(tmp_path))
    both.check()
    assert len(both.annotations(study(), 1, 1).sentences) == 3, "the archive beside the images is read"


def test_no_reports_at_all(tmp_path):
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(SourceError, match=r"mimic-cxr-reports\.zip or files.*holds notes\.md"):
        open_source("mimic-cxr-reports", str(tmp_path)).check()
    (tmp_path / "mimic-cxr-reports.zip").write_text("no archive")
    with pytest.raises(SourceError, match="expected a zip archive"):
        open_source("mimic-cxr-reports", str(tmp_path)).check()


def test_the_irregular_reports_are_those_of_the_recorded_list(shared):
    from pipelines.adapters.mimic_cxr_reports import irregular_reports

    recorded = json.loads((shared / "parity/dev/pyfuncs.json").read_text(encoding="utf-8"))["excluded_studies"]
    assert irregular_reports() == {name.removeprefix("s") for name in recorded}
