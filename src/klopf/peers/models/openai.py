"""A language model, or an agent of any framework, behind an endpoint that speaks as OpenAI's chat completions do:
``model = "openai:http://127.0.0.1:8080/v1#name-of-the-model"``. It does not learn here.

Text is put to it as it is, a table's row as a line for each feature, and for classes it is told to answer with one of
them; an answer that names none says nothing (all classes alike).
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers.models._endpoint import Endpoint
from klopf.peers.models._frozen import Frozen, taken
from klopf.peers.tasks import Classes, Task, Text

__all__ = ["OpenAIModel"]

_USUAL = {"prompt": "", "version": "", "key": "", "seconds": 25.0, "tokens": 64, "at_once": 4}
_LONGEST = 1000
"""Characters of an answer that are taken."""


class OpenAIModel(Frozen):
    """``settings``: ``prompt`` (what it is told first), ``version`` (what its owner calls this state of it), ``key``
    (the environment variable with the key, such as OPENAI_API_KEY), ``seconds`` (for one question, with up to four
    tries), ``tokens`` (of an answer at most), ``at_once`` (questions at a time).

    Its commitment names URL, model, prompt and version. Such models do not always say the same again, and a neuron
    must: what was answered is remembered while the process lives.
    """

    def __init__(self, task: Task, settings: Mapping[str, Any]) -> None:
        super().__init__(task, settings)
        base, _, self._model = self.variant.partition("#")
        if not self._model or not base:
            raise PeersError("name an endpoint and its model, such as openai:http://127.0.0.1:8080/v1#small")
        if not 1 <= settings["tokens"] <= 65_536 or not 1 <= settings["at_once"] <= 64:
            raise PeersError("tokens are from 1 to 65,536 and at_once from 1 to 64")
        url = base.rstrip("/") + "/chat/completions"
        self._endpoints = [Endpoint(url, settings["seconds"], settings["key"]) for _ in range(settings["at_once"])]
        self.portion = 2 * settings["at_once"]
        self._known = _memory(self.commitment())

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls.opened(task, settings, Path())

    @classmethod
    def opened(cls, task: Task, settings: Mapping[str, Any], folder: Path) -> Self:
        if not isinstance(task, Classes | Text):
            raise PeersError(f"a language model answers text or classes, not {task.kind}: choose another model")
        return cls(task, taken(settings, _USUAL, "a language model"))

    def says(self, inputs: NDArray[Any]) -> Any:
        asked = [self._question(one) for one in inputs]
        new = [one for one in dict.fromkeys(asked) if self._known.get(one) is None]
        with ThreadPoolExecutor(len(self._endpoints), "endpoint") as threads:
            free = list(self._endpoints)
            lock = threading.Lock()

            def ask(question: str) -> str:
                with lock:
                    endpoint = free.pop()
                try:
                    return self._ask(endpoint, question)
                finally:
                    with lock:
                        free.append(endpoint)

            found = dict(zip(new, threads.map(ask, new), strict=True))
        for question, text in found.items():
            self._known.put(question, text)
        texts = [found.get(one) or self._known.get(one) or "" for one in asked]
        return np.array(texts, np.str_) if isinstance(self.task, Text) else self._chosen(texts)

    def _question(self, one: Any) -> str:
        if isinstance(self.task, Text):
            return str(one)
        return "\n".join(f"{name}: {value:g}" for name, value in zip(self.task.features, one.tolist(), strict=True))

    def _told(self) -> str:
        if isinstance(self.task, Text):
            return str(self.settings["prompt"]) or "Answer in one short line."
        wish = f"Answer with one of these and nothing else: {', '.join(self.task.names)}."
        return f"{self.settings['prompt']} {wish}".strip()

    def _ask(self, endpoint: Endpoint, question: str) -> str:
        messages = [{"role": "system", "content": self._told()}, {"role": "user", "content": question}]
        answer = endpoint.post({
            "model": self._model, "messages": messages, "temperature": 0, "seed": 0,
            "max_tokens": self.settings["tokens"], "stream": False,
        })  # fmt: skip
        try:
            text = answer["choices"][0]["message"]["content"]
            if not isinstance(text, str):
                raise TypeError
        except (KeyError, IndexError, TypeError):
            raise PeersError(f"{endpoint.shown} answers with no choices[0].message.content") from None
        return _plain(text)

    def _chosen(self, texts: list[str]) -> NDArray[np.float32]:
        """All of the probability on the class that a text names first."""
        names = [name.casefold() for name in self.task.names]
        answers = np.full((len(texts), len(names)), 1 / len(names), np.float32)
        for i, text in enumerate(text.casefold() for text in texts):
            places = [found.start() if (found := _word(name).search(text)) else len(text) + 1 for name in names]
            if min(places) <= len(text):
                first = min(range(len(names)), key=lambda c: (places[c], -len(names[c])))
                answers[i] = np.eye(len(names), dtype=np.float32)[first]
        return answers

    def identity(self) -> Mapping[str, Any]:
        return {"endpoint": self.variant, "told": self._told()}


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def _plain(text: str) -> str:
    """One line that a text may be: what cannot be encoded or printed left out, and cut."""
    line = " ".join(text.encode("utf-8", "ignore").decode().split())
    return "".join(letter for letter in line if letter.isprintable())[:_LONGEST]


class _Memory:
    """What was answered, the last ``MOST`` of it."""

    MOST = 20_000

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: str) -> str | None:
        with self._lock:
            return self._texts.get(question)

    def put(self, question: str, text: str) -> None:
        with self._lock:
            self._texts[question] = text
            while len(self._texts) > self.MOST:
                self._texts.popitem(last=False)


_MEMORIES: OrderedDict[bytes, _Memory] = OrderedDict()
_MEMORIES_LOCK = threading.Lock()


def _memory(commitment: bytes) -> _Memory:
    """One for all models of this process that have one commitment: of the snapshots of a neuron all are the same."""
    with _MEMORIES_LOCK:
        found = _MEMORIES.setdefault(commitment, _Memory())
        _MEMORIES.move_to_end(commitment)
        while len(_MEMORIES) > 4:
            _MEMORIES.popitem(last=False)
        return found
