"""What is evaluated: a model folder, a model in memory, or whatever builds something that answers like a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.model_folder import checked_model_folder, model_folder_on_disk

if TYPE_CHECKING:
    from chex.inference.session import Session
    from chex.model.chex import Chex

SessionFactory = Callable[[str], Any]  # device ("cpu" or "cuda") -> what answers as chex.inference.session.Session does


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A factory of sessions that other processes may be given: a model folder, local or s3://…"""

    folder: str

    def __call__(self, device: str) -> Session:
        from chex.inference.session import Session
        from chex.model.chex import Chex

        with model_folder_on_disk(self.folder) as folder:
            return Session(Chex.load(folder, device=device))


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory; it stays in this process and on its device."""

    model: Chex

    def __call__(self, device: str) -> Session:
        from chex.inference.session import Session

        return Session(self.model)


def session_factory(model: Chex | str | Path | SessionFactory) -> SessionFactory:
    """How sessions of the model come about.

    Raises ValueError for a folder that is none, TypeError for what is neither of the three.
    """
    if isinstance(model, str | Path):
        return StoredModel(checked_model_folder(model))
    from chex.model.chex import Chex

    if isinstance(model, Chex):  # which can be called, too
        return LoadedModel(model)
    if callable(model):
        return model
    raise TypeError(f"expected a model folder, a Chex, or a function device -> session; found {type(model).__name__}")


def provenance(session: Any, factory: SessionFactory) -> Mapping[str, Any]:
    """What answers are made with: the session's own `provenance` where it has one, else its model's, else a name.

    Two evaluations whose provenance is equal are taken for the same model.
    """
    own = getattr(session, "provenance", None)
    if isinstance(own, Mapping):
        return dict(own)
    model = getattr(getattr(session, "reader", None), "model", None)
    if model is not None:
        return dict(model.provenance)
    return {"model_name": getattr(factory, "__qualname__", type(factory).__qualname__)}
