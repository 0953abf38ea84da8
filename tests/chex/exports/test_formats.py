"""What holds for every format: found by its name, the same bytes each time, refusals of their own kind."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import subprocess
import sys

import pytest
from pycocotools.coco import COCO
from pydicom import Dataset, dcmread

from chex.exports import Format, JoinedFormat, NotExportable, formats, needs_of
from chex.exports.concepts import PRIVATE, SNOMED, _codes, concept_of, sites_of
from chex.exports.dicom_source import read_source
from chex.records import Finding, Query, Report, SourceImage
from chex.vocabulary import load
from tests.chex.exports.reports import dicom_file, provenance, report, source

ALL = sorted(formats())
OF_DICOM = ["dicom-gsps", "dicom-sr", "fhir"]


def test_these_are_there():
    assert ALL == ["coco", "dicom-gsps", "dicom-sr", "fhir", "json-lines", "overlays", "text"]
    assert all(isinstance(module, Format) for module in formats().values())
    assert [name for name in ALL if isinstance(formats()[name], JoinedFormat)] == ["coco", "json-lines"]
    assert needs_of(["text", "coco"]) == frozenset() and needs_of(["overlays", "fhir"]) == {"pixels", "header"}


@pytest.mark.parametrize("name", ALL)
def test_only_what_a_format_needs_must_be_there(name):
    whole = source()
    needed = {field: getattr(whole, field) for field in formats()[name].NEEDS}
    assert formats()[name].encode(report(), SourceImage(whole.uri, whole.height, whole.width, **needed))


@pytest.mark.parametrize("name", ALL)
def test_a_report_without_findings_is_one_too(name):
    assert formats()[name].encode(Report((), "", provenance()), source())


def test_another_process_at_another_time_writes_the_same_bytes():
    code = (
        "import hashlib\n"
        "from chex.exports import formats\n"
        "from tests.chex.exports.reports import report, source\n"
        "for name, module in sorted(formats().items()):\n"
        "    print(name, hashlib.sha256(module.encode(report(), source())).hexdigest())\n"
    )
    elsewhere = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, env=elsewhere, capture_output=True, text=True, check=True, timeout=300)
    here = {name: hashlib.sha256(formats()[name].encode(report(), source())).hexdigest() for name in ALL}
    assert dict(line.split() for line in answer.stdout.splitlines()) == here


@pytest.mark.parametrize("name", OF_DICOM)
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "no DICOM header"),
        (dicom_file(leave_out=("StudyInstanceUID",)), "no StudyInstanceUID"),
        (dicom_file(StudyInstanceUID="1.2.nonsense"), "no valid StudyInstanceUID"),
        (dicom_file(SeriesInstanceUID=""), "no SeriesInstanceUID"),
        (dicom_file(StudyInstanceUID="1." + "2" * 70), "no valid StudyInstanceUID"),
    ],
)
def test_an_image_without_a_study_cannot_have_it(name, data, why):
    image = source(data) if data else dataclasses.replace(source(), header=None)
    with pytest.raises(NotExportable, match=why):
        formats()[name].encode(report(), image)


@pytest.mark.parametrize("name", OF_DICOM)
@pytest.mark.parametrize(
    "odd",
    [
        {"AcquisitionDate": "20230231"},
        {"AcquisitionDate": "20230229", "AcquisitionTime": "235960"},
        {"InstanceNumber": [1, 2]},
        {"InstanceNumber": -5},
        {"InstanceNumber": ""},
    ],
)
def test_an_odd_number_or_day_costs_no_report(name, odd):
    assert formats()[name].encode(report(), source(dicom_file(**odd)))


@pytest.mark.parametrize("name", OF_DICOM)
def test_a_broken_table_costs_no_report(name):
    dataset = dcmread(io.BytesIO(dicom_file()))
    table = Dataset()
    table.add_new("LUTData", "OW", b"\x00\x00\xff\xff")
    dataset.VOILUTSequence = [table]
    file = io.BytesIO()
    dataset.save_as(file)
    broken = file.getvalue().replace(b"\x28\x00\x06\x30OW", b"\x28\x00\x06\x30O?")
    assert broken != file.getvalue() and formats()[name].encode(report(), source(broken))


def test_a_day_that_never_was_is_left_out():
    assert read_source(source(dicom_file(AcquisitionDate="20230231"))).date == "20240305"
    assert read_source(source(dicom_file(AcquisitionDate="20230231", StudyDate="20230431"))).date is None
    assert read_source(source(dicom_file(AcquisitionDate="20240229"))).date == "20240229"
    assert read_source(source(dicom_file(InstanceNumber=[7, 2]))).evidence.InstanceNumber == 7


def test_files_for_many_images():
    reports = [(report(), source(uri=f"archive/{place}.dcm")) for place in range(3)]
    for name in ("coco", "json-lines"):
        module = formats()[name]
        single = [module.encode(*pair) for pair in reports]
        assert module.join([module.join(single[:2]), single[2]]) == module.join(single)
        assert module.join(single[:1]) == single[0]


def test_each_line_holds_a_whole_report():
    module = formats()["json-lines"]
    lines = module.join([module.encode(report(), source(uri=uri)) for uri in ("a.dcm", "b\n.png")]).splitlines()
    first, second = (json.loads(line) for line in lines)
    assert (first["uri"], second["uri"]) == ("a.dcm", "b\n.png") and first["text"] == report().text
    assert [finding["stated"] for finding in first["findings"]] == [True, True, False, False, True]
    assert first["findings"][0]["boxes"][0] == {"box": [0.1, 0.55, 0.4, 0.9], "score": 0.83}
    assert first["findings"][1]["parents"] == ["cardiac silhouette", "right costophrenic angle"]
    assert first["provenance"]["weights_sha256"] == provenance().weights_sha256


def test_pycocotools_reads_the_boxes(tmp_path, capsys):
    module = formats()["coco"]
    file = tmp_path / "part.json"
    file.write_bytes(module.join([module.encode(report(), source(uri=uri)) for uri in ("a.dcm", "b.dcm")]))
    coco = COCO(str(file))
    images = {image["file_name"]: image["id"] for image in coco.loadImgs(coco.getImgIds())}
    assert set(images) == {"a.dcm", "b.dcm"}
    (effusion,) = coco.getCatIds(catNms=["pleural effusion"])
    found = coco.loadAnns(coco.getAnnIds(imgIds=[images["b.dcm"]], catIds=[effusion]))
    assert [annotation["bbox"] for annotation in found] == [[4, 33, 12, 21], [24, 42, 12, 15]]  # of 40 x 60 pixels
    assert [annotation["score"] for annotation in found] == [0.83, 0.41]
    assert not coco.getAnnIds(catIds=coco.getCatIds(catNms=["pneumothorax"])), "it is denied"
    # as detections are compared with annotations; pycocotools takes the same boxes back
    results = [{key: annotation[key] for key in ("image_id", "category_id", "bbox", "score")} for annotation in found]
    assert len(coco.loadRes(results).getAnnIds()) == 2


def test_text_reads_as_a_report():
    text = formats()["text"].encode(report(), source()).decode()
    assert text.startswith("Small bilateral pleural effusions.") and "at 4, 33, 16, 54 (score 0.83)" in text
    assert "No pneumothorax." in text and text.rstrip().endswith("Research use only. Not a medical device.")


def test_every_name_of_the_vocabulary_is_coded():
    vocabulary = load()
    assert set(_codes()["findings"]) == set(vocabulary.findings)
    assert set(_codes()["regions"]) == {*vocabulary.regions, *vocabulary.grouped}


def test_codes_that_dicom_lists_mean_what_dicom_says():
    from pydicom.sr._concepts_dict import concepts

    known = {code: meaning for codes in concepts["SCT"].values() for code, (meaning, _) in codes.items()}
    for entry in (*_codes()["findings"].values(), *_codes()["regions"].values()):
        if entry.get("snomed") in known:
            first = entry["meaning"].lower().split()[0][:5]
            assert first in known[entry["snomed"]].lower(), (entry, known[entry["snomed"]])


def test_findings_regions_and_free_words_as_concepts():
    def asked(name, *parents, text="x"):
        return Finding(Query(text=text, name=name), (), parents=parents)

    assert concept_of(asked("pneumothorax")).scheme == SNOMED
    assert concept_of(asked("lung_opacity")).scheme == PRIVATE
    assert concept_of(asked("right lung")) is None and concept_of(asked("right lung", "edema")).value == "19242006"
    (site,) = sites_of(asked("edema", "left lung"))
    assert (site.place.value, site.side.value) == ("39607008", "7771000")
    free = concept_of(asked(None, text="something\\odd " * 20))
    assert free.scheme == PRIVATE and len(free.value) <= 16 and len(free.meaning) <= 64 and "\\" not in free.meaning
    assert concept_of(Finding(Query(box=(0, 0, 1, 1)), ())) is None
