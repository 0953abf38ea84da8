"""Report runs in all formats, and de-identified ones: no file of the output tells whose images they are."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydicom import dcmread

from chex.embedded import PHANTOM
from chex.exports import formats
from chex.exports.deidentification import KEY, Deidentifier
from jobs.generate_reports import parse
from jobs.reporting import planning, run
from jobs.reporting.config import ReportRun
from jobs.reporting.counts import Counts
from jobs.reporting.part import WRITTEN_SCHEMA, ModelInput, carried, readable, row, unpacked_images
from jobs.reporting.planning import Maker
from jobs.reporting.rows import finding_row
from jobs.reporting.run import write_reports
from tests.chex.exports.reports import dicom_file, provenance, report
from tests.jobs.reporting.in_process import without_ray

SECRET = "the key of the tests"
ALL = ("parquet", *sorted(formats()))
IDENTIFIERS = (
    "Mustermann",
    "MRN-4711",
    "ACC-0815",
    "1.2.840.99999",
    "20240305",
    "Erika",
    "SKULLDUGGERY",
    "Sonnenklinik",
)


@pytest.fixture(autouse=True)
def in_process(monkeypatch):
    """Reading, writing and bookkeeping as they are; in place of a model, the same answers for every image."""
    without_ray(monkeypatch)
    maker = Maker({"precision": "float32"}, (), provenance(), ModelInput(64, "pad"))
    monkeypatch.setattr(planning, "_maker", lambda _: maker)
    monkeypatch.setattr(run, "finished_parts", without_model)


def without_model(numbers, reader, use, writer, pools):
    for number in numbers:
        batch = reader(number)
        said = {"text": report().text, "findings": [finding_row(finding) for finding in report().findings]}
        found = json.dumps([said for _ in readable(unpacked_images(batch))])
        (done,) = writer(row(WRITTEN_SCHEMA, **carried(batch), findings=found)).to_pylist()
        assert done["fault"] is None
        yield done["part"], Counts.from_json(done["counts"])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An archive whose paths and headers name a patient."""
    root = tmp_path_factory.mktemp("place")
    folder = root / "in" / "Mustermann Erika MRN-4711"
    folder.mkdir(parents=True)
    for name, changes in {
        "one": {"SOPInstanceUID": "1.2.840.99999.1"},
        "two": {"SOPInstanceUID": "1.2.840.99999.2"},
        "skull": {"SOPInstanceUID": "1.2.840.99999.3", "BodyPartExamined": "SKULLDUGGERY"},
        "scan": {"SOPInstanceUID": "1.2.840.99999.4", "Modality": "MUSTERMANN"},
    }.items():
        (folder / f"{name}.dcm").write_bytes(radiograph(**changes))
    (folder / "Erika.dcm").write_text("Erika: no image at all")
    Image.fromarray(pixels(5).astype(np.uint8)).save(folder / "photo.png")
    return root


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (80, 70))


def radiograph(**changes) -> bytes:
    dataset = dcmread(
        io.BytesIO(
            dicom_file(
                80, 70, StudyInstanceUID="1.2.840.99999", SeriesInstanceUID="1.2.840.99999.0", PatientID="MRN-4711",
                PatientName="Mustermann^Erika", AccessionNumber="ACC-0815", InstitutionName="Sonnenklinik", **changes,
            )
        )
    )  # fmt: skip
    dataset.PixelData = (pixels(int(changes["SOPInstanceUID"][-1])) * 16).astype("<u2").tobytes()
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def make(place, output, **options):
    asked = ReportRun(
        model=PHANTOM,
        input=str(place / "in"),
        output=str(output),
        **{"formats": ALL, "rows_per_part": 3} | options,
    )
    return write_reports(asked, show_progress=False)


def contents(output) -> dict[str, bytes]:
    """Every file under its name, Parquet as text: its values may lie there compressed."""
    found = {str(path.relative_to(output)): path for path in output.rglob("*") if path.is_file()}
    return {
        name: repr(pq.read_table(path, partitioning=None).to_pylist()).encode() + path.read_bytes()
        if name.endswith(".parquet")
        else path.read_bytes()
        for name, path in found.items()
    }


def told(output) -> set[str]:
    files = contents(output)
    everything = b"\n".join([*files.values(), *(name.encode() for name in files)])
    return {word for word in IDENTIFIERS if word.lower().encode() in everything.lower()}


def test_every_format_lies_in_its_folder_and_what_cannot_be_is_counted(place, tmp_path):
    summary = make(place, tmp_path)
    why = "the image has no DICOM header, and so no study to belong to"
    assert summary["not_exported"] == {f"{name}: {why}": 1 for name in ("dicom-gsps", "dicom-sr", "fhir")}
    assert summary["reported"] == 3 and sum(summary["quarantined"].values()) == 2
    counted = {name: len(list((tmp_path / name).iterdir())) for name in ALL[1:]}
    per_image, per_part = 3, 2
    assert counted == {
        "coco": per_part, "json-lines": per_part, "overlays": per_image, "text": per_image,
        "dicom-gsps": 2, "dicom-sr": 2, "fhir": 2,
    }  # fmt: skip
    assert told(tmp_path) >= {"Mustermann", "MRN-4711", "ACC-0815"}, "the test of the next ones would see nothing"


def test_nothing_of_a_deidentified_output_tells_who_it_is(place, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    output = tmp_path / "out"
    summary = make(place, output, deidentify=True)
    assert summary["reported"] == 3 and not told(output)
    assert SECRET.encode() not in b"".join(contents(output).values())
    guard = Deidentifier(SECRET.encode())
    rows = pq.read_table(output / "parquet").to_pylist()
    by_uri = {row["uri"]: row for row in rows}
    one = by_uri[guard.identifier("uri", str(place / "in" / "Mustermann Erika MRN-4711" / "one.dcm"))]
    assert one["study_instance_uid"] == guard.uid("1.2.840.99999") and one["text"]
    document = dcmread(next(path for path in (output / "dicom-sr").iterdir() if path.name.startswith(one["uri"])))
    assert document.PatientID == guard.identifier("patient", "MRN-4711")
    assert document.StudyInstanceUID == one["study_instance_uid"]
    reasons = {row["status_reason"] for row in rows} | set(summary["quarantined"])
    assert "BodyPartExamined is not CHEST" in reasons
    plan = tmp_path / "out.plan" / "plan" / "00000000.arrow"
    assert b"Mustermann" in repr(pa.ipc.open_file(plan).read_all().to_pylist()).encode(), "kept apart, to go on with"


def test_it_goes_on_under_the_same_key_only(place, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    make(place, tmp_path / "out", deidentify=True, formats=("parquet",))
    again = make(place, tmp_path / "out", deidentify=True, formats=("parquet",), resume=True)
    assert again["this_run"]["images"] == 0
    with pytest.raises(ValueError, match="another deidentification_key"):
        make(place, tmp_path / "out", formats=("parquet",), resume=True)
    monkeypatch.setenv(KEY, "quite another key")
    with pytest.raises(ValueError, match="another deidentification_key"):
        make(place, tmp_path / "out", deidentify=True, formats=("parquet",), resume=True)


def test_without_a_key_nothing_begins(place, tmp_path, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(ValueError, match=f"{KEY}, or in the file.*neither is set"):
        make(place, tmp_path / "out", deidentify=True)
    assert not (tmp_path / "out").exists()
    assert parse(["--input", "a", "--output", "b", "--deidentify"]).deidentify


def archive_of(folder, **images) -> None:
    (folder / "in").mkdir()
    for name, data in images.items():
        (folder / "in" / f"{name}.dcm").write_bytes(data)


@pytest.mark.parametrize("chosen", [("overlays",), ("overlays", "text"), ("overlays", "fhir")])
def test_no_picture_has_text_that_the_header_says_is_burned_in(chosen, tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    burned = radiograph(SOPInstanceUID="1.2.840.99999.1", BurnedInAnnotation="YES")
    archive_of(tmp_path, burned=burned, clean=radiograph(SOPInstanceUID="1.2.840.99999.2"))
    summary = make(tmp_path, tmp_path / "out", deidentify=True, formats=chosen)
    assert summary["reported"] == 2 and list(summary["not_exported"].values()) == [1]
    (picture,) = (tmp_path / "out" / "overlays").iterdir()
    clean = Deidentifier(SECRET.encode()).identifier("uri", str(tmp_path / "in" / "clean.dcm"))
    assert picture.name.startswith(clean)


def test_a_header_that_cannot_be_cleaned_costs_its_image_the_exports_and_nothing_else(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(KEY, SECRET)
    clean = Deidentifier._clean

    def clean_but_one(self, dataset):
        if dataset.SOPInstanceUID.endswith(".1"):
            raise ValueError(f"odd header of {dataset.PatientName}")
        return clean(self, dataset)

    monkeypatch.setattr(Deidentifier, "_clean", clean_but_one)
    archive_of(
        tmp_path, odd=radiograph(SOPInstanceUID="1.2.840.99999.1"), plain=radiograph(SOPInstanceUID="1.2.840.99999.2")
    )
    summary = make(tmp_path, tmp_path / "out", deidentify=True, formats=("dicom-sr", "overlays", "text"))
    why = "the header cannot be de-identified (ValueError)"
    assert summary["reported"] == 2
    assert summary["not_exported"] == {f"{name}: {why}": 1 for name in ("dicom-sr", "overlays", "text")}
    for name in ("dicom-sr", "overlays", "text"):
        assert len(list((tmp_path / "out" / name).iterdir())) == 1
    assert "clean_but_one" in caplog.text and "Mustermann" not in caplog.text


def test_a_deidentified_summary_tells_how_many_files_were_left_alone_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    archive_of(tmp_path, one=radiograph(SOPInstanceUID="1.2.840.99999.1"))
    for name in ("report.Mustermann, Erika", "list.csv", "other.csv"):
        (tmp_path / "in" / name).write_text("x")
    summary = make(tmp_path, tmp_path / "out", deidentify=True)
    assert summary["left_alone"] == {"of any kind": 3} and not told(tmp_path / "out")
    again = make(tmp_path, tmp_path / "again", formats=("parquet",))
    assert again["left_alone"] == {".csv": 2, ".mustermann, erika": 1}


def test_summaries_are_json(place, tmp_path):
    make(place, tmp_path, formats=("parquet", "text"))
    assert json.loads((tmp_path / "summary.json").read_text())["not_exported"] == {}
