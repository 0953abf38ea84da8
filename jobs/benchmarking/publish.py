"""Makes the benchmark's model the one that comes with the package: half precision, and a card that says what it is.

python -m jobs.benchmarking.publish MODEL [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from chex.embedded import NOTICE, phantom_folder

MOST_BYTES = 12_000_000  # of the weights: every clone of the repository carries them


def publish(model: Path, folder: Path) -> int:
    """Stores a trained model in `folder`; gives the bytes of its weights.

    Raises ValueError if these are more than MOST_BYTES, and leaves `folder` as it was.
    """
    import torch

    from chex import Chex

    loaded = Chex.load(model)
    size = 2 * sum(weight.numel() for weight in loaded.state_dict().values())
    if size > MOST_BYTES:
        raise ValueError(f"expected weights of at most {MOST_BYTES:,} bytes in half precision; found {size:,}")
    loaded.provenance |= {"model_name": "chex-phantom", "notice": NOTICE, "licence": "apache-2.0"}
    loaded.save(folder, stored_as=torch.float16)
    return (folder / "model.safetensors").stat().st_size


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__.splitlines()[-1], file=sys.stderr)
        return 2
    folder = Path(arguments[1]) if len(arguments) == 2 else phantom_folder()
    try:
        size = publish(Path(arguments[0]), folder)
    except (ValueError, OSError) as problem:
        print(f"publish: {problem}", file=sys.stderr)
        return 2
    print(f"{folder}: {size:,} bytes of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
