"""What is tried again, what is one file's own fault, and when a job gives up."""

from __future__ import annotations

import errno

import aiohttp
import botocore.exceptions
import pytest

from pipelines import stores
from pipelines.stores import StoreUnreachable, patiently

PLACE = "s3://bucket/files/p10/p10000032/x.jpg"


@pytest.fixture
def waited(monkeypatch):
    seconds: list[float] = []
    monkeypatch.setattr(stores.time, "sleep", seconds.append)
    return seconds


def failing(*faults: Exception):
    left = list(faults)

    def action() -> str:
        if left:
            raise left.pop(0)
        return "content"

    return action


PASSING = [
    aiohttp.ClientPayloadError("the response ended early"),
    botocore.exceptions.EndpointConnectionError(endpoint_url="http://store/bucket/files/p10/p10000032/x.jpg"),
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    OSError(errno.EBUSY, "Please reduce your request rate."),
    TimeoutError(),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: type(fault).__name__)
def test_what_passes_is_tried_again_and_what_stays_ends_the_job_without_naming_a_patient(fault, waited):
    assert patiently(failing(fault, fault), PLACE) == "content" and waited == [1, 2]
    with pytest.raises(StoreUnreachable, match="^s3://bucket: ") as caught:
        patiently(failing(*[fault] * 4), PLACE)
    assert type(fault).__name__ in str(caught.value) and "p10" not in str(caught.value)
    assert waited == [1, 2, 1, 2, 4]


def refusal(code: str) -> PermissionError:
    fault = PermissionError(errno.EACCES, "refused")
    fault.__cause__ = botocore.exceptions.ClientError({"Error": {"Code": code}}, "GetObject")
    return fault


@pytest.mark.parametrize(
    "fault", [FileNotFoundError(), PermissionError(), refusal("AccessDenied"), IsADirectoryError()]
)
def test_a_file_that_is_missing_or_forbidden_is_so_at_once(fault, waited):
    with pytest.raises(type(fault)):
        patiently(failing(fault), PLACE)
    assert not waited


@pytest.mark.parametrize(
    "fault", [refusal("ExpiredToken"), refusal("InvalidAccessKeyId"), botocore.exceptions.NoCredentialsError()]
)
def test_refused_credentials_are_no_fault_of_the_images(fault, waited):
    with pytest.raises(StoreUnreachable):
        patiently(failing(fault), PLACE)
    assert not waited, "trying again would not help"


def test_a_bad_sector_stays_with_its_file(waited):
    with pytest.raises(OSError, match="Input/output error"):
        patiently(failing(*[OSError(errno.EIO, "Input/output error")] * 4), "/disk/x.jpg")
    assert waited == [1, 2, 4]
