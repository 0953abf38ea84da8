"""The service file of the listener calls what there is."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

from jobs.listen import parse
from jobs.routing.config import Routing

UNIT = Path(__file__).parents[2] / "infra/listener/chex-listener.service"


def test_the_service_is_a_command_that_the_listener_takes(tiny_model_dir):
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    unit.optionxform = str
    unit.read(UNIT)
    python, module, name, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert python.endswith("python") and (module, name) == ("-m", "jobs.listen")
    options = parse(arguments)
    state = f"/var/lib/{unit['Service']['StateDirectory']}/"
    assert options.queue.startswith(state) and not options.status
    Routing(
        queue=options.queue, deliver=options.deliver, model=str(tiny_model_dir), host=options.host, port=options.port,
        ae_title=options.ae_title, allow=options.allow,
    )  # fmt: skip
