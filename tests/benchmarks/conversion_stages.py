"""Where the time of a conversion goes: one shard in this process, without Ray, stage by stage."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import wraps
from pkgutil import resolve_name
from unittest.mock import patch

from pipelines.conversion.shard import ShardTask, convert_shard
from pipelines.conversion.shard_plan import read_shard
from pipelines.convert import Conversion, prepare
from pipelines.output_folder import OutputFolder
from pipelines.raw.image_files import read_image_file

# the functions of a stage under the names by which they are called
_STAGES = {
    "decode": ("chex.pixels.dicom.first_frame", "PIL.ImageFile.ImageFile.load"),
    "to 8 bit": ("chex.pixels.dicom.to_bytes",),
    "resize": ("chex.pixels.resize_picture", "chex.pixels.pictures.resize_picture"),
    "encode": ("pipelines.conversion.image.encode_stored",),
    "_whole": ("pipelines.conversion.shard.read_radiograph",),
}


def print_stages(conversions: Mapping[str, Conversion]) -> None:
    """Milliseconds of processor time per image, a row per format."""
    print("\nms per image, one process without Ray (the file is read beside, by threads)")
    for name, conversion in conversions.items():
        stages = stages_of(conversion)
        if name == next(iter(conversions)):
            print(f"{'':20}" + "".join(f"{stage:>10}" for stage in stages))
        print(f"{name:20}" + "".join(f"{1000 * seconds:10.2f}" for seconds in stages.values()), flush=True)


def stages_of(conversion: Conversion) -> dict[str, float]:
    """Seconds per image of every stage of the first shard."""
    plan = prepare(conversion)
    task = ShardTask(conversion.sources, conversion.output, conversion.image_size, plan.hash)
    convert_shard(1, task)  # what is loaded once is no part of it
    spent: Counter[str] = Counter()
    with ExitStack() as stack:
        for stage, targets in _STAGES.items():
            for target in targets:
                stack.enter_context(patch(target, _timed(resolve_name(target), stage, spent)))
        _timed(convert_shard, "_all", spent)(0, task)
    studies = read_shard(OutputFolder(conversion.output), 0)[1]
    for study in studies:
        content = _timed(read_image_file, "read", spent)(study.uri)
        _timed(hashlib.sha256, "hash", spent)(content)
    shutil.rmtree(conversion.output)
    inside = spent["hash"] + spent["decode"] + spent["to 8 bit"] + spent["resize"]
    spent["header"] = spent["_whole"] - inside
    spent["tables"] = spent["_all"] - spent["_whole"] - spent["encode"]
    shown = ("read", "hash", "header", "decode", "to 8 bit", "resize", "encode", "tables")
    return {stage: spent[stage] / len(studies) for stage in shown}


def _timed(function: Callable, stage: str, spent: Counter[str]) -> Callable:
    @wraps(function)
    def called(*arguments, **named):
        began = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[stage] += time.thread_time() - began

    return called
