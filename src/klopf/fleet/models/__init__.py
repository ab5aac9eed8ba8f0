"""Models that can be trained in rounds, a file each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from klopf.errors import FleetError, KlopfError
from klopf.extensions import Point, said
from klopf.fleet.models._model import FleetModel

__all__ = ["MODELS", "FleetModel", "made"]

MODELS = Point(
    "klopf.fleet_models",
    "fleet model",
    "klopf.fleet.models._model:FleetModel",
    {
        "layers": "klopf.fleet.models.layers:Layers",
        "linear": "klopf.fleet.models.linear:Linear",
        "mind": "klopf.fleet.models.mind:MindModel",
        "ridge": "klopf.fleet.models.ridge:Ridge",
        "torch": "klopf.fleet.models.torch:TorchModel",
    },
)
"""Each model by its name. A demand names one of these: a device never imports what a stranger names, but what its owner
has installed."""


def made(name: str, settings: Mapping[str, Any], seed: int) -> FleetModel:
    """A new model called ``name``.

    Raises:
        FleetError: there is none of that name, or the settings do not fit it.
    """
    kind = _kind(name)
    try:
        model: FleetModel = kind.create(dict(settings), seed)
    except KlopfError:
        raise
    except Exception as error:
        raise FleetError(f"the model {name!r} cannot be made of these settings: {said(error)}") from None
    return model


@cache
def _kind(name: str) -> Any:
    if name not in MODELS:
        raise FleetError(f"no model is called {str(name)[:40]!r}: one of {', '.join(MODELS)}")
    return MODELS.load(name)
