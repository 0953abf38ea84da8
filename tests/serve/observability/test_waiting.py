"""What waits for the model is counted, and alerted on where it does not go away."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from types import SimpleNamespace

import pytest
import yaml

from serve.asking import CALLS_AT_ONCE, Asking
from serve.questions import Question, ReportWanted, StoredImage
from tests.needed_tools import require_tool
from tests.serve.one_process import Handle
from tests.started_ray import ROOT


class Held:
    """A replica that answers when it is let, as if with findings or a report."""

    answered = SimpleNamespace(findings=[], weights_sha256="", provenance=SimpleNamespace(weights_sha256=""))

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def find(self, questions: list[Question]) -> list:
        await self.gate.wait()
        return [self.answered] * len(questions)

    look = find

    async def answer(self, looked: list, wanted: list) -> list:
        return looked


def test_it_is_counted_by_kind_of_answer_over_all_shards():
    async def main():
        held, asked = Held(), []
        asking = Asking(Handle(held), Handle(held), shards=2, most_waiting=8)
        assert asking.waiting() == {"found": 0, "described": 0, "reported": 0}

        async def ask(beyond: int, ask_once: Callable[[], Coroutine]) -> None:
            for _ in range(CALLS_AT_ONCE + beyond):
                asked.append(asyncio.ensure_future(ask_once()))
                await asyncio.sleep(0.001)  # each in a call of its own, while there may be another

        one, other = (Question(StoredImage(f"{shard:08x}", None), (), (), float("inf")) for shard in range(2))
        await ask(2, lambda: asking.findings(one, sentences=False))
        await ask(3, lambda: asking.findings(other, sentences=False))
        await ask(1, lambda: asking.findings(other, sentences=True))
        await ask(4, lambda: asking.report(one, ReportWanted(float("inf"), "", (), "", None)))
        assert asking.waiting() == {"found": 5, "described": 1, "reported": 4}
        held.gate.set()
        await asyncio.gather(*asked)
        assert asking.waiting() == {"found": 0, "described": 0, "reported": 0}

    asyncio.run(main())


# every 15 seconds, over ten minutes
@pytest.mark.parametrize(
    ("waiting", "fires"),
    [("0x40", False), ("40x40", True), ("60 0 0 0 60 0 0 0 60 0 0 0 60 0 0 0 60 0 0 0 60 0 0 0 60 0 0 0", False)],
    ids=["nothing", "a queue", "gusts"],
)
def test_the_alert_is_about_queues_that_stay(tmp_path, waiting, fires):
    program = require_tool("promtool", "prometheus")
    labels = {"answer": "found", "severity": "warn"}
    told = {
        "summary": "Requests queue up: found",
        "description": "40 wait: beyond the bound further ones are refused with 503.",
    }
    case = {
        "interval": "15s",
        "input_series": [{"series": 'ray_chex_waiting{answer="found", WorkerId="1"}', "values": waiting}],
        "alert_rule_test": [
            {
                "eval_time": "9m",
                "alertname": "ChexRayQueues",
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": told}] if fires else [],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ROOT / "infra/prometheus/alerts.yaml")], "tests": [case]}))
    done = subprocess.run([program, "test", "rules", file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
