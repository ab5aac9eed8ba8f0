"""What a neuron can be made of, an adapter a file, and how they are found."""

from klopf.peers.models._model import Model, absorb, awaited
from klopf.peers.models._saved import MODELS, create_model, load_model, public_name, save_model

__all__ = ["MODELS", "Model", "absorb", "awaited", "create_model", "load_model", "public_name", "save_model"]
