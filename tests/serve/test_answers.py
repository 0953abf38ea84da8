"""What the routes answer, in one process: kinds of queries, labels, prompt sets, images that come along."""

from __future__ import annotations

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image

from chex.records import Query
from serve.answer_schemas import BatchOut
from tests.serve.asking import BOX, is_problem, png
from tests.serve.one_process import OneProcess


def on(model, conversation, **limits):
    async def main():
        async with OneProcess(model, **limits) as server:
            await conversation(server)

    asyncio.run(main())


async def uploaded(server, seed: int = 0) -> str:
    answer = await server.client.post("/v1/images", files={"file": ("image", png(seed))})
    assert answer.status_code == 201, answer.text
    return answer.json()["image_id"]


async def asked(server, image_id: str, *queries, headers=None, **more):
    body = {"queries": list(queries)} | more
    return await server.client.post(f"/v1/images/{image_id}/queries", json=body, headers=headers)


def test_labels_are_told_per_request_and_per_query(model_dir, session):
    async def conversation(server):
        queries = [{"text": "pleural effusion"}, {"box": BOX, "labels": ["chexpert/Edema"]}, {"box": BOX}]
        answer = await asked(server, await uploaded(server), *queries, labels=["pneumothorax", "nodule"])
        found = [finding["probabilities"] for finding in answer.json()["findings"]]
        assert [set(one) for one in found] == [
            {"pleural_effusion", "pneumothorax", "nodule"}, {"chexpert/Edema"}, {"pneumothorax", "nodule"},
        ]  # fmt: skip
        features = session.encode([np.asarray(Image.open(io.BytesIO(png(0))))])
        asking = [Query(box=tuple(BOX))]
        for labels, one in ((["chexpert/Edema"], found[1]), (["pneumothorax", "nodule"], found[2])):
            expected = dict(session.ask(features, [asking], labels)[0][0].probabilities)
            assert one == pytest.approx(expected, abs=1e-5)

    on(model_dir, conversation)


def test_boxes_in_pixels_of_the_original(model_dir):
    async def conversation(server):
        answer = await asked(server, await uploaded(server), {"text": "nodule"}, {"box": BOX})
        boxes = [box for finding in answer.json()["findings"] for box in finding["boxes"]]
        for box in boxes:
            x_min, y_min, x_max, y_max = box["box"]
            assert box["box_px"] == pytest.approx((80 * x_min, 96 * y_min, 80 * x_max, 96 * y_max))

    on(model_dir, conversation)


def test_without_sentences_it_is_the_same_but_for_them(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        queries = [{"text": "There is a large right pleural effusion."}, {"text": "mass", "box": BOX}]
        full, quick = [
            (await asked(server, image_id, *queries, sentences=sentences)).json()["findings"]
            for sentences in (True, False)
        ]
        assert all(finding["sentence"] for finding in full)
        assert quick == [finding | {"sentence": None, "present": None} for finding in full]

    on(model_dir, conversation)


@pytest.mark.parametrize("place", ["labels.1", "queries.0.labels.1"])
def test_an_unknown_label_is_told_with_the_known_ones(model_dir, place):
    async def conversation(server):
        labels = ["edema", "oedemata"]
        query, more = (
            ({"box": BOX}, {"labels": labels}) if place == "labels.1" else ({"box": BOX, "labels": labels}, {})
        )
        refused = await asked(server, await uploaded(server), query, **more)
        is_problem(refused, 422, place, "pleural_effusion", "pneumothorax")

    on(model_dir, conversation)


def test_labels_of_a_report_s_own_prompts(model_dir):
    async def conversation(server):
        path = f"/v1/images/{await uploaded(server)}/report"
        prompts = [{"text": "pleural effusion", "labels": ["pneumothorax"]}]
        (found,) = (await server.client.post(path, json={"prompts": prompts})).json()["findings"]
        assert set(found["probabilities"]) == {"pleural_effusion", "pneumothorax"}
        prompts[0]["labels"] = ["a unicorn"]
        is_problem(await server.client.post(path, json={"prompts": prompts}), 422, "prompts.0.labels.0", "pneumothorax")

    on(model_dir, conversation)


def test_named_prompt_sets(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        known = (await server.client.get("/v1/vocabulary")).json()["prompt_sets"]
        assert {"chexpert-and-anatomy", "anatomy", "chexpert", "vindr"} <= set(known)
        report = await server.client.post(f"/v1/images/{image_id}/report", json={"prompt_set": "chexpert"})
        names = {name for one in report.json()["findings"] for name in (one["query"]["name"], *one["parents"])}
        assert names and names <= set(known["chexpert"])
        assert report.json()["provenance"]["prompt_set"] == "chexpert"
        for wrong, words in (
            ({"prompt_set": "all"}, "chexpert-and-anatomy"),
            ({"prompt_set": "chexpert", "prompts": [{"text": "edema"}]}, "only one"),
        ):
            is_problem(await server.client.post(f"/v1/images/{image_id}/report", json=wrong), 422, words)

    on(model_dir, conversation)


def test_an_image_that_comes_along_is_answered_and_not_kept(model_dir):
    async def conversation(server):
        question = {"queries": [{"text": "edema"}, {"box": BOX}], "labels": ["edema"]}
        files, form = {"file": ("image", png(3))}, {"request": json.dumps(question)}
        answer = await server.client.post("/v1/queries", files=files, data=form)
        report = await server.client.post("/v1/report", files=files)
        assert not len(server.detector._features)
        image = answer.json()["image"]
        assert image == report.json()["image"] and image["expires_in_s"] == 0
        is_problem(await asked(server, image["image_id"], {"text": "edema"}), 404, "upload it again")
        image_id = await uploaded(server, 3)
        assert image_id == image["image_id"]
        kept = await server.client.post(f"/v1/images/{image_id}/queries", json=question)
        assert kept.json()["findings"] == answer.json()["findings"]
        kept = await server.client.post(f"/v1/images/{image_id}/report")
        assert kept.json() == {name: value for name, value in report.json().items() if name != "image"}

        for wrong, words in (
            ('{"queries": []}', "request.queries"),
            ("{", "request"),
            ('{"queries": [{}]}', "queries.0"),
        ):
            is_problem(await server.client.post("/v1/queries", files=files, data={"request": wrong}), 422, words)
        is_problem(await server.client.post("/v1/queries", data=form), 422, "file")

    on(model_dir, conversation)


def test_several_images_each_with_an_answer_or_a_problem(model_dir):
    async def conversation(server):
        files = [("files", ("a", png(0))), ("files", ("b", b"no image")), ("files", ("c", png(1)))]
        form = {"request": json.dumps({"queries": [{"text": "edema"}]})}
        for path, content in (("queries", "findings"), ("reports", "text")):
            answer = await server.client.post(f"/v1/batch/{path}", files=files, data=form if path == "queries" else {})
            first, second, third = answer.json()["images"]
            assert first[content] and third[content] and first["image"]["image_id"] != third["image"]["image_id"]
            assert second["problem"]["status"] == 422 and "not a usable radiograph" in second["problem"]["detail"]
            assert second.keys() == {"problem"} and "problem" not in first
            known = BatchOut.model_validate_json(answer.content).images
            assert known[0].image.view is None and known[0].findings[0].sentence and known[1].problem.status == 422
        image_id = await uploaded(server)
        (alone,) = (await asked(server, image_id, {"text": "edema"})).json()["findings"]
        answer = await server.client.post("/v1/batch/queries", files=files, data=form)
        assert answer.json()["images"][0]["findings"][0]["sentence"] == alone["sentence"]
        most = [("files", ("a", png(0))) for _ in range(32)]
        answer = await server.client.post("/v1/batch/queries", files=most, data=form)
        assert all("findings" in one for one in answer.json()["images"])
        many = [("files", ("a", b"")) for _ in range(33)]
        is_problem(await server.client.post("/v1/batch/queries", files=many, data=form), 422, "at most 32")

    on(model_dir, conversation, most_waiting=32)


def test_dicom_as_a_body(model_dir, shared):
    async def conversation(server):
        data = (shared / "data/real/dicom/chest_cr_jpeg2000_monochrome1.dcm").read_bytes()
        as_body = await server.client.post("/v1/images", content=data, headers={"content-type": "application/dicom"})
        as_form = await server.client.post("/v1/images", files={"file": ("a.dcm", data)})
        assert as_body.status_code == 201 and as_body.json() == as_form.json()
        is_problem(await server.client.post("/v1/images", headers={"content-type": "application/dicom"}), 422, "empty")

    on(model_dir, conversation)


def test_every_body_has_an_example_in_the_description(model_dir):
    async def conversation(server):
        description = (await server.client.get("/openapi.json")).json()
        schemas = description["components"]["schemas"]
        for path, methods in description["paths"].items():
            for kind, content in methods.get("post", {}).get("requestBody", {}).get("content", {}).items():
                if kind == "application/dicom":
                    continue
                (name,) = [
                    part["$ref"] for part in (content["schema"], *content["schema"].get("anyOf", ())) if "$ref" in part
                ]
                schema = schemas[name.rpartition("/")[2]]
                fields = schema["properties"].values() if kind == "multipart/form-data" else ()
                has_files = all(
                    "binary" in json.dumps(field) or "contentMediaType" in json.dumps(field) or field.get("examples")
                    for field in fields
                )
                assert schema.get("examples") or (fields and has_files), f"{path} {kind}"

    on(model_dir, conversation)


def test_an_export_of_the_report_and_of_edited_findings(model_dir, shared):
    async def conversation(server):
        data = (shared / "data/real/dicom/chest_cr_jpeg2000_monochrome1.dcm").read_bytes()
        image_id = (await server.client.post("/v1/images", files={"file": ("a.dcm", data)})).json()["image_id"]
        known = (await server.client.get("/v1/vocabulary")).json()["export_formats"]
        path = f"/v1/images/{image_id}/export"
        file = await server.client.post(path, json={"format": "overlays"})
        assert "overlays" in known and file.headers["content-type"] == "image/png"
        assert file.headers["content-disposition"] == f'attachment; filename="report-{image_id[:8]}.png"'
        assert Image.open(io.BytesIO(file.content)).format == "PNG"

        report = (await server.client.post(f"/v1/images/{image_id}/report")).json()
        same = await server.client.post(path, json={"format": "overlays", "findings": report["findings"]})
        assert same.status_code == 200, same.text
        edited = {"sentence": "A nodule in the left upper lobe.", "boxes": [{"box": [0.6, 0.2, 0.7, 0.3]}]}
        other = await server.client.post(path, json={"format": "overlays", "findings": [edited]})
        assert other.status_code == 200 and len({file.content, same.content, other.content}) >= 2

        is_problem(await server.client.post(path, json={"format": "exe"}), 422, "overlays")
        for wrong in ({"sentence": " "}, {"boxes": []}, edited | {"boxes": [{"box": [0.7, 0.2, 0.6, 0.3]}]}):
            is_problem(
                await server.client.post(path, json={"format": "overlays", "findings": [wrong]}), 422, "findings.0"
            )
        for query in ({"box": [0.5] * 4}, {"box": [0.6, 0.2, 0.7, 0.1]}, {"name": "x" * 301}):
            odd = {"format": "text", "findings": [edited | {"query": query}]}
            is_problem(await server.client.post(path, json=odd), 422, "findings.0.query")
        for query in ({"text": "  "}, {"name": " "}, {}):  # which is to say nothing
            odd = {"format": "text", "findings": [edited | {"query": query}]}
            assert (await server.client.post(path, json=odd)).status_code == 200
        is_problem(await server.client.post("/v1/images/none/export", json={"format": "overlays"}), 404)

    on(model_dir, conversation)


def test_a_phrase_is_exported_as_it_was_answered(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        phrase = "There is a small left pleural effusion with atelectasis of the adjacent lung, " * 3
        (finding,) = (await asked(server, image_id, {"text": phrase})).json()["findings"]
        assert len(finding["query"]["name"]) > 200
        body = {"format": "text", "findings": [finding]}
        assert (await server.client.post(f"/v1/images/{image_id}/export", json=body)).status_code == 200

    on(model_dir, conversation)


def test_an_export_names_the_model_that_wrote_the_report(model_dir):
    async def conversation(server):
        image_id = await uploaded(server)
        path = f"/v1/images/{image_id}/export"
        report = (await server.client.post(f"/v1/images/{image_id}/report", json={"prompt_set": "chexpert"})).json()
        made, findings = report["provenance"], report["findings"]
        server.generator._reports.model.provenance["weights_sha256"] = "b" * 64  # another model is served by now

        async def exported(**more) -> str:
            answer = await server.client.post(path, json={"format": "text", "findings": findings} | more)
            assert answer.status_code == 200, answer.text
            return answer.text

        as_written, edited = await exported(provenance=made, edited=False), await exported(provenance=made)
        assert made["weights_sha256"][:12] in as_written and "prompts: chexpert" in as_written
        assert made["weights_sha256"][:12] in edited and "prompts: chexpert, edited by the reader" in edited
        assert "edited" not in as_written and "b" * 12 in await exported()
        for wrong, words in (({"input_sha256": "0" * 64}, "another image"), ({"model_name": "a\\b"}, "model_name")):
            body = {"format": "text", "findings": findings, "provenance": made | wrong}
            is_problem(await server.client.post(path, json=body), 422, words)

    on(model_dir, conversation)
