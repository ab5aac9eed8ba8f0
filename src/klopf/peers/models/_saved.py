"""Making, saving and loading models by name."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import ExtensionError, KlopfError, PeersError
from klopf.extensions import Point, imported, located, said
from klopf.peers.models._model import Model
from klopf.peers.models._part import SEES, Part
from klopf.peers.tasks import Task

__all__ = ["MODELS", "create_model", "load_model", "public_name", "save_model"]

MODELS = Point(
    "klopf.models", "model", "klopf.peers.models._model:Model",
    {
        "mind": "klopf.peers.models.mind:MindModel",
        "sklearn": "klopf.peers.models.sklearn:SklearnModel",
        "river": "klopf.peers.models.river:RiverModel",
        "torch": "klopf.peers.models.torch:TorchModule",
        "onnx": "klopf.peers.models.onnx:OnnxModel",
        "skops": "klopf.peers.models.skops:SkopsModel",
        "http": "klopf.peers.models.http:HttpModel",
        "openai": "klopf.peers.models.openai:OpenAIModel",
        "committed": "klopf.proof.neuron:CommittedModel",
    },
)  # fmt: skip
"""Every model that a network file can name. A line in this table makes one of Klopf's own known."""


def create_model(name: str, task: Task, seed: int, settings: Mapping[str, Any] | None = None) -> Model:
    """A newborn model for ``task``.

    Args:
        name: one of ``MODELS`` (``mind``), if it has variants with one of them (``sklearn:GaussianNB``,
            ``http://host/path``); or ``package.module:name`` of a :class:`Model` or of anything that an adapter takes:
            an estimator of scikit-learn or River, a PyTorch module, a function. The latter imports what it names, as
            any program does: so it comes from the operator's own file, never from somebody else's.
        task: what to learn.
        seed: of everything random in it.
        settings: passed on to the model, but ``sees``: the places of the inputs that it is given, where not all.

    Raises:
        PeersError: it does not take this task or these settings.
        ExtensionError: no such model, or it cannot be imported.
    """
    own = dict(settings or {})
    _, variant = _parts(name)
    if variant:
        own["variant"] = variant
    if SEES in own:
        sees = own.pop(SEES)
        return Part.around(task, sees, lambda part: create_model(name, part, seed, own))
    kind = _kind(name)
    try:
        made = kind.create(task, seed, own)
    except (KlopfError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a stranger's model raises
        raise PeersError(f"model {public_name(name)!r} does not take these settings: {said(error)}") from error
    return _model(made, name, "create")


def _model(made: Any, name: str, method: str) -> Model:
    if not isinstance(made, Model):
        shown = public_name(name)
        raise PeersError(f"model {shown!r} gives {made!r:.80} in {method}(): it must give a klopf.peers.Model")
    return made


def save_model(model: Model, name: str, folder: Path) -> None:
    """Write ``model``, which :func:`create_model` made by ``name``, into ``folder`` at once or not at all."""
    with files.replaced_folder(folder) as draft:
        try:
            model.save(draft)
        except (KlopfError, OSError, KeyboardInterrupt):
            raise
        except BaseException as error:  # as above
            raise PeersError(f"model {public_name(name)!r} cannot be saved: {said(error)}") from error
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
        kind, part = _kind(name, folder / "package"), folder / f"{SEES}.json"
        if part.exists():
            sees = json.loads(part.read_text())
            return Part.around(task, sees, lambda seen: _model(kind.load(folder, seen), name, "load"))
        loaded = kind.load(folder, task)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise PeersError(
            f"no saved model can be read in {folder} ({error}): restore it or start the neuron anew"
        ) from None
    except (KlopfError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a stranger's model raises
        raise PeersError(f"model {public_name(name)!r} cannot be loaded from {folder}: {said(error)}") from error
    return _model(loaded, name, "load")


def public_name(name: str, settings: Mapping[str, Any] | None = None) -> str:
    """``name`` as the registry tells it to everybody, with the version that its owner declares in ``settings``: of a
    path or URL only what stands behind its last slash, so that neither folders nor hosts nor a query are told.

    >>> public_name("sklearn:GaussianNB"), public_name("onnx:/home/ada/rain.onnx")
    ('sklearn:GaussianNB', 'onnx:rain.onnx')
    >>> public_name("openai:http://ada.net/v1#small"), public_name("https://ada.net/rain?key=3", {"version": "2"})
    ('openai:v1#small', 'http:rain@2')
    """
    adapter, variant = _parts(name)
    place, mark, more = variant.replace("\\", "/").partition("#")
    version = f"@{settings['version']}" if settings and settings.get("version") else ""
    if "/" not in place:
        return name + version
    return f"{adapter}:{place.partition('?')[0].rstrip('/').rpartition('/')[2]}{mark}{more}{version}"


def _parts(name: str) -> tuple[str, str]:
    """``(adapter, variant)``: ``sklearn:GaussianNB`` is a variant of an adapter, ``package.module:Class`` has none."""
    if name.startswith("https://"):
        return "http", name
    adapter, _, variant = name.partition(":")
    return (name, "") if variant and adapter not in MODELS else (adapter, variant)


def _kind(name: str, package: Path | None = None) -> Any:
    """The class of models called ``name``, which has its variant; ``package`` is a file that names the package that had
    it."""
    adapter, variant = _parts(name)
    if ":" in adapter:
        return _found(adapter)
    if package is not None and package.exists() and adapter not in MODELS:
        raise ExtensionError(f"no model is called {adapter!r} here: install {package.read_text()}, which has it")
    return _with(MODELS.load(adapter), variant) if variant else MODELS.load(adapter)


def _with(kind: Any, variant: str, **more: Any) -> Any:
    """``kind`` that knows its variant."""
    return type(kind.__name__, (kind,), {"variant": variant, "__module__": kind.__module__, **more})


def _found(place: str) -> Any:
    """The class of models that is at ``place``, or that the adapter makes which takes what is there."""
    thing = located(place, f"the model {place!r}")
    kinds = type.mro(thing) if isinstance(thing, type) else []
    if not isinstance(thing, type) and callable(thing):
        kind = imported("klopf.peers.models.function:FunctionModel", MODELS.base, "functions as models")
        return _with(kind, place, function=staticmethod(thing))
    if any(one.__module__.startswith("torch.nn.") for one in kinds):
        return _with(MODELS.load("torch"), place)
    if hasattr(thing, "learn_one") and hasattr(thing, "predict_one"):
        return _with(MODELS.load("river"), place)
    if hasattr(thing, "fit") and hasattr(thing, "predict"):
        return _with(MODELS.load("sklearn"), place)
    return imported(place, MODELS.base, f"the model {place!r}")
