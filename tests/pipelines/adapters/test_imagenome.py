"""Chest ImaGenome's scene graphs: which boxes, sentences and labels come of them, and which images do not."""

from __future__ import annotations

import json
import math
import zipfile

import pytest

from chex.records import Study
from chex.vocabulary import load
from pipelines.adapters import LeftOut, SourceError, UnusableInput, open_source

GOLD = "subject_id,study_id,dicom_id,path,ViewPosition\n10000001,50000001,gold,files/x.dcm,PA\n"
HEIGHT, WIDTH = 2000, 1000
FIVE = {
    "right lung": (100, 200, 450, 1500),
    "left lung": (550, 200, 900, 1500),
    "cardiac silhouette": (400, 900, 800, 1400),
    "spine": (450, 0, 550, 2000),
    "carina": (470, 700, 530, 800),
}


def entry(name, box):
    corners = dict(zip(("original_x1", "original_y1", "original_x2", "original_y2"), box, strict=True))
    sides = {"original_width": box[2] - box[0], "original_height": box[3] - box[1]}
    return {"object_id": f"i_{name}", "bbox_name": name, "name": name.title(), "synsets": []} | corners | sides


def graph(boxes=None, attributes=(), viewpoint="PA", **changes):
    boxes = list((FIVE if boxes is None else boxes).items()) if not isinstance(boxes, list) else boxes
    known = {"image_id": "i", "viewpoint": viewpoint, "patient_id": 10000032, "study_id": 50414267}
    return known | {"objects": [entry(*box) for box in boxes], "attributes": list(attributes)} | changes


def statement(region, **phrases):
    return {
        "bbox_name": region,
        "phrases": [phrase for phrase, _ in phrases.values()],
        "attributes": [found for _, found in phrases.values()],
    }


@pytest.fixture
def read(tmp_path):
    """Writes one scene graph and returns what the source says about its image."""
    folder = tmp_path / "silver_dataset/scene_graph"
    folder.mkdir(parents=True)
    (tmp_path / "silver_dataset/splits").mkdir()
    (tmp_path / "silver_dataset/splits/images_to_avoid.csv").write_text(GOLD, encoding="utf-8-sig")

    def annotations(content, image="i", split="train"):
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{image}_SceneGraph.json").write_text(text)
        source = open_source("chest-imagenome", str(tmp_path))
        source.check()
        return source.annotations(study(image, split), HEIGHT, WIDTH)

    return annotations


def study(image="i", split="train"):
    return Study("mimic-cxr", split, "10000032", "50414267", image, "x")


def test_boxes_sentences_and_labels(read):
    spoken = statement(
        "right lung",
        first=(
            " 1.  FINDINGS:  there is a  right\n effusion. ",
            ["anatomicalfinding|yes|pleural effusion", "nlp|yes|abnormal", "anatomicalfinding|no|pneumothorax"],
        ),
        again=("There is a right effusion.", ["anatomicalfinding|yes|pleural effusion"]),
        disease=("Pneumonia or emphysema.", ["disease|yes|pneumonia", "disease|yes|copd/emphysema"]),
        other=("Tube.", ["tubesandlines|yes|picc", "anatomicalfinding|yes|never heard of"]),
    )
    silent = statement("spine")
    regions = {region.region: region for region in read(graph(attributes=[spoken, silent])).anatomy}
    assert list(regions) == [name for name in load().regions if name in FIVE]
    assert regions["right lung"].box == (0.1, 0.1, 0.45, 0.75)
    assert regions["right lung"].sentences == ("There is a right effusion.", "Pneumonia or emphysema.")
    assert regions["right lung"].labels_present == ("cig/pleural effusion", "cig/pneumonia", "cig/copd/emphysema")
    assert regions["right lung"].labelled
    for name in ("spine", "left lung"):
        assert not regions[name].labelled and not regions[name].sentences and not regions[name].labels_present


def test_a_region_that_is_said_to_be_clear_is_labelled(read):
    clear = statement("left lung", only=("Left lung is clear.", ["anatomicalfinding|no|lung opacity"]))
    regions = {region.region: region for region in read(graph(attributes=[clear])).anatomy}
    assert regions["left lung"].labelled and regions["left lung"].labels_present == ()


def test_boxes_are_clipped_joined_and_dropped(read):
    boxes = [
        *FIVE.items(),
        ("right lung", (50, 300, 300, 1600)),
        ("abdomen", (-50, 1500, 1200, 2500)),
        ("trachea", (600, 10, 600, 90)),
        ("svc", (1100, 10, 1200, 90)),
        ("aortic arch", (500, 300, 400, 500)),
        ("left arm", (0, 0, 10, 10)),
    ]
    regions = {region.region: region.box for region in read(graph(boxes)).anatomy}
    assert regions["right lung"] == (0.05, 0.1, 0.45, 0.8)
    assert regions["abdomen"] == (0.0, 0.75, 1.0, 1.0)
    assert set(regions) == {*FIVE, "abdomen"}


def test_too_few_valid_boxes(read):
    four = dict(list(FIVE.items())[:4])
    with pytest.raises(LeftOut, match="fewer than 5"):
        read(graph(four))
    with pytest.raises(LeftOut, match="fewer than 5"):
        read(graph(four | {"carina": (10, 10, 10, 20)}))


@pytest.mark.parametrize(("viewpoint", "named"), [("LATERAL", "LATERAL"), ("", "not given"), (None, "not given")])
def test_other_views(read, viewpoint, named):
    with pytest.raises(LeftOut, match=named):
        read(graph(viewpoint=viewpoint))


def test_gold_images_never_train(read):
    with pytest.raises(LeftOut, match="gold"):
        read(graph(), image="gold")
    assert len(read(graph(), image="gold", split="test").anatomy) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "_SceneGraph.json"),
        ("[]", "_SceneGraph.json"),
        (json.dumps({"viewpoint": "PA"}), "key 'objects' is missing"),
        (json.dumps(graph() | {"attributes": [statement("spine", one=("A b.", ["no bars"]))]}), "_SceneGraph.json"),
        (json.dumps(graph() | {"objects": [{"bbox_name": "spine"}]}), "original_x1"),
        (json.dumps(graph({"spine": (10, 10, math.nan, 20)})), "_SceneGraph.json: a box needs four finite numbers"),
        (json.dumps(graph({"spine": (10, 10, math.inf, 20)})), "_SceneGraph.json: a box needs four finite numbers"),
    ],
)  # fmt: skip
def test_broken_scene_graphs_say_where(read, content, message):
    with pytest.raises(UnusableInput, match=message) as caught:
        read(content)
    assert caught.value.stage == "annotate"


def test_an_image_without_a_scene_graph(read, tmp_path):
    read(graph())
    assert open_source("chest-imagenome", str(tmp_path)).annotations(study("elsewhere"), HEIGHT, WIDTH) is None


def test_still_in_the_archive(tmp_path):
    (tmp_path / "silver_dataset/splits").mkdir(parents=True)
    (tmp_path / "silver_dataset/splits/images_to_avoid.csv").write_text(GOLD)
    with zipfile.ZipFile(tmp_path / "silver_dataset/scene_graph.zip", "w") as archive:
        archive.writestr("scene_graph/i_SceneGraph.json", json.dumps(graph()))
    source = open_source("chest-imagenome", str(tmp_path))
    source.check()
    assert len(source.annotations(study(), HEIGHT, WIDTH).anatomy) == 5
    assert source.annotations(study("unknown"), HEIGHT, WIDTH) is None


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"scene_graph\.zip"):
        open_source("chest-imagenome", str(tmp_path)).check()
    (tmp_path / "silver_dataset/scene_graph").mkdir(parents=True)
    (tmp_path / "silver_dataset/scene_graph/i_SceneGraph.json").write_text("{}")
    with pytest.raises(SourceError, match=r"images_to_avoid\.csv"):
        open_source("chest-imagenome", str(tmp_path)).check()


def test_boxes_and_labels_are_those_of_the_recorded_conversion(shared, read):
    """The authors' conversion of made-up scene graphs, where it keeps the image."""
    recorded = json.loads((shared / "parity/dev/pyfuncs.json").read_text(encoding="utf-8"))["cig"]
    sizes = {row["dicom_id"]: (row["H"], row["W"]) for row in recorded["mimic_meta"]}
    graphs = {content["image_id"]: content for content in recorded["scene_graphs"]}
    compared = 0
    for row in recorded["merged_rows"]:
        image = row["dicom_id"]
        height, width = sizes[image]
        source_says = read_at(read, graphs[image], image, height, width)
        found = {region.region: region for region in source_says.anatomy}
        boxes = {
            name.split("/", 1)[1]: json.loads(box) for name, box in row.items() if name.startswith("anatbbox/") and box
        }
        assert set(found) == set(boxes)
        for name, (x_min, y_min, x_max, y_max) in boxes.items():
            expected = (x_min / width, y_min / height, x_max / width, y_max / height)
            assert found[name].box == pytest.approx(expected, abs=1e-9)
            present = {
                label for label in load().labels_of("cig")
                for group in ("af", "disease")
                if row.get(f"anatcls/cig/{group}/{label.removeprefix('cig/')}/{name}") == 1.0
            }  # fmt: skip
            assert set(found[name].labels_present) == present
            compared += 1
    assert compared > 20


def read_at(read, content, image, height, width):
    """`read` at another size: the boxes are relative, so the corners may be scaled instead."""
    scaled = json.loads(json.dumps(content))
    for box in scaled["objects"]:
        for axis, size, side in (("x", WIDTH, width), ("y", HEIGHT, height)):
            for corner in (f"original_{axis}1", f"original_{axis}2"):
                box[corner] *= size / side
    return read(scaled, image=image)
