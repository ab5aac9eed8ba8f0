"""Where settings come from: a flag goes before the environment, that before the file, and that before the default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from klopf.errors import PeersError

__all__ = ["PREFIX", "changed", "from_environment", "put", "read_raw"]

PREFIX = "KLOPF_RUN__"
"""Environment variables that begin so are settings: ``KLOPF_RUN__DATA__TARGET=kind`` is ``data.target``."""


def read_raw(path: Path) -> dict[str, Any]:
    """The tables in a TOML file, or in one of YAML (``.yaml``, ``.yml``).

    Raises:
        FileNotFoundError: there is none.
        PeersError: it cannot be read; one line.
    """
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise PeersError(f"cannot read {path}: {error}") from None
    if not is_yaml:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PeersError(f"{path} is not TOML: {error}; compare with `klopf run --example`") from None
    import yaml  # PyYAML

    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise PeersError(f"{path} is not YAML: {said}; its tables are those of `klopf run --example`") from None
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise PeersError(f"{path} has no tables: its settings are those of `klopf run --example`, such as `data:`")
    return raw


def from_environment(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The settings that the environment says, by their places.

    >>> from_environment({"KLOPF_RUN__DATA__TARGET": "kind", "KLOPF_RUN__EPOCHS": "3", "HOME": "/root"})
    {'data.target': 'kind', 'epochs': 3}
    """
    told = os.environ if environment is None else environment
    found = {name: value for name, value in told.items() if name.upper().startswith(PREFIX)}
    return {name[len(PREFIX) :].lower().replace("__", "."): _value(text) for name, text in sorted(found.items())}


def changed(given: Sequence[str]) -> dict[str, Any]:
    """The settings in flags, by their places.

    >>> changed(["data.target=kind", "neuron.0.settings.hidden=[64, 64]", "restart=false"])
    {'data.target': 'kind', 'neuron.0.settings.hidden': [64, 64], 'restart': False}

    Raises:
        PeersError: one of them is no ``PLACE=VALUE``.
    """
    for one in given:
        if not one.partition("=")[0].strip() or "=" not in one:
            raise PeersError(f"--set {one!r} is no PLACE=VALUE: write it as data.target=kind")
    parts = [one.partition("=") for one in given]
    return {place.strip(): _value(text.strip()) for place, _, text in parts}


def _value(text: str) -> Any:
    """What TOML takes ``text`` for; text, where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, KeyError):
        return text


def put(raw: dict[str, Any], place: str, value: Any) -> None:
    """Set what is at ``place`` (``data.target``, ``neuron.0.passes``) in the tables ``raw``.

    Raises:
        PeersError: there is no such place.
    """
    at: Any = raw
    *ways, last = place.split(".")
    for way in ways:
        if isinstance(at, list) and way.isdigit() and int(way) < len(at):
            at = at[int(way)]
        elif isinstance(at, dict):
            at = at.setdefault(way, {})
        else:
            raise PeersError(f"there is no place {place!r} in the settings: {way!r} leads nowhere")
    if not isinstance(at, dict):
        raise PeersError(f"there is no place {place!r} in the settings: name a setting, such as data.target")
    at[last] = value
