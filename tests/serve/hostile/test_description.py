"""What the API's description allows and forbids, tried by schemathesis: every answer is one that is described."""

from __future__ import annotations

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve.asking import png, upload
from tests.serve.security.guarded_app import bearer

EXAMPLES = 12  # per operation
# what is valid by its form may still be refused, for what it says: no check of that
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
]


@pytest.fixture(scope="module")
def description(target):
    """With the id of an image that is there as the example of every `image_id`."""
    raw = httpx.get(f"{target.url}/openapi.json").json()
    with target.client() as client:
        image_id = upload(client, png(0, (16, 16))).json()["image_id"]
    for operations in raw["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "image_id":
                    parameter["schema"] |= {"enum": [image_id, "0" * 32, "nothing"]}
    schema = schemathesis.openapi.from_dict(raw)
    schema.config.update(base_url=target.url)
    return schema


def test_every_answer_is_described(description):
    for found in description.get_all_operations():

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=found.ok().as_strategy())
        def ask(case):
            case.call_and_validate(headers=bearer("research"), checks=CHECKS, timeout=60)

        ask()


def test_everything_that_asks_is_tried(description):
    paths = {operation.ok().path for operation in description.get_all_operations()}
    assert {"/v1/images", "/v1/images/{image_id}/queries", "/v1/report", "/v1/batch/queries", "/healthz"} <= paths


def test_the_key_and_its_refusals_are_described(target):
    raw = httpx.get(f"{target.url}/openapi.json").json()
    asking = raw["paths"]["/v1/images/{image_id}/queries"]["post"]
    assert asking["security"] == [{"key": []}] and raw["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert {"400", "401", "403", "404", "422", "429", "503"} <= set(asking["responses"])
    for status, response in asking["responses"].items():
        assert list(response["content"]) == ["application/problem+json" if status >= "400" else "application/json"]
    assert "security" not in raw["paths"]["/healthz"]["get"]
