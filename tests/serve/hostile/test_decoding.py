"""1,500 broken DICOM, PNG and JPEG files: each is decoded or refused with a reason, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.serve.hostile.image_seeds import made_seeds
from tests.serve.hostile.mutations import mutated

COUNT, SEED = 1500, 7


def test_no_broken_file_gets_further_than_the_decoder(shared):
    command = [sys.executable, "-m", "tests.serve.hostile.decoding", f"--count={COUNT}", f"--seed={SEED}"]
    done = subprocess.run(
        [*command, f"--real={shared / 'data' / 'real'}"], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    outcomes = told["outcomes"]
    assert set(outcomes) == {"decoded", "refused"}, outcomes
    assert sum(outcomes.values()) == COUNT and min(outcomes.values()) > COUNT // 20  # both ends of the way are tried
    assert told["grown_mebibytes"] < 256


def test_a_seed_breaks_files_the_same_way_and_most_of_them_really():
    seeds = made_seeds()
    once, again, otherwise = mutated(seeds, 200, 1), mutated(seeds, 200, 1), mutated(seeds, 200, 2)
    assert once == again != otherwise
    assert sum(data not in seeds for data in once) > 190
