"""A model folder as the one file of MLflow's torch flavour, which holds data only.

MLflow names this module in the logged model, and `mlflow.pytorch.load_model` has torch read the file with it. Instead
of pickled objects, which run code, the file has the model folder's files as tensors of bytes, and nothing else is taken.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_TAKEN = {("torch._utils", "_rebuild_tensor_v2"), ("collections", "OrderedDict")}


def write_torch_file(folder: Path, target: Path) -> None:
    """Writes the files directly in `folder` into `target`."""
    import torch

    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    torch.save(
        {name: torch.frombuffer(bytearray(content), dtype=torch.uint8) for name, content in files.items()}, target
    )


class Unpickler(pickle.Unpickler):
    """What torch.load reads with where this module is its `pickle_module`; gives a Chex in evaluation mode."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _TAKEN:
            raise pickle.UnpicklingError(f"a model's file holds tensors; found {module}.{name}")
        return super().find_class(module, name)

    def load(self) -> Any:
        from chex import Chex

        files = super().load()
        with TemporaryDirectory() as folder:
            for name, content in files.items():
                if Path(name).name != name:
                    raise pickle.UnpicklingError(f"a model's file holds files of one folder; found {name!r}")
                Path(folder, name).write_bytes(content.numpy().tobytes())
            return Chex.load(folder)
