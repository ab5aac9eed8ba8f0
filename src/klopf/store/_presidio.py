"""Free text by Presidio, with recognisers that are patterns: nothing is downloaded. The only file that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from klopf.extras import require

__all__ = ["redact"]


def redact(texts: Sequence[str], words: tuple[str, ...]) -> list[str | None]:
    """``texts`` with what is recognised replaced by its kind in angle brackets; empty ones are gaps.

    Raises:
        MissingExtra: Presidio is not installed.
    """
    require("text", "free text")
    kinds = _recognisers(words)
    return [_redacted(text, kinds) if text else None for text in texts]


@cache
def _recognisers(words: tuple[str, ...]) -> list[Any]:
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        CryptoRecognizer,
        DateRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
        UrlRecognizer,
    )

    found: list[Any] = [
        kind()
        for kind in (
            CreditCardRecognizer, CryptoRecognizer, DateRecognizer, IbanRecognizer, IpRecognizer, PhoneRecognizer,
            UrlRecognizer,
        )
    ]  # fmt: skip
    # Presidio's own recogniser of e-mail addresses downloads a list of domains to check them against
    mail = Pattern("mail", r"[\w.+%-]+@[\w-]+(\.[\w-]+)*", 1.0)
    found.append(PatternRecognizer(supported_entity="EMAIL_ADDRESS", patterns=[mail]))
    if words:
        found.append(PatternRecognizer(supported_entity="WORD", deny_list=list(words)))
    return found


def _redacted(text: str, recognisers: Sequence[Any]) -> str:
    spans = sorted(
        (
            (found.start, -found.end, -found.score, found.entity_type)  # the longest of those that begin together
            for one in recognisers
            for found in one.analyze(text=text, entities=one.supported_entities, nlp_artifacts=None)
        ),
    )
    out, at = [], 0
    for start, end, _, kind in spans:
        if start >= at:
            out += [text[at:start], f"<{kind}>"]
        at = max(at, -end)
    return "".join([*out, text[at:]])
