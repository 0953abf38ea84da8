"""Runs that end in the middle, at each of their writes: gone on with, every image has one report, and the same bytes."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from chex.exports import overlay
from jobs.reporting import run as reporting
from jobs.reporting.config import ReportRun
from jobs.reporting.inputs import ImageReader
from jobs.reporting.results import Results
from jobs.reporting.run import write_reports
from pipelines import stores
from pipelines.stores import StoreUnreachable
from tests.jobs.archive import make_archive
from tests.jobs.reporting.in_process import without_ray
from tests.killed_jobs import started
from tests.s3_server import BUCKET, s3_in_use
from tests.talkative import save_talkative

FORMATS = ("parquet", "overlays")
KILLED_AT_A_RENAME = """
import os, signal, sys
from pathlib import Path
import pytest
from tests.jobs.reporting.test_exactly_once import in_this_process, report

rename, left = os.replace, int(sys.argv[1])

def counted(source, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

in_this_process(pytest.MonkeyPatch())
os.replace = counted
report(Path(sys.argv[2]), sys.argv[3])
"""


def in_this_process(patch: pytest.MonkeyPatch) -> None:
    without_ray(patch)
    # drawing them takes most of the time, and is tested elsewhere
    patch.setattr(overlay, "encode", lambda report, source: report.text.encode() + source.pixels.tobytes())


@pytest.fixture(autouse=True)
def in_process(monkeypatch):
    in_this_process(monkeypatch)


@pytest.fixture(scope="module")
def place(tiny_model, tmp_path_factory):
    """A model, a prompt set and an archive."""
    root = tmp_path_factory.mktemp("place")
    save_talkative(tiny_model, root / "model")
    (root / "prompts.json").write_text('{"name": "two", "queries": ["pleural effusion", "nodule"]}')
    (root / "in").mkdir()
    make_archive(root / "in")
    return root


def report(place, output, *, source=None, **options):
    options = {"formats": FORMATS, "batch_size": 2, "rows_per_part": 3} | options
    model, prompts = str(place / "model"), str(place / "prompts.json")
    asked = ReportRun(model=model, prompts=prompts, input=str(source or place / "in"), output=str(output), **options)
    return write_reports(asked, show_progress=False)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        report(place, output)
    return output


def files(output) -> dict[str, bytes]:
    """Every file but the summary, which tells seconds; without the id of the plan, which is another one in each output."""
    found = (path for path in output.rglob("*") if path.is_file() and path.name != "summary.json")
    id = Results(str(output)).plan_id().encode()
    return {str(path.relative_to(output)): path.read_bytes().replace(id, b"") for path in found}


def test_an_end_at_any_write(place, whole, tmp_path, monkeypatch):
    """A file that is renamed is there for good, the others are not there at all: so these are all the places to end."""
    rename, left = os.replace, 0

    def counted(source, target):
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", counted)
    ends = 0
    while True:
        output, left = tmp_path / str(ends), ends + 1
        try:
            report(place, output)
        except KeyboardInterrupt:
            left, ends = -1, ends + 1
        else:
            break
        finished = {path: path.stat().st_mtime_ns for path in output.glob("parquet/*")}
        summary = report(place, output, resume=True)
        assert {path: path.stat().st_mtime_ns for path in finished} == finished, "finished parts are not done again"
        assert files(output) == files(whole)
        assert (summary["images"], summary["reported"]) == (7, 5)
    # result set, plan, summary, 3 × reports, 2 × quarantine, 5 × overlays
    assert ends == 13


def test_a_process_that_is_killed(place, whole, tmp_path):
    """Unlike one that ends, it leaves what it has not finished."""
    job = started(["-c", KILLED_AT_A_RENAME, "7", str(place), str(tmp_path)])
    told = job.communicate()
    assert job.returncode == -signal.SIGKILL, told
    assert set(files(tmp_path)) - set(files(whole)), "killed in the middle of writing a file"
    assert report(place, tmp_path, resume=True)["this_run"]["already_done"] == 3
    assert files(tmp_path) == files(whole)


def test_a_store_that_goes_away_ends_the_run_and_nothing_is_lost(place, whole, tmp_path, monkeypatch):
    read = ImageReader.read

    def away(self, uri):
        if "image3" in uri:
            raise StoreUnreachable("s3://bucket: no answer")
        return read(self, uri)

    with monkeypatch.context() as patch:
        patch.setattr(ImageReader, "read", away)
        with pytest.raises(StoreUnreachable, match="no answer"):
            report(place, tmp_path)
    assert len(list(tmp_path.glob("parquet/*"))) == 1, "that image is in the second part"
    report(place, tmp_path, resume=True)
    assert files(tmp_path) == files(whole)


def test_what_kills_its_reader_again_and_again_is_read_in_processes_of_its_own(place, tmp_path, monkeypatch):
    from ray.exceptions import WorkerCrashedError

    tries = []

    def crashing(numbers, reader, *rest):
        tries.append(reader.isolate)
        if not reader.isolate:
            raise WorkerCrashedError
        return iter(())

    monkeypatch.setattr(reporting, "finished_parts", crashing)
    with pytest.raises(RuntimeError, match="3 parts did not get through: start again with --resume"):
        report(place, tmp_path)
    assert tries == [False, True]


def test_a_damaged_part_is_named(place, whole, tmp_path):
    output = shutil.copytree(whole, tmp_path / "out")
    (output / "parquet" / "part-00000001.parquet").write_bytes(b"half")
    with pytest.raises(ValueError, match="part-00000001.parquet is damaged: remove it"):
        report(place, output, resume=True)
    (output / "parquet" / "part-00000001.parquet").unlink()
    assert report(place, output, resume=True)["this_run"]["images"] == 3
    assert files(output) == files(whole)


def test_from_a_store_to_a_store(place, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "WAITS", (0.05, 0.1))
    with s3_in_use() as server:
        store = server.filesystem
        store.put(f"{place / 'in'}/", f"{BUCKET}/in", recursive=True)
        source, output = f"s3://{BUCKET}/in", f"s3://{BUCKET}/out"
        written, write = [], Results.write

        def broken(self, name, data):
            if len(written) == 6:
                raise KeyboardInterrupt
            written.append(name)
            write(self, name, data)

        with monkeypatch.context() as patch:
            patch.setattr(Results, "write", broken)
            with pytest.raises(KeyboardInterrupt):
                report(place, output, source=source)
        summary = report(place, output, source=source, resume=True)
        assert (summary["images"], summary["reported"], summary["left_alone"]) == (7, 5, {".csv": 1})
        store.get(f"{BUCKET}/out/", str(tmp_path / "got"), recursive=True)
    there, here = files(tmp_path / "got"), files(whole)
    # what is known by its address has another one there
    assert {name for name in there if name.startswith("parquet")} == {
        name for name in here if name.startswith("parquet")
    }
    assert len([name for name in there if name.startswith("overlays")]) == 5
