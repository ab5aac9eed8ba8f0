"""Making, saving and loading models by name."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import ExtensionError, KlopfError, PeersError
from klopf.extensions import Point, imported, said
from klopf.peers.models._model import Model
from klopf.peers.tasks import Task

__all__ = ["MODELS", "create_model", "load_model", "save_model"]

MODELS = Point(
    "klopf.models", "model", "klopf.peers.models._model:Model",
    {
        "mind": "klopf.peers.models.mind:MindModel",
        "sklearn": "klopf.peers.models.sklearn:SklearnModel",
    },
)  # fmt: skip
"""Every model that a network file can name. A line in this table makes one of Klopf's own known."""


def create_model(name: str, task: Task, seed: int, settings: Mapping[str, Any] | None = None) -> Model:
    """A newborn model for ``task``.

    Args:
        name: one of ``MODELS`` (``mind``), if it has variants with one of them (``sklearn:GaussianNB``); or
            ``package.module:Class`` for a class that has no name yet. The latter imports what it names, as any program
            does: so it comes from the operator's own file, never from somebody else's.
        task: what to learn.
        seed: of everything random in it.
        settings: passed on to the model.

    Raises:
        PeersError: it does not take this task or these settings.
        ExtensionError: no such model, or it cannot be imported.
    """
    own = dict(settings or {})
    adapter, variant = _parts(name)
    if variant:
        own["variant"] = variant
    kind = _kind(adapter)
    try:
        made = kind.create(task, seed, own)
    except (KlopfError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a stranger's model raises
        raise PeersError(f"model {name!r} does not take these settings: {said(error)}") from error
    return _model(made, name, "create")


def _model(made: Any, name: str, method: str) -> Model:
    if not isinstance(made, Model):
        raise PeersError(f"model {name!r} gives {made!r:.80} in {method}(): it must give a klopf.peers.Model")
    return made


def save_model(model: Model, name: str, folder: Path) -> None:
    """Write ``model``, which :func:`create_model` made by ``name``, into ``folder`` at once or not at all."""
    with files.replaced_folder(folder) as draft:
        try:
            model.save(draft)
        except (KlopfError, OSError, KeyboardInterrupt):
            raise
        except BaseException as error:  # as above
            raise PeersError(f"model {name!r} cannot be saved: {said(error)}") from error
        adapter, _ = _parts(name)
        (draft / "kind").write_text(adapter)
        if (package := MODELS.origin(adapter)) not in ("", "klopf"):
            (draft / "package").write_text(package)


def load_model(folder: Path, task: Task, name: str) -> Model:
    """What :func:`save_model` wrote under ``name``. A file never chooses what is imported: it must say the same.

    Raises:
        PeersError: there is nothing there, or it was not written by :func:`save_model`, or by another model.
        ExtensionError: the package that has the model is not installed.
    """
    try:
        saved, adapter = (folder / "kind").read_text(), _parts(name)[0]
        if saved != adapter:
            raise PeersError(
                f"{folder} was saved by the model {saved!r}, not {adapter!r}: put its name in the settings"
            )
        loaded = _kind(adapter, folder / "package").load(folder, task)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise PeersError(
            f"no saved model can be read in {folder} ({error}): restore it or start the neuron anew"
        ) from None
    except (KlopfError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a stranger's model raises
        raise PeersError(f"model {name!r} cannot be loaded from {folder}: {said(error)}") from error
    return _model(loaded, name, "load")


def _parts(name: str) -> tuple[str, str]:
    """``(adapter, variant)``: ``sklearn:GaussianNB`` is a variant of an adapter, ``package.module:Class`` has none."""
    adapter, _, variant = name.partition(":")
    return (name, "") if variant and adapter not in MODELS else (adapter, variant)


def _kind(adapter: str, package: Path | None = None) -> Any:
    """The class called ``adapter``; ``package`` is a file that names the package that had it."""
    if ":" in adapter:
        return imported(adapter, MODELS.base, f"the model {adapter!r}")
    if package is not None and package.exists() and adapter not in MODELS:
        raise ExtensionError(f"no model is called {adapter!r} here: install {package.read_text()}, which has it")
    return MODELS.load(adapter)
