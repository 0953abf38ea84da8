"""The MIMIC-side files of phantoms, read back with other readers than the project's: Pillow, csv, gzip, json."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chex.vocabulary import load
from pipelines.phantoms import write_imagenome, write_mimic, write_mscxr
from pipelines.phantoms.grey_levels import display_window, windowed
from pipelines.phantoms.planned import plan_studies
from pipelines.phantoms.reports import write_report
from pipelines.phantoms.scene_graph import scene_graph
from pipelines.phantoms.studies import render_study
from pipelines.phantoms.tables import write_table
from tests.pipelines.phantoms.handmade import REGIONS, any_phantom, phantom, place

MIMIC = next(study for study in plan_studies(30, 1) if study.dataset == "mimic-cxr-jpg")
EFFUSION = place("pleural effusion", "right", "lower", "moderate")


def smooth(image):
    """The same phantom with pixels that a JPEG keeps well."""
    rows, columns = np.mgrid[: image.pixels.shape[0], : image.pixels.shape[1]]
    return dataclasses.replace(image, pixels=(600 + 20 * rows + 8 * columns).astype(np.uint16))


def test_plan_shares_splits_and_identifiers():
    plan = plan_studies(900, 5)
    mimic = [study for study in plan if study.dataset == "mimic-cxr-jpg"]
    assert (len(mimic), len(plan)) == (600, 900)
    shares = Counter(study.split for study in mimic)
    assert shares["test"] == pytest.approx(72, abs=3) and shares["validate"] == pytest.approx(48, abs=3)
    assert Counter(study.split for study in plan if study.dataset == "vindr-cxr") == {"train": 225, "test": 75}
    for identity in ("image_id", "seed"):
        assert len({getattr(study, identity) for study in plan}) == 900
    assert len({study.study_id for study in mimic}) == 600
    splits, studies = defaultdict(set), Counter()
    for study in mimic:
        splits[study.patient_id].add((study.split, study.gold, study.patient_seed))
        studies[study.patient_id] += 1
        assert study.order == studies[study.patient_id] <= 3
    assert all(len(of_patient) == 1 for of_patient in splits.values())
    assert any(study.gold for study in mimic) and all(study.split == "test" for study in mimic if study.gold)
    assert all(study.split != "train" for study in mimic if study.grounded)
    assert plan == plan_studies(900, 5) != plan_studies(900, 6)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_small_plans_are_complete(count):
    assert len(plan_studies(count, 0)) == count


def test_no_studies_are_refused():
    with pytest.raises(ValueError, match="at least 1; found 0"):
        plan_studies(0, 1)


def test_a_patient_keeps_sex_and_age():
    by_patient = defaultdict(list)
    for study in plan_studies(40, 2):
        by_patient[study.patient_id].append(study)
    studies = next(of_patient for of_patient in by_patient.values() if len(of_patient) > 1)
    images = [render_study(study, 64) for study in studies]
    assert len({(image.sex, image.age) for image in images}) == 1
    assert not np.array_equal(images[0].pixels, images[1].pixels)


def test_mimic_files_and_rows(tmp_path):
    image = smooth(phantom(EFFUSION, view="AP"))
    report = write_report(image, 1)
    rows = write_mimic.write_mimic(tmp_path, MIMIC, image, report)
    stem = f"p{MIMIC.patient_id[:2]}/p{MIMIC.patient_id}/s{MIMIC.study_id}"
    written = Image.open(tmp_path / "mimic-cxr-jpg" / "files" / stem / f"{MIMIC.image_id}.jpg")
    assert (written.mode, written.size) == ("L", (80, 96))
    expected = windowed(image.pixels, *display_window(image.pixels)).astype(int)
    assert np.abs(np.asarray(written).astype(int) - expected).mean() < 2
    assert (tmp_path / "mimic-cxr-reports" / "files" / f"{stem}.txt").read_text() == report.text
    by_table = {Path(name).name: rows[name][0] for name in rows}
    metadata = by_table["mimic-cxr-2.0.0-metadata.csv.gz"]
    assert (metadata["ViewPosition"], metadata["Rows"], metadata["Columns"]) == ("AP", 96, 80)
    assert by_table["mimic-cxr-2.0.0-split.csv.gz"]["split"] == MIMIC.split
    labels = by_table["mimic-cxr-2.0.0-chexpert.csv.gz"]
    assert labels["Pleural Effusion"] in ("1.0", "-1.0") and "Cardiomegaly" not in {
        k for k, v in labels.items() if v == "1.0"
    }
    for name, columns in write_mimic.tables().items():
        assert set(rows[name][0]) <= set(columns)


def test_scene_graph_matches_boxes_and_report():
    image = phantom(EFFUSION, place("support device", device="endotracheal tube"), size=(100, 200))
    report = write_report(image, 4)
    graph = json.loads(json.dumps(scene_graph(image, report, MIMIC)))
    assert {entry["bbox_name"] for entry in graph["objects"]} == set(load().regions) == set(REGIONS)
    for entry in graph["objects"]:
        box = REGIONS[entry["bbox_name"]]
        assert [entry[f"original_{c}"] for c in ("x1", "y1", "x2", "y2")] == [
            round(box[0] * 200), round(box[1] * 100), round(box[2] * 200), round(box[3] * 100)]  # fmt: skip
        # 200 pixels across become 224, and 56 rows of padding lie above the image
        assert entry["x1"] == pytest.approx(box[0] * 224, abs=1.1) and entry["y1"] == pytest.approx(
            56 + box[1] * 112, abs=1.1
        )
        assert entry["width"] == entry["x2"] - entry["x1"] and 0 <= entry["y2"] <= 224
    for entry in graph["attributes"]:
        counts = {len(entry[key]) for key in ("attributes", "phrases", "phrase_IDs", "sections", "severity_cues")}
        assert counts == {len(entry["phrases"])} and entry[entry["bbox_name"]] is True
        assert all(phrase in report.text for phrase in entry["phrases"])
    angle = next(e for e in graph["attributes"] if e["bbox_name"] == "right costophrenic angle")
    stated = {statement for phrase in angle["attributes"] for statement in phrase}
    assert {"anatomicalfinding|yes|pleural effusion", "nlp|yes|abnormal"} <= stated
    tube = next(e for e in graph["attributes"] if e["bbox_name"] == "carina")
    assert "tubesandlines|yes|endotracheal tube" in {statement for phrase in tube["attributes"] for statement in phrase}


def test_scene_graph_names_are_of_the_vocabulary():
    known = {label.partition("/")[2] for label in load().labels_of("cig")}
    categories = defaultdict(set)
    for seed in range(60):
        image = any_phantom(seed)
        for entry in scene_graph(image, write_report(image, seed), MIMIC)["attributes"]:
            for phrase in entry["attributes"]:
                for category, relation, name in (statement.split("|", 2) for statement in phrase):
                    assert relation in ("yes", "no")
                    categories[category].add(name)
    assert categories["nlp"] == {"normal", "abnormal"}
    assert categories["anatomicalfinding"] | categories["disease"] <= known
    assert (
        categories["disease"] >= {"pneumonia", "copd/emphysema"} and "pneumonia" not in categories["anatomicalfinding"]
    )
    assert set(categories) == {"anatomicalfinding", "disease", "nlp", "tubesandlines", "device"}


def test_gold_images_are_listed_to_be_avoided(tmp_path):
    gold = dataclasses.replace(MIMIC, gold=True, split="test")
    image = phantom()
    rows = write_imagenome.write_imagenome(tmp_path, gold, image, write_report(image, 0))
    assert [Path(name).stem for name in rows] == ["test", "images_to_avoid"]
    assert next(iter(rows.values()))[0]["path"].endswith(f"s{gold.study_id}/{gold.image_id}.dcm")
    assert (tmp_path / f"chest-imagenome/silver_dataset/scene_graph/{gold.image_id}_SceneGraph.json").is_file()


def test_grounded_phrases_carry_their_finding_s_boxes():
    both = place("consolidation", "bilateral", "lower", "severe")
    image = phantom(both, place("nodule", "left", "upper"), size=(200, 100))
    rows = write_mscxr.grounded_rows(MIMIC, image, write_report(image, 3))["ms-cxr/MS_CXR_Local_Alignment_v1.0.0.csv"]
    assert len(rows) == 2 and len({row["label_text"] for row in rows}) == 1  # one phrase, two boxes; nodules are none
    box = REGIONS["right lower lung zone"]
    assert (rows[0]["x"], rows[0]["y"]) == (round(box[0] * 100), round(box[1] * 200))
    assert rows[0]["w"] == round(box[2] * 100) - rows[0]["x"] and rows[0]["image_height"] == 200
    allowed = {label.partition("/")[2] for label in load().labels_of("ms-cxr")}
    assert {row["category_name"] for row in rows} <= allowed


def test_tables_are_the_same_bytes_every_time(tmp_path):
    rows = [{"a": 1}, {"b": "x, y"}]
    for name in ("one.csv.gz", "two.csv.gz"):
        write_table(tmp_path / "new" / name, ("a", "b"), rows)
    one, two = ((tmp_path / "new" / name).read_bytes() for name in ("one.csv.gz", "two.csv.gz"))
    assert one == two
    assert list(csv.DictReader(gzip.decompress(one).decode().splitlines())) == [
        {"a": "1", "b": ""},
        {"a": "", "b": "x, y"},
    ]
    with pytest.raises(ValueError, match="fields not in"):
        write_table(tmp_path / "bad.csv", ("a",), [{"c": 1}])


def test_windows():
    ramp = np.linspace(0, 4095, 1000).round().astype(np.uint16).reshape(20, 50)
    shown = windowed(ramp, *display_window(ramp))
    assert shown.dtype == np.uint8 and shown.min() == 0 and shown.max() == 255
    assert np.all(np.diff(shown.reshape(-1).astype(int)) >= 0)
    flat = np.full((4, 4), 7, np.uint16)
    assert windowed(flat, *display_window(flat)).shape == (4, 4)
    with pytest.raises(ValueError, match="at least 1 wide; found 0"):
        windowed(flat, 1.0, 0.0)
