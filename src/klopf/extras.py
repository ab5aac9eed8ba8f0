"""What ``pip install klopf`` does not bring, and the line that says how to get it.

The core is the learning library: NumPy, Numba and the command line. Everything else is an extra, named in
``pyproject.toml``; a room or a command that needs one asks for it here before it imports anything of it.
"""

from __future__ import annotations

import importlib.util
from functools import cache

from klopf.errors import MissingExtra

__all__ = ["EXTRAS", "missing", "require"]

EXTRAS = {
    "network": (
        "web3", "eth", "coincurve", "grpc", "google.protobuf", "cryptography", "pydantic", "yaml", "arro3.io",
        "sklearn", "skops",
    ),
    "agents": ("web3", "google.protobuf", "starlette", "uvicorn", "httpx", "x402", "mcp", "a2a"),
    "mqtt": ("paho.mqtt",),
    "flower": ("flwr",),
    "inspect": ("inspect_ai",),
    "language": ("xllamacpp",),
    "noise": ("opendp",),
    "onnx": ("onnxruntime",),
    "page": ("web3", "starlette", "uvicorn"),
    "parquet": ("arro3.io",),
    "pkcs11": ("pkcs11",),
    "plot": ("matplotlib",),
    "river": ("river",),
    "rl": ("gymnasium", "imageio"),
    "sklearn": ("sklearn",),
    "store": ("libipld", "pyfastcdc", "zstandard", "pydantic"),
    "text": ("presidio_analyzer",),
    "torch": ("torch",),
    "tpm": ("tpm2_pytss",),
    "twin": ("pettingzoo", "gymnasium"),
    "words": ("tokenizers", "safetensors", "wordllama"),
}  # fmt: skip
"""Each extra's modules: those without which nothing that asks for it works."""


def missing(extra: str) -> str:
    """The first module of ``extra`` that is not installed; empty if all are."""
    return next((module for module in EXTRAS[extra] if not _there(module)), "")


def require(extra: str, what: str) -> None:
    """Go on where ``extra`` is installed.

    Raises:
        MissingExtra: it is not; one line that names ``what`` needs it and how to install it.

    >>> require("network", "a ledger")
    """
    module = missing(extra)
    if module:
        raise MissingExtra(f'{what} needs {module}, which is not installed: pip install "klopf[{extra}]"', extra)


@cache
def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False
