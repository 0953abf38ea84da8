"""Open-i: a small made-up collection in its layouts, hostile XML, and the 400 real reports."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest

from chex.records import Study
from pipelines.adapters import ImageSource, LeftOut, SourceError, UnusableInput, open_source
from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.convert import Conversion, prepare
from pipelines.report_text.open_i_report import read_report
from pipelines.shards import samples
from tests.pipelines.small_sources import encoded, store
from tests.pipelines.small_sources.open_i import IDS, report

FILES = {"CXR1_1_IM-0001-3001": "1_IM-0001-3001", "CXR1_1_IM-0001-4001": "1_IM-0001-4001"}


@pytest.fixture
def openi(tmp_path):
    """Report 1 with two images, 2 with one, 10 with none, 11 without findings, impression and indication."""
    reports = {
        "1": report(*FILES, findings="The heart is 14.5 cm wide. No edema. XXXX opacity at T5. It is stable.",
                    impression="1. Stable opacity. 2. No effusion.", indication="Fever,\n XXXX"),
        "2": report("CXR2_IM-0652-1001", impression="Normal chest."),
        "10": report(impression="Normal chest."),
        "11": report("CXR11_IM-0067-1001"),
    }  # fmt: skip
    for number, content in reports.items():
        store(tmp_path / "ecgen-radiology" / f"{number}.xml", content)
    for number, name in enumerate((*FILES, "CXR2_IM-0652-1001", "CXR11_IM-0067-1001")):
        store(tmp_path / "NLMCXR_png" / f"{name}.png", encoded(".png", number))
    return tmp_path


def project(root, *lines: str) -> None:
    (root / "indiana_projections.csv").write_text("\n".join(["uid,filename,projection", *lines]) + "\n")


def open_i(root):
    return open_source("open-i", str(root))


def test_images_in_the_order_of_the_reports(openi, caplog):
    source = open_i(openi)
    assert isinstance(source, ImageSource)
    source.check()
    assert "lateral images that are no DICOM files cannot be told apart" in caplog.text
    studies = list(source.studies())
    assert [(study.study_id, study.image_id) for study in studies] == [
        ("1", "CXR1_1_IM-0001-3001"), ("1", "CXR1_1_IM-0001-4001"),
        ("2", "CXR2_IM-0652-1001"), ("11", "CXR11_IM-0067-1001"),
    ]  # fmt: skip
    assert all(study.uri == f"{openi}/NLMCXR_png/{study.image_id}.png" and study.view is None for study in studies)
    assert studies[0].split == studies[1].split, "the images of a report stay together"
    assert sum(source.left_out().values()) == 1


def test_both_images_of_a_report_share_its_sentences(openi):
    source = open_i(openi)
    first, second, third, last = source.studies()
    found = source.annotations(first, 10, 10)
    assert found == source.annotations(second, 10, 10)
    assert found.sentences == (
        "The heart is 14.5 cm wide.", "No edema.", "XXXX opacity at T5.", "It is stable.",
        "Stable opacity.", "No effusion.",
    )  # fmt: skip
    assert found.indication == "Fever, XXXX"
    assert found.pathology_labels == (), "MeSH terms are no labels"
    assert source.annotations(third, 10, 10).sentences == ("Normal chest.",)
    assert source.annotations(last, 10, 10) is None


def test_laterals_are_left_out_where_a_table_tells_them(openi, caplog):
    project(
        openi,
        "1,1_IM-0001-3001.dcm.png,Lateral",
        "1,1_IM-0001-4001.dcm.png,Frontal",
        "2,2_IM-0652-1001.dcm.png,frontal",
    )
    source = open_i(openi)
    source.check()
    assert not caplog.text
    assert [(s.image_id, s.view) for s in source.studies()] == [
        ("CXR1_1_IM-0001-4001", "FRONTAL"), ("CXR2_IM-0652-1001", "FRONTAL"),
    ]  # fmt: skip
    assert source.left_out() == {
        "lateral view": 1, "not listed in indiana_projections.csv": 1,
        "report without images, or damaged and without image files": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1,1_IM-0001-3001.dcm.png,Oblique"], "'projection': expected Frontal or Lateral; .* row 1"),
        (["1,a.png,Lateral", "1,a.png,Frontal"], "one projection for each file; row 2"),
        (["1,a.png"], "expected 3 columns"),
    ],
)
def test_a_wrong_table_of_projections_is_refused(openi, lines, message):
    project(openi, *lines)
    with pytest.raises(SourceError, match=f"indiana_projections.csv: .*{message}"):
        open_i(openi).check()


@pytest.mark.parametrize(
    ("folder", "name"),
    [("images", "{id}.png"), ("images/images_normalized", "{key}.dcm.png"), ("", "{id}.png"),
     ("NLMCXR_dcm/1", "{key}.dcm"), ("1", "{key}.dcm")],
)  # fmt: skip
def test_other_places_of_the_images(openi, folder, name):
    (openi / "NLMCXR_png").rename(openi.parent / f"{openi.name}-elsewhere")
    with pytest.raises(SourceError, match="expected images in NLMCXR_png/, images/ or NLMCXR_dcm/1/; found ecgen"):
        open_i(openi).check()
    for image, key in FILES.items():
        store(openi / folder / name.format(id=image, key=key), b"")
    source = open_i(openi)
    source.check()
    found = [study.uri for study in source.studies()]
    assert found[:2] == [str(openi / folder / name.format(id=image, key=key)) for image, key in FILES.items()]


def test_dicom_images_that_call_themselves_lateral_are_left_out(openi):
    source = open_i(openi)
    with pytest.raises(LeftOut, match="lateral view"):
        source.annotations(Study("open-i", "train", "1", "1", "x", "x", view="LL"), 10, 10)
    assert source.annotations(Study("open-i", "train", "1", "1", "x", "x", view="PA"), 10, 10).sentences


BOMB = b"""<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "aaaaaaaaaa">%b]><eCitation>&j;</eCitation>""" % b"".join(
    b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
OUTSIDE = (
    b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]><eCitation><AbstractText>&x;</AbstractText></eCitation>'
)
HOSTILE = {
    "billion laughs": (BOMB, "without DTD and entities; found DTDForbidden"),
    "outside entity": (OUTSIDE, "without DTD and entities; found DTDForbidden"),
    "cut in half": (report("CXR1_1_IM-0001-3001", impression="Normal.")[:300], "a whole XML document: no element|unclosed"),
    "empty": (b"", "a whole XML document"),
    "other encoding": (report(impression="D\u00e9j\u00e0 vu.").decode().encode("latin-1"), "a whole XML document: not well-formed"),
    "unknown encoding": (b'<?xml version="1.0" encoding="x-none"?><eCitation/>', "a whole XML document: unknown encoding"),
    "another document": (b"<html/>", "a report, <eCitation>; found <html>"),
    "a path as id": (report("../../etc/x"), "id of a parentImage: expected an identifier"),
    "too large": (b"<eCitation>" + b" " * 2**22 + b"</eCitation>", "at most 4,194,304 bytes"),
    "no XML": (b"\x89PNG\r\n\x1a\n", "a whole XML document"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_report_is_refused(name):
    content, message = HOSTILE[name]
    with pytest.raises(UnusableInput, match=message):
        read_report(content)


def test_utf_16_is_read_as_declared():
    text = report("a", impression="D\u00e9j\u00e0 vu.").decode().replace("utf-8", "utf-16")
    assert read_report(text.encode("utf-16")).sections["IMPRESSION"] == "D\u00e9j\u00e0 vu."


def test_converted_end_to_end(openi, tmp_path_factory):
    output = tmp_path_factory.mktemp("converted") / "shards"
    project(
        openi, *(f"{n},{key}.dcm.png,Frontal" for n, key in [(1, v) for v in FILES.values()] + [(2, "2_IM-0652-1001")])
    )
    (openi / "ecgen-radiology" / "2.xml").write_bytes(BOMB)
    (openi / "NLMCXR_png" / "CXR1_1_IM-0001-3001.png").unlink()
    conversion = Conversion(sources=(("open-i", str(openi)),), output=str(output), image_size=16)
    plan = prepare(conversion)
    counts = [
        convert_shard(index, ShardTask(conversion.sources, conversion.output, 16, plan.hash))
        for index in range(len(plan.shards))
    ]
    assert plan.images.total() == 3 and plan.left_out.total() == 2
    assert (sum(c.rows for c in counts), sum(c.quarantined.total() for c in counts)) == (1, 2)
    quarantine = [row for path in (output / "quarantine").iterdir() for row in pq.read_table(path).to_pylist()]
    assert sorted(f"{row['sample_id']} {row['stage']}: {row['reason']}" for row in quarantine) == [
        "open-i/CXR1_1_IM-0001-3001 read: FileNotFoundError: the file cannot be opened",
        "open-i/CXR2_IM-0652-1001 annotate: the report's .xml: expected XML without DTD and entities; found DTDForbidden",
    ]
    (row,) = samples(conversion.output, plan.shards[0].partition("split=")[2].partition("/")[0])
    assert row.annotations.sentences[:2] == ("The heart is 14.5 cm wide.", "No edema.")
    assert row.study.view == "FRONTAL" and (row.original_height, row.original_width) == (40, 50)


def test_nothing_there(tmp_path):
    with pytest.raises(SourceError, match="ecgen-radiology"):
        open_i(tmp_path).check()
    (tmp_path / "ecgen-radiology").mkdir()
    with pytest.raises(SourceError, match="expected the reports ecgen-radiology/1.xml"):
        open_i(tmp_path).check()


def test_the_real_reports(shared, tmp_path):
    (tmp_path / "ecgen-radiology").symlink_to(shared / "data" / "real" / "openi")
    source = open_i(tmp_path)
    studies = list(source.studies())
    assert len(studies) == 766 and sum(source.left_out().values()) == 14
    assert all(study.image_id.startswith(f"CXR{study.study_id}_") for study in studies)
    splits = {study.study_id: study.split for study in studies}
    assert all(splits[study.study_id] == study.split for study in studies)
    shares = Counter(splits.values())
    assert 0.05 < shares["validate"] / len(splits) < 0.15 and 0.15 < shares["test"] / len(splits) < 0.25
    found = [source.annotations(study, 10, 10) for study in studies]
    assert all(one is not None for one in found)
    assert sum(bool(one.sentences) for one in found) > 0.98 * len(found)


def test_the_small_source_holds_what_its_ids_say(tmp_path):
    from tests.pipelines.small_sources import write_source

    small = write_source("open-i", tmp_path)
    assert [study.image_id for study in open_i(small.root).studies()] == list(IDS)
