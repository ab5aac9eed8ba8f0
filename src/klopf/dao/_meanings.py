"""Texts as rows of numbers, by a text model that is named: what says the same stands near.

``letters`` needs nothing. ``wordllama`` has a vector of 256 numbers for each of 32,000 pieces of words, and a text is
their mean: the package ships them (pip install "klopf[words]") and nothing is loaded from elsewhere. Any other is
``openai:URL#MODEL``, an endpoint that speaks as OpenAI's embeddings do; so is who drafts, by chat completions.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import DaoError, PeersError
from klopf.extras import require

if TYPE_CHECKING:
    from klopf.peers.models._endpoint import Endpoint

__all__ = ["MODELS", "Meaning", "suggested", "vectors"]

Array = NDArray[np.float64]
Meaning = Callable[[Sequence[str]], "NDArray[Any]"]
"""Texts as numbers: (texts, any)."""

_SECONDS = 60.0
_KEY = "OPENAI_API_KEY"
_LONGEST = 300
"""Letters of a statement."""


def _wordllama(where: str) -> Meaning:
    require("words", "the text model wordllama")
    found = importlib.util.find_spec("wordllama")
    if found is None or not found.submodule_search_locations:
        raise DaoError('wordllama is not installed: pip install "klopf[words]"')
    home = Path(
        found.submodule_search_locations[0]
    )  # not imported: it would set up logging, and may load from elsewhere
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        pieces = Tokenizer.from_file(str(home / "tokenizers" / "l2_supercat_tokenizer_config.json"))
        rows = load_file(home / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
    except Exception as error:  # the tokenizer's own errors have no class
        raise DaoError(f"wordllama's files in {home} cannot be read ({error}): install it again") from None

    def meaning(texts: Sequence[str]) -> NDArray[Any]:
        split = [pieces.encode(text, add_special_tokens=False).ids for text in texts]
        return np.stack(
            [rows[ids].astype(np.float64).mean(0) if ids else np.zeros(rows.shape[1]) for ids in split]
        )  # fmt: skip

    return meaning


def _openai(where: str) -> Meaning:
    endpoint, model = _endpoint(where, "/embeddings")

    def meaning(texts: Sequence[str]) -> NDArray[Any]:
        found: list[list[float]] = []
        for first in range(0, len(texts), 100):
            asked = [text or " " for text in texts[first : first + 100]]
            answer = _posted(endpoint, {"model": model, "input": asked, "encoding_format": "float"})
            try:
                rows = sorted(answer["data"], key=lambda one: one["index"])
                part = np.array([row["embedding"] for row in rows], np.float64)
            except (KeyError, TypeError, ValueError):
                raise DaoError(f"{endpoint.shown} answers with no data[].embedding") from None
            if part.ndim != 2 or len(part) != len(asked) or not np.isfinite(part).all():
                raise DaoError(
                    f"{endpoint.shown} gave {part.shape}, not a row of numbers for each of {len(asked)} texts"
                )
            if found and len(found[0]) != part.shape[1]:
                raise DaoError(f"{endpoint.shown} gave rows of {part.shape[1]} numbers after rows of {len(found[0])}")
            found += part.tolist()
        return np.array(found)

    return meaning


MODELS: Mapping[str, Callable[[str], Meaning]] = {"wordllama": _wordllama, "openai": _openai}
"""Text models by name, made from what follows the colon; ``letters`` is none of them, for it needs no model."""


def vectors(by: str | Meaning, texts: Sequence[str], *, centred: bool = False) -> Array:
    """(texts, d): a row of length 1 for each text, or of zeros where the model knows nothing of it.

    ``by``: a model's name, or a function. ``centred``: less what all have in common, so that what a text is about
    counts beside what all are about.

    Raises:
        DaoError: there is no such model, or it does not answer as it should; one line.
        MissingExtra: what it needs is not installed.
    """
    if isinstance(by, str):
        name, _, where = by.partition(":")
        if name not in MODELS or (bool(where) != (name == "openai")):
            raise DaoError(f"{by[:60]!r} is no text model: choose letters, wordllama or openai:URL#MODEL")
        by = MODELS[name](where)
    rows = np.asarray(by(texts), np.float64)
    if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
        raise DaoError(f"the text model gave {rows.shape}, not a row of numbers for each of {len(texts)} texts")
    rows = _long(rows)
    return _long(rows - rows.mean(0)) if centred else rows


def suggested(writer: str, texts: Sequence[str], title: str = "") -> str:
    """One statement that says what ``texts`` have in common, as ``writer`` (openai:URL#MODEL) puts it: printable, on
    one line, at most 300 letters. Nobody has agreed to it yet.

    Raises:
        DaoError: there is no such writer, or it says nothing.
    """
    name, _, where = writer.partition(":")
    if name != "openai":
        raise DaoError(f"{writer[:60]!r} is no writer: name an endpoint, such as openai:http://127.0.0.1:8080/v1#small")
    endpoint, model = _endpoint(where, "/chat/completions")
    told = (
        "Members of a community agreed with all of these statements. Write one short statement, a single sentence, "
        "that says what they have in common and nothing else. It must be one that people can agree or disagree with."
    )
    asked = (f"The question was: {title}\n" if title else "") + "\n".join(f"- {text[:_LONGEST]}" for text in texts)
    answer = _posted(endpoint, {
        "model": model, "temperature": 0, "seed": 0, "max_tokens": 120, "stream": False,
        "messages": [{"role": "system", "content": told}, {"role": "user", "content": asked}],
    })  # fmt: skip
    try:
        text = answer["choices"][0]["message"]["content"]
        line = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * _LONGEST]).split())
    except (KeyError, IndexError, TypeError):
        raise DaoError(f"{endpoint.shown} answers with no choices[0].message.content") from None
    if not line:
        raise DaoError(f"{endpoint.shown} wrote nothing: try another model")
    return line.strip('"').lstrip("-* ")[:_LONGEST]


def _endpoint(where: str, path: str) -> tuple[Endpoint, str]:
    import os

    require("network", "text models behind an URL")
    from klopf.peers.models._endpoint import Endpoint

    base, _, model = where.partition("#")
    if not base or not model:
        raise DaoError("name an endpoint and its model, such as openai:http://127.0.0.1:8080/v1#small")
    try:
        return Endpoint(base.rstrip("/") + path, _SECONDS, _KEY if os.environ.get(_KEY) else ""), model
    except PeersError as error:
        raise DaoError(str(error)) from None


def _posted(endpoint: Endpoint, body: Any) -> Any:
    try:
        return endpoint.post(body)
    except PeersError as error:
        raise DaoError(str(error)) from None


def _long(rows: Array) -> Array:
    size = np.sqrt((rows**2).sum(1, keepdims=True))
    return np.asarray(np.where(size > 1e-12, rows / np.where(size > 1e-12, size, 1.0), 0.0))
