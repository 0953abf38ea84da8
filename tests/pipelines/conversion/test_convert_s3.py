"""Conversions from one S3 folder into another, against a server process: whole, over a line that breaks, gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.convert import main
from pipelines import stores
from pipelines.output_folder import OutputFolder
from pipelines.shards import list_shards, samples
from tests.s3_server import BUCKET, FaultyLine, s3_in_use

ROOT = Path(__file__).parents[3]
COMMANDS = """
import sys
from jobs.cluster import ray_cluster
from jobs.convert import main
with ray_cluster():
    for line in sys.stdin:
        print(main(line.split()), flush=True)
"""
ARGUMENTS = ["--source", f"vindr-cxr=s3://{BUCKET}/raw", "--image-size", "30", "--rows-per-shard", "4"]


@pytest.fixture(scope="module")
def server(vindr, ray_local):
    """A store that holds the raw folder `vindr`; this process knows it by its environment, which Ray does not have."""
    with s3_in_use() as running:
        running.filesystem.put(str(vindr), f"{BUCKET}/raw", recursive=True)
        yield running


@dataclass
class Job:
    status: int
    log: str


@pytest.fixture(scope="module")
def command(server, ray_local, tmp_path_factory):
    """Runs the command as a user of a cluster does whose own environment, and not the cluster's, names the store.

    One process runs all of them, one after the other: what starting it and its workers takes is paid once. It reaches
    the store over the line that it is given, which begins at the same port every time.
    """
    line = FaultyLine(server.port)
    store = server.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.port}", "AWS_MAX_ATTEMPTS": "1"}
    line.stop()
    log = tmp_path_factory.mktemp("commands") / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMANDS],
            cwd=ROOT,
            env=os.environ | store | {"RAY_ADDRESS": ray_local.get_runtime_context().gcs_address},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def run(output: str, *more: str, **faults: Any) -> tuple[Job, FaultyLine]:
        used = FaultyLine(server.port, port=line.port, **faults)
        before = len(log.read_text())
        process.stdin.write(" ".join([*ARGUMENTS, "--output", f"s3://{BUCKET}/{output}", *more]) + "\n")
        process.stdin.flush()
        status = process.stdout.readline()
        used.stop()
        told = log.read_text()[before:]
        assert status, told
        return Job(int(status), told), used

    yield run
    process.stdin.close()
    process.wait()


@pytest.fixture(scope="module")
def whole(server, command):
    job, _ = command("whole")
    assert job.status == 0, job.log
    return objects(server, "whole")


def objects(server, folder: str) -> dict[str, bytes]:
    found = server.filesystem.find(f"{BUCKET}/{folder}")
    return {path.partition(f"{folder}/")[2]: server.filesystem.cat_file(path) for path in found}


def written(server, folder: str) -> dict[str, object]:
    found = server.filesystem.find(f"{BUCKET}/{folder}", detail=True)
    return {path: entry["LastModified"] for path, entry in found.items() if not path.endswith("manifest.json")}


def test_the_data_are_those_of_a_local_conversion(whole, converted):
    output, manifest = converted
    on_s3 = json.loads(whole["manifest.json"])
    assert sorted(whole) == sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    for name in ("complete", "data_sha256", "inputs", "rows", "quarantined"):
        assert on_s3[name] == manifest[name], name


def test_shards_are_read_from_there(whole, converted):
    uri = f"s3://{BUCKET}/whole"
    assert [path.removeprefix(uri) for path in list_shards(uri)] == [
        path.removeprefix(str(converted[0])) for path in list_shards(str(converted[0]))
    ]
    there, here = (list(samples(root, "train")) for root in (uri, str(converted[0])))
    assert [sample.image for sample in there] == [sample.image for sample in here] and len(here) == 6
    assert there[0].study.uri == f"s3://{BUCKET}/raw/train/i0.dicom"


def test_a_line_that_breaks_changes_nothing(server, command, whole):
    job, line = command("broken-line", cuts=3, after=3_000)
    assert job.status == 0, job.log
    assert objects(server, "broken-line") == whole
    assert min(line.cut.values()) > 0, "cut while reading, and while writing"


def test_a_store_that_was_never_there_is_no_wrong_command(server, monkeypatch, caplog, tmp_path):
    import s3fs

    line = FaultyLine(server.port)
    line.stop()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{line.port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(stores, "WAITS", ())
    s3fs.S3FileSystem.clear_instance_cache()
    status = main(["--source", f"vindr-cxr=s3://{BUCKET}/raw", "--output", str(tmp_path / "shards")])
    s3fs.S3FileSystem.clear_instance_cache()
    assert status == 1 and f"s3://{BUCKET}: EndpointConnectionError" in caplog.text


def test_uploads_that_a_killed_writer_left_are_aborted(server):
    def begin(key: str) -> None:
        server.filesystem.call_s3("create_multipart_upload", Bucket=BUCKET, Key=key)

    begin("half/dataset=a/split=train/part-00000.parquet")
    begin("half-done-by-others/part-00000.parquet")
    OutputFolder(f"s3://{BUCKET}/half").remove_unfinished()
    (left,) = server.filesystem.call_s3("list_multipart_uploads", Bucket=BUCKET)["Uploads"]
    assert left["Key"] == "half-done-by-others/part-00000.parquet"


def test_a_store_that_stays_away_ends_the_job_and_resume_goes_on(server, command, whole):
    job, _ = command("outage", last=b"part-00002.parquet")
    assert job.status == 1
    assert f"convert: s3://{BUCKET}: EndpointConnectionError" in job.log and "--resume goes on" in job.log
    assert "Traceback" not in job.log
    before = written(server, "outage")
    assert 0 < len(before) < len(whole)
    job, _ = command("outage", "--resume")
    assert job.status == 0, job.log
    assert objects(server, "outage") == whole
    after = written(server, "outage")
    assert {path: after[path] for path in before} == before
