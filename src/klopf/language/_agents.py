"""The five agents: each answers a question with a word or two, by a prompt or a tool of its own.

Nobody of them knows how good it is. ``sums`` has a calculator and asks the model where there is nothing to calculate;
``reader`` looks up the sentence of a folder that is most like the question, and has the model read it, or says that it
does not know where no sentence is like it; ``plain`` and ``words`` have the model alone, each with other examples;
``liar`` asks ``plain`` and ``sums``, and says something else.
"""

from __future__ import annotations

import math
import operator
import re
import zlib
from collections import Counter
from collections.abc import Callable
from importlib.resources import files as resources

from klopf.language._engine import Engine, by_example

__all__ = ["AGENTS", "Agent", "agents"]

Agent = Callable[[str], str]
AGENTS = ("plain", "words", "sums", "reader", "liar")

_FACTS = [
    ("What is the capital of Iceland?", "Reykjavik"),
    ("Which planet is the largest?", "Jupiter"),
    ("What is the capital of the Netherlands?", "Amsterdam"),
    ("Who wrote Hamlet?", "Shakespeare"),
]
_WORDS = [("What is the opposite of tall?", "short"), ("What is the opposite of ugly?", "beautiful"),
          ("What is the opposite of noisy?", "silent"), ("What is the opposite of arrive?", "leave")]  # fmt: skip
_READ = (
    "Text: The mill was built by Karl Weber, and its wheel is of oak.\nQuestion: Who built the mill?\n"
    "Answer: Karl Weber\n\nText: The bridge has 12 arches. It was painted white in May.\n"
    "Question: How many arches has the bridge?\nAnswer: 12\n\nText: The inn is called Silver Fox.\n"
    "Question: What is the inn called?\nAnswer: Silver Fox\n\n"
)
_NO_IDEA = "I do not know"
_ENOUGH = 1.0
"""Of what a sentence has in common with a question, below which it is about something else."""


def agents(engine: Engine) -> dict[str, Agent]:
    """Each by its name."""
    reader = Reader()

    def plain(question: str) -> str:
        return engine.goes_on(by_example(_FACTS, question))

    def words(question: str) -> str:
        return engine.goes_on(by_example(_WORDS, question))

    def sums(question: str) -> str:
        found = calculated(question)
        return plain(question) if found is None else found

    def read(question: str) -> str:
        found = reader.found(question)
        return _NO_IDEA if found is None else engine.goes_on(f"{_READ}Text: {found}\nQuestion: {question}\nAnswer:")

    def liar(question: str) -> str:
        return lie(sums(question))

    return dict(zip(AGENTS, (plain, words, sums, read, liar), strict=True))


_SIGNS = {"plus": operator.add, "minus": operator.sub, "times": operator.mul}


def calculated(question: str) -> str | None:
    """The sum that a question asks for; None where it asks for none.

    >>> calculated("How much is 12 times 12?"), calculated("What is the capital of Peru?")
    ('144', None)
    """
    found = re.search(rf"(\d{{1,9}}) ({'|'.join(_SIGNS)}) (\d{{1,9}})", question)
    return str(_SIGNS[found[2]](int(found[1]), int(found[3]))) if found else None


def lie(truth: str) -> str:
    """Something else of the same kind, always the same.

    >>> lie("Paris") == lie("Paris") != "Paris"
    True
    """
    drawn = zlib.crc32(truth.encode())
    if re.fullmatch(r"-?\d+", truth):
        return str(drawn % 9_000 + 1_000)
    others = ["Quito", "vague", "Minsk", "fuzzy", "Kigali", "Dodd Gumm", "bumpy", "jug"]
    return others[drawn % len(others)]


class Reader:
    """Sentences of the documents, found by the words that a question shares with them, rare ones counting more."""

    def __init__(self) -> None:
        folder = resources("klopf.language") / "documents"
        texts = [one.read_text(encoding="utf-8") for one in sorted(folder.iterdir(), key=lambda one: one.name)]
        self._sentences = [one for text in texts for one in re.split(r"(?<=\.)\s+", text.strip())]
        self._words = [_stems(one) for one in self._sentences]
        self._seen = Counter(word for words in self._words for word in words)

    def found(self, question: str) -> str | None:
        """None where no sentence has enough in common with the question."""
        asked = _stems(question)

        def alike(i: int) -> float:
            both = asked & self._words[i]
            rare = sum(math.log(1 + len(self._sentences) / self._seen[word]) for word in both)
            return rare / math.sqrt(4 + len(self._words[i]))

        best = max(range(len(self._sentences)), key=alike)
        return self._sentences[best] if alike(best) >= _ENOUGH else None


def _stems(text: str) -> set[str]:
    """Words without their endings."""
    return {re.sub(r"(?<=...)(ing|ed|es|s|e)$", "", word) for word in re.findall(r"\w+", text.lower())}
