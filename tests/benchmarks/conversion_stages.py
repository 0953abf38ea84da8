"""Where the time of a conversion goes: one shard in this process, without Ray, function by function."""

from __future__ import annotations

import cProfile
import hashlib
import pstats
import shutil
import time
from collections.abc import Callable, Mapping

from PIL import ImageFile

from chex import pixels
from chex.pixels import frame, grayscale
from pipelines import convert_shard
from pipelines.convert import Conversion, prepare
from pipelines.image_files import read_image_file
from pipelines.shard_plan import read_shard

_HASH = ("~", 0, f"<built-in method {hashlib.sha256.__module__}.{hashlib.sha256.__name__}>")


def print_stages(conversions: Mapping[str, Conversion]) -> None:
    """Milliseconds of processor time per image, a row per format."""
    print("\nms per image, one process without Ray (the file is read beside, by threads)")
    for name, conversion in conversions.items():
        stages = stages_of(conversion)
        if name == next(iter(conversions)):
            print(f"{'':22}" + "".join(f"{stage:>10}" for stage in stages))
        print(f"{name:22}" + "".join(f"{1000 * seconds:10.2f}" for seconds in stages.values()), flush=True)


def stages_of(conversion: Conversion) -> dict[str, float]:
    """Seconds per image of every stage of the first shard."""
    plan = prepare(conversion)
    task = convert_shard.ShardTask(conversion.sources, conversion.output, conversion.image_size, plan.hash)
    convert_shard.convert_shard(1, task)  # what is loaded once is no part of it
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(convert_shard.convert_shard, 0, task)
    output = convert_shard.OutputFolder(conversion.output)
    studies = read_shard(output, 0)[1]
    began = time.thread_time()
    for study in studies:
        read_image_file(study.uri)
    reading = time.thread_time() - began
    shutil.rmtree(conversion.output)
    known = pstats.Stats(profile).stats

    def spent(function: Callable | tuple) -> float:
        if callable(function):
            code = function.__code__
            function = (code.co_filename, code.co_firstlineno, code.co_name)
        return known[function][3] if function in known else 0.0

    whole, radiograph = spent(convert_shard.convert_shard), spent(pixels.read_radiograph)
    found = {
        "read": reading,
        "hash": spent(_HASH),
        "decode": spent(frame.first_frame) or spent(ImageFile.ImageFile.load),
        "to 8 bit": spent(grayscale.to_bytes),
        "resize": spent(pixels.resize_picture),
        "encode": spent(pixels.encode_stored),
    }
    found["header"] = radiograph - sum(found[stage] for stage in ("hash", "decode", "to 8 bit", "resize"))
    found["tables"] = whole - radiograph - found["encode"]
    return {stage: seconds / len(studies) for stage, seconds in found.items()}
