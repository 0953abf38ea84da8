"""Clusters that grow with the work and shrink after it, in time lines (`pytest -s` shows them)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.free_ports import free_port
from tests.infra.growing_cluster import TimeLine, growing_cluster
from tests.jobs.archive import make_pictures
from tests.serve.asking import png, upload
from tests.serve.deployment import Deployment, served
from tests.serve.in_threads import InThreads
from tests.waiting import wait_for

IMAGES, CLIENTS = 96, 12
DETECTOR, GENERATOR = "PromptDetector", "SentenceGenerator"
QUESTION = {"queries": [{"text": "pleural effusion"}, {"text": "nodule"}]}
MACHINE = {"resources": {"CPU": 2, "object_store_memory": 100 * 2**20}, "min_workers": 0, "max_workers": 3}


def test_an_archive_brings_its_machines_and_leaves_none(tmp_path):
    """Two detectors and a generator take a CPU each, and reading another: two machines of two CPUs."""
    make_pictures(tmp_path / "in", IMAGES)
    with (
        growing_cluster(MACHINE, idle_seconds=10) as cluster,
        TimeLine(lambda: Counter(machines=cluster.machines())) as line,
    ):
        wait_for(lambda: line.seen, "the first look")
        assert not line.most("machines"), "nothing runs, and costs, before there is work"
        # as with our image: the code is on every machine. A --working-dir each of these would unpack at the same place
        job = cluster.command(
            "ray", "job", "submit", "--address", cluster.dashboard, "--",
            "python", "-m", "jobs.generate_reports", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"),
            "--rows-per-part", "4", "--report-anyway", "--detectors", "2", "--generators", "1",
        )  # fmt: skip
        line.note("the job is submitted")
        log, _ = job.communicate()
        line.note(f"the job has ended with status {job.returncode}")
        assert job.returncode == 0, log
        wait_for(lambda: not line.now["machines"], "the end of the machines", 120)
        line.note("the last machine has gone")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["reported"] == IMAGES
    assert line.most("machines") == 2


@dataclass
class Clients(InThreads):
    """`with clients:` each asks about an image of its own, again and again."""

    url: str
    images: list[str]
    what: str  # "queries" or "report"
    body: dict
    statuses: Counter[int] = field(default_factory=Counter)

    def _clients(self) -> list[str]:
        return self.images

    def _ask(self, image: str) -> None:
        with httpx.Client(base_url=self.url, timeout=120) as client:
            while not self._stop.is_set():
                answer = client.post(f"/v1/images/{image}/{self.what}", json=self.body)
                self.statuses[answer.status_code] += 1


def test_detectors_and_generators_grow_each_with_its_own_load_and_shrink_again():
    """Boxes without sentences are the detector's work alone; reports of known images are nearly all the generator's."""
    http = free_port()
    with growing_cluster(MACHINE, idle_seconds=10) as cluster:
        served_there = Deployment(f"http://127.0.0.1:{http}", cluster.dashboard)
        config = served(
            http, detectors=1, most_detectors=2, generators=1, most_generators=2, cpus_per_replica=1,
            grow_after_seconds=5, shrink_after_seconds=20, threads_per_replica=1,
        )  # fmt: skip
        config["proxy_location"] = "HeadOnly"  # these machines share one address, and with it the port

        def look() -> Counter[str]:
            counts = Counter(machines=cluster.machines())
            for name in (DETECTOR, GENERATOR):
                counts[name] = len(served_there.replicas(name))
            return counts

        served_there.deploy(config)
        with TimeLine(look) as line, served_there.client(None) as client:
            wait_for(lambda: line.now[DETECTOR] == line.now[GENERATOR] == 1, "one of each")
            images = [upload(client, png(seed)).json()["image_id"] for seed in range(CLIENTS)]
            line.note(f"{CLIENTS} clients ask for boxes alone")
            with Clients(served_there.url, images, "queries", {**QUESTION, "sentences": False}) as asked:
                wait_for(lambda: line.now[DETECTOR] == 2, "a second detector")
            assert set(asked.statuses) == {200} and line.most(GENERATOR) == 1
            line.note(f"{asked.statuses[200]} answers; the clients ask for reports")
            with Clients(served_there.url, images, "report", {}) as asked:
                wait_for(lambda: line.now[GENERATOR] == 2, "a second generator")
                wait_for(lambda: line.now[DETECTOR] == 1, "the end of the second detector")
            assert set(asked.statuses) == {200}
            line.note(f"{asked.statuses[200]} reports; nobody asks any more")
            wait_for(lambda: line.now[GENERATOR] == 1, "the end of the second generator")
            wait_for(lambda: line.now["machines"] < line.most("machines"), "the end of the machine that it was on")
            assert upload(client, png(0)).status_code == 201
