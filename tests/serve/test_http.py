"""The served application over real HTTP: uploads, questions, reports and pages."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from chex.records import Query
from pipelines.model_folder import model_folder_exists
from serve.app import build
from serve.arguments import AppArguments
from tests.serve.asking import BOX, ask, is_problem, png, upload


def test_an_upload_is_named_by_its_content(client):
    first, again, other = (upload(client, png(seed)) for seed in (0, 0, 1))
    assert first.status_code == 201
    assert (first.json()["width"], first.json()["height"]) == (80, 96)
    assert first.json() == again.json() and first.json()["image_id"] != other.json()["image_id"]


def test_text_box_and_both_are_answered_as_in_one_process(client, image_id, session):
    queries = [{"text": "pleural effusion"}, {"box": BOX, "name": "here"}, {"text": "nodule", "box": BOX}]
    answered = ask(client, image_id, *queries)
    assert answered.status_code == 200, answered.text
    findings = answered.json()["findings"]
    pixels = np.asarray(Image.open(io.BytesIO(png(0))))
    asked = [Query(text="pleural effusion", name="pleural effusion"), Query(box=tuple(BOX), name="here")]
    asked.append(Query(text="nodule", box=tuple(BOX), name="nodule"))
    for got, expected in zip(findings, session.ask(session.encode([pixels]), [asked])[0], strict=True):
        assert got["sentence"] == expected.sentence and got["sentence"]
        assert got["query"]["name"] == expected.query.name
        assert len(got["boxes"]) == len(expected.boxes)
        for box, truth in zip(got["boxes"], expected.boxes):
            assert box["box"] == pytest.approx(truth.box, abs=1e-5) and box["score"] == pytest.approx(
                truth.score, abs=1e-5
            )
    assert findings[1]["boxes"][0]["box"] == BOX


def test_questions_at_once_get_their_own_answers(client):
    from concurrent.futures import ThreadPoolExecutor

    ids = [upload(client, png(seed)).json()["image_id"] for seed in range(3)]
    questions = [(image, {"text": text}) for image in ids for text in ("edema", "nodule", "mass", "right lung")]
    alone = [ask(client, image, query).json() for image, query in questions]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda question: ask(client, *question).json(), questions))
    for one, other in zip(alone, together):
        assert one["findings"][0]["sentence"] == other["findings"][0]["sentence"]
        assert one["findings"][0]["boxes"][0]["box"] == pytest.approx(other["findings"][0]["boxes"][0]["box"], abs=1e-5)


def test_a_report_as_json_and_as_events(client, image_id, session):
    report = client.post(f"/v1/images/{image_id}/report")
    assert report.status_code == 200, report.text
    report = report.json()
    expected = session.report([np.asarray(Image.open(io.BytesIO(png(0))))])[0]
    assert report["text"] == expected.text and report["text"]
    assert [f["query"]["name"] for f in report["findings"]] == [f.query.name for f in expected.findings]
    assert report["provenance"]["weights_sha256"] == expected.provenance.weights_sha256
    assert report["provenance"]["prompt_set"] == expected.provenance.prompt_set

    events = client.post(f"/v1/images/{image_id}/report", headers={"accept": "text/event-stream"})
    assert events.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in events.text.strip().split("\n\n")]
    kinds = [lines[0].removeprefix("event: ") for lines in events]
    contents = [json.loads(lines[1].removeprefix("data: ")) for lines in events]
    assert kinds[0] == "selected" and kinds[-1] == "report" and set(kinds[1:-1]) == {"finding"}
    assert len(kinds) - 2 == len(contents[0]["findings"]) >= len(report["findings"])
    assert contents[-1] == report


def test_a_report_of_ones_own_prompts(client, image_id):
    prompts = {"prompts": [{"text": "pleural effusion"}, {"box": BOX, "name": "marked"}]}
    report = client.post(f"/v1/images/{image_id}/report", json=prompts).json()
    names = {name for finding in report["findings"] for name in (finding["query"]["name"], *finding["parents"])}
    assert names == {"pleural effusion", "marked"} and report["provenance"]["prompt_set"] == "request"


def test_unknown_and_forgotten_images(client):
    is_problem(ask(client, "0" * 32, {"text": "edema"}), 404, "upload it again")
    is_problem(client.post("/v1/images/nothing/report"), 404, "upload it again")
    is_problem(client.get("/v1/images/..%2f..%2fetc%2fpasswd/pixels"), 404)
    first = upload(client, png(10)).json()["image_id"]
    for seed in range(11, 15):
        upload(client, png(seed))
    is_problem(ask(client, first, {"text": "edema"}), 404, "upload it again")


def test_real_dicom_files(client, shared):
    folder = shared / "data" / "real" / "dicom"

    def result(name):
        return upload(client, (folder / name).read_bytes(), name)

    chest = result("chest_cr_jpeg2000_monochrome1.dcm")
    assert chest.status_code == 201 and any("MONOCHROME1" in note for note in chest.json()["notes"])
    assert ask(client, chest.json()["image_id"], {"text": "cardiac silhouette"}).json()["findings"][0]["boxes"]
    picture = client.get(f"/v1/images/{chest.json()['image_id']}/pixels")
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == (chest.json()["width"], chest.json()["height"])
    is_problem(result("extremity_cr_jpeg2000_monochrome1.dcm"), 422, "EXTREMITY, not CHEST")
    is_problem(result("ct_small_not_a_radiograph.dcm"), 422, "CT")
    is_problem(result("rtplan_no_pixels.dcm"), 422, "no pixel data")


def test_health_description_and_pages(client):
    assert client.get("/healthz").json()["status"] == "ok"
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/images", "/v1/images/{image_id}/queries", "/v1/images/{image_id}/report", "/healthz"} <= set(paths)
    for path in ("/", "/docs"):
        page = client.get(path)
        assert (
            page.headers["content-type"].startswith("text/html")
            and "default-src 'self'" in page.headers["content-security-policy"]
        )
        assert "http://" not in page.text and "https://" not in page.text
    assert "not a medical device" in client.get("/").text
    for name in ("base.css", "viewer.js", "exports/menu.js", "icons.svg", "docs.js"):
        assert client.get(f"/viewer/{name}").status_code == 200
    is_problem(client.get("/viewer/..%2fapp.py"), 404)
    is_problem(client.get("/nothing-here"), 404)
    is_problem(client.get("/v1/images"), 405)


def test_without_a_model_it_is_the_one_that_comes_along():
    assert AppArguments().model == "phantom" and model_folder_exists(AppArguments().model)


@pytest.mark.parametrize("wrong", [{"model": "/nowhere"}, {"model": ".", "modle": "x"}, {"device": "tpu"}])
def test_impossible_arguments_are_refused_before_anything_starts(wrong, model_dir):
    with pytest.raises(ValueError, match="model|modle|device"):
        AppArguments(**({"model": str(model_dir)} | wrong))


def test_the_builder_is_typed_for_the_command_line():
    """`serve run serve.app:build model=DIR` only checks what it can read from the annotation."""
    import inspect

    assert next(iter(inspect.signature(build).parameters.values())).annotation is AppArguments
