"""Neurons on the wire: models on machines that do not trust each other, learning whom to listen to."""

from klopf.peers._adversaries import FreeRider, Liar
from klopf.peers._listening import Ear, Listener
from klopf.peers._model import MindModel, Model, SklearnModel, create_model, load_model, model_names, save_model

__all__ = [
    "Ear",
    "FreeRider",
    "Liar",
    "Listener",
    "MindModel",
    "Model",
    "SklearnModel",
    "create_model",
    "load_model",
    "model_names",
    "save_model",
]
