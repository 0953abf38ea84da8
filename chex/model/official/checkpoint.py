"""Reads a checkpoint without running anything in it, and says what a file is that is none."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_BEGINNINGS = (
    (b"\x89HDF", "an HDF5 file"), (b"\x93NUMPY", "a NumPy array"), (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"%PDF", "a PDF"), (b"version https://git-lfs", "a Git LFS pointer: the file itself was not downloaded"),
)  # fmt: skip
_MOST_LISTED = 8


def read_weights_file(path: Path | str) -> Any:
    """What `torch.save` wrote into a file, on the CPU, as far as that needs no code of the file's own.

    Raises FileNotFoundError, or ValueError that says what the file is instead.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if found := _what_it_is(path):
        raise ValueError(f"{path} is {found}; expected a checkpoint that PyTorch wrote")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = next((line for line in str(error).splitlines() if "Unsupported" in line or "GLOBAL" in line), "")
        raise ValueError(
            f"{path} holds more than weights and plain values, or is damaged; nothing in it was run. {reason}".strip()
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError, TypeError, AttributeError, IndexError,
            MemoryError, OverflowError, AssertionError, ImportError) as error:  # fmt: skip
        raise ValueError(f"{path} is damaged or no PyTorch file: {str(error).splitlines()[:1]}") from error


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """The authors' checkpoint: `config_dict` and `state_dict` are there and hold settings and weights.

    Raises FileNotFoundError, or ValueError that says what the file is instead.
    """
    content = read_weights_file(path)
    content = content if isinstance(content, Mapping) else {"": content}
    settings, weights = content.get("config_dict"), content.get("state_dict")
    complete = isinstance(settings, Mapping) and isinstance(weights, Mapping)
    if not complete:
        raise ValueError(f"{path} is {_what_it_holds(content)}; expected a ChEX checkpoint (config_dict, state_dict)")
    check_weights(weights, f"state_dict of {path}")
    if not any(name.startswith("detector.") for name in weights):
        raise ValueError(f"the state_dict of {path} is {_what_it_holds(weights)}; expected the whole ChEX model")
    return dict(content)


def check_weights(weights: Mapping, where: str) -> None:
    """Raises ValueError unless names map to tensors that are really there in full."""
    wrong = [f"{name!r} is a {type(value).__name__}, not a tensor"
             for name, value in weights.items() if not isinstance(value, Tensor) or not isinstance(name, str)]  # fmt: skip
    if not wrong:
        wrong = [f"{name} claims {weight.numel()} values and holds fewer"
                 for name, weight in weights.items() if not _is_there(weight)]  # fmt: skip
    if wrong:
        more = f" and {len(wrong) - _MOST_LISTED} more" if len(wrong) > _MOST_LISTED else ""
        raise ValueError(f"{where}: {'; '.join(wrong[:_MOST_LISTED])}{more}")


def _is_there(weight: Tensor) -> bool:
    """False for sparse and nested tensors, and for views that repeat a few values to any size."""
    if weight.layout != torch.strided or weight.is_nested or weight.is_quantized:
        return False
    return weight.numel() * weight.element_size() <= weight.untyped_storage().nbytes()


def _what_it_is(path: Path) -> str | None:
    """What a path is that cannot be read as a checkpoint; None if it may be one."""
    if path.is_dir():
        return _what_folder(path)
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return "empty"
    for beginning, name in _BEGINNINGS:
        if start.startswith(beginning):
            return name
    if int.from_bytes(start[:8], "little") < path.stat().st_size and start[8:9] == b"{":
        return "a safetensors file, which holds weights without the configuration"
    if start.lstrip()[:1] == b"<":
        return "a web page: the download was answered with HTML"
    if start[:2] == b"PK":
        return _what_archive(path)
    if start[:1] == b"\x80" or start[257:262] == b"ustar":
        return None
    if b"\x00" not in start:
        return "a text file"
    return f"of a kind unknown here (it begins with {start[:8].hex(' ')})"


def _what_folder(path: Path) -> str:
    if (path / "model.safetensors").is_file() and (path / "prompt_tokenizer.json").is_file():
        return "a folder with a model of this project already (Chex.load reads it)"
    candidates = sorted(path.glob("**/checkpoint_*.pth"))[:3]
    if candidates:
        return f"a folder; the checkpoint may be {', '.join(str(file.relative_to(path)) for file in candidates)}"
    if (path / "config.json").is_file():
        return "a folder of a Hugging Face model"
    return "a folder"


def _what_archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        return f"damaged or cut short ({error})"
    names = [member.filename for member in members]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return "a TorchScript archive, a program with weights in it (OpenAI's own CLIP files are; save its state_dict)"
    if not any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        listed = ", ".join(names[:_MOST_LISTED]) or "nothing"
        return f"a zip archive of {listed}: unpack it first"
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        return "a zip archive that was packed anew, which PyTorch never does"
    return None


def _what_it_holds(content: Mapping) -> str:
    """Tells apart what people have beside the checkpoint."""
    names = [str(name) for name in content]
    if names == [""]:
        return f"a {type(content['']).__name__} that PyTorch saved"
    if "visual.conv1.weight" in names or "visual.proj" in names:
        return "CLIP's weights (start training from them: python -m jobs.train --clip)"
    if any(name.startswith("img_encoder.") for name in names):
        return "only the weights of a ChEX model, without its configuration"
    if any(name.endswith("wte.weight") for name in names):
        return "a GPT-2's weights (start training from them: python -m jobs.train --language-model)"
    inner = content.get("state_dict")
    if isinstance(inner, Mapping) and inner and "state_dict" not in inner:
        return f"a checkpoint without config_dict that holds {_what_it_holds(inner)}"
    listed = ", ".join(repr(name) for name in names[:_MOST_LISTED]) or "nothing"
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"a dictionary of {listed}{more}"
