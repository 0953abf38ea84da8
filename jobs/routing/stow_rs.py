"""Delivery to a DICOMweb service by STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

import io

import pydicom

from jobs.dicomweb import RequestRefused, asked, client_of
from jobs.routing.destination import Away, NotNow, Rejected, judge
from pipelines.stores import StoreUnreachable


class StowRs:
    def __init__(self, url: str) -> None:
        self._client = client_of(url.rstrip("/"))

    def send(self, report: bytes) -> None:
        dataset = pydicom.dcmread(io.BytesIO(report))
        try:
            answer = asked(lambda: self._client.store_instances([dataset]))
        except (ConnectionError, FileNotFoundError, StoreUnreachable) as error:
            raise Away(str(error)) from None
        except RequestRefused as error:
            answer = _told(error)
        for failed in answer.get("FailedSOPSequence", []):
            judge(failed.get("FailureReason", 0xC000))

    def close(self) -> None:
        """Nothing: what is open is used again."""


def _told(error: RequestRefused) -> pydicom.Dataset:
    """What a refusal says of the instance, which may be no failure at all: that it is there already."""
    try:
        answer = pydicom.Dataset.from_json(error.answer.json())
    except Exception:  # noqa: BLE001  an answer of any kind, or none
        answer = pydicom.Dataset()
    if "FailedSOPSequence" not in answer:
        fails_itself = error.answer is not None and error.answer.status_code >= 500
        raise (NotNow if fails_itself else Rejected)(str(error))
    return answer
