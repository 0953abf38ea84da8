"""The authors' checkpoint to a model folder: `python -m chex.model.official CHECKPOINT --output DIR`.

Exit status: 0 written, 2 the checkpoint, a tokenizer or the output cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from chex.model.official.importing import import_checkpoint
from chex.model.official.tokenizers import CLIP_HUB_ID, LANGUAGE_MODEL_HUB_ID

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for library in ("httpx", "huggingface_hub"):  # they tell of every request and every retry
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        output: Path = arguments.output
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise FileExistsError(f"--output: {output} is there already and not empty; choose another folder")
        model = import_checkpoint(
            arguments.checkpoint,
            clip_tokenizer=arguments.clip_tokenizer,
            language_model=arguments.language_model,
            detector_attends_to=arguments.detector_attends_to,
        )
        model.save(output)
    except (ValueError, OSError) as error:
        logger.error("%s", error)
        return 2
    count = sum(parameter.numel() for parameter in model.parameters())
    logger.info("%d weights (%.1f million parameters) in %s", len(model.state_dict()), count / 1e6, output)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chex.model.official",
        description="Turns the checkpoint that the ChEX authors released into a model folder.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="chex_stage3/…/checkpoint_*.pth")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="the model folder to write")
    parser.add_argument(
        "--clip-tokenizer", default=CLIP_HUB_ID, metavar="BPE_FILE_OR_HUB_ID",
        help="CLIP's table of merges, bpe_simple_vocab_16e6.txt.gz or merges.txt (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--language-model", default=LANGUAGE_MODEL_HUB_ID, metavar="DIR_OR_HUB_ID",
        help="whose configuration and tokenizer to take; the weights come from the checkpoint (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--detector-attends-to", choices=("prompt", "image"), default="prompt",
        help="prompt: as the authors wrote reports; image: as they measured sentence grounding and pathology "
        "detection, where each prompt's boxes depend on the others asked with it (default: %(default)s)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
