"""Neurons on the wire: models on machines that do not trust each other, learning whom to listen to.

The parts that need the network are loaded when they are first used, so that a model or a listener can be had alone.
"""

from typing import TYPE_CHECKING, Any

from klopf.extras import require as _require

_require("network", "klopf.peers")

from klopf.peers._adversaries import FreeRider, Liar, Litigant, Perjurer
from klopf.peers._listening import Ear, Listener
from klopf.peers._model import MindModel, Model, SklearnModel, create_model, load_model, model_names, save_model

if TYPE_CHECKING:
    from klopf.peers._asking import Asking, Settled, attention, settle
    from klopf.peers._neuron import NeuronSettings, birth
    from klopf.peers._participant import PASSPHRASE, Participant, ParticipantSettings, log, read_data, write_atomically
    from klopf.peers._requester import RequesterSettings

__all__ = [
    "PASSPHRASE",
    "Asking",
    "Ear",
    "FreeRider",
    "Liar",
    "Listener",
    "Litigant",
    "MindModel",
    "Model",
    "NeuronSettings",
    "Participant",
    "ParticipantSettings",
    "Perjurer",
    "RequesterSettings",
    "Settled",
    "SklearnModel",
    "attention",
    "birth",
    "create_model",
    "load_model",
    "log",
    "model_names",
    "read_data",
    "save_model",
    "settle",
    "write_atomically",
]

_LATER = {
    "Asking": "_asking", "Settled": "_asking", "attention": "_asking", "settle": "_asking",
    "NeuronSettings": "_neuron", "birth": "_neuron",
    "PASSPHRASE": "_participant", "Participant": "_participant", "ParticipantSettings": "_participant",
    "log": "_participant", "read_data": "_participant", "write_atomically": "_participant",
    "RequesterSettings": "_requester",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'klopf.peers' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"klopf.peers.{_LATER[name]}"), name)
