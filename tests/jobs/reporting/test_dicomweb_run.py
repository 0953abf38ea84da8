"""Reports for what a PACS holds, over DICOMweb: a real Orthanc, also one that goes away in the middle."""

from __future__ import annotations

import json
import urllib.request

import pyarrow.parquet as pq
import pytest
from pydicom import uid

from jobs.reporting.config import ReportRun
from jobs.reporting.inputs import dicomweb
from jobs.reporting.run import write_reports
from pipelines import stores
from pipelines.stores import StoreUnreachable
from tests.jobs.reporting.in_process import without_ray
from tests.jobs.routing.modality import as_bytes, phantom
from tests.orthanc_server import OrthancServer
from tests.talkative import save_talkative

IMAGES = 5


@pytest.fixture
def pacs():
    server = OrthancServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    save_talkative(tiny_model, folder / "model")
    (folder / "prompts.json").write_text('{"name": "two", "queries": ["pleural effusion", "nodule"]}')
    return {"model": str(folder / "model"), "prompts": str(folder / "prompts.json")}


def chest(number: int, **elements):
    return phantom(number, StudyInstanceUID=f"1.2.{number}", SeriesInstanceUID=f"1.2.{number}.1", **elements)


def rows(output, kind: str) -> list[dict]:
    return pq.read_table(output / kind).to_pylist()


def test_a_pacs_that_goes_away_and_an_instance_that_does(pacs, model, tmp_path, monkeypatch):
    without_ray(monkeypatch)
    monkeypatch.setattr(stores, "WAITS", (0.1,))
    kept = [pacs.store(as_bytes(chest(number)))["ID"] for number in range(IMAGES)]
    pacs.store(as_bytes(chest(9, SOPClassUID=uid.CTImageStorage, Modality="CT")))
    fetch, fetched = dicomweb.fetch, []

    def fetch_until_the_pacs_dies(address):
        if len(fetched) == 3:
            pacs.kill()
        fetched.append(address)
        return fetch(address)

    def report(**options):
        asked = ReportRun(
            input=f"dicomweb+{pacs.dicomweb}?BodyPartExamined=CHEST", output=str(tmp_path), rows_per_part=2,
            batch_size=2, **model, **options,
        )  # fmt: skip
        return write_reports(asked, show_progress=False)

    with monkeypatch.context() as patch:
        patch.setattr(dicomweb, "fetch", fetch_until_the_pacs_dies)
        with pytest.raises(StoreUnreachable, match="http://127.0.0.1:"):
            report()
    assert len(rows(tmp_path, "parquet")) == 2, "the second part is not finished"
    with pytest.raises(StoreUnreachable):
        report(resume=True)

    pacs.start()
    monkeypatch.setattr(dicomweb, "list_images", lambda *_: iter(()))  # the plan is made: these images it will be
    gone = fetched[-1].rpartition("/")[2]
    (instance,) = [one for one in kept if _uid_of(pacs, one) == gone]
    urllib.request.urlopen(urllib.request.Request(f"{pacs.uri}/instances/{instance}", method="DELETE")).close()
    report(resume=True)
    done = rows(tmp_path, "parquet")
    assert len(done) == IMAGES - 1 and len({row["sop_instance_uid"] for row in done}) == IMAGES - 1
    assert all(row["status"] == "reported" and row["uri"].startswith("dicomweb+http://") for row in done)
    (missing,) = rows(tmp_path, "quarantine")
    assert missing["uri"].endswith(gone) and missing["reason"] == "the PACS does not have the instance"
    assert json.loads((tmp_path / "summary.json").read_text())["reported"] == IMAGES - 1


def _uid_of(pacs: OrthancServer, instance: str) -> str:
    return pacs.get(f"/instances/{instance}/simplified-tags")["SOPInstanceUID"]
