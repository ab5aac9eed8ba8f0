"""What flags say in JSON: settings of a model, and how a file is written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from klopf.errors import PeersError

if TYPE_CHECKING:
    from klopf.tables import Format

__all__ = ["file_form", "json_object"]


def json_object(text: str, flag: str = "--settings") -> dict[str, Any]:
    """What a flag says in JSON. PeersError where it is no object."""
    try:
        own = json.loads(text)
        if not isinstance(own, dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise PeersError(f"{flag} {text!r:.80} is no JSON object; give one such as '{{\"hidden\": [64]}}'") from None
    return own


def file_form(text: str, usual: Format | None = None) -> Format:
    """How a file is written, from JSON; what that leaves open is as ``usual``, where there were files before it.
    PeersError where it says what is none of that."""
    from klopf.tables import Format

    given = json_object(text, "--form")
    known = {"delimiter": str, "decimal": str, "encoding": str, "missing": list, "spellings": dict}
    for name, value in given.items():
        if name not in known or not isinstance(value, known[name]):
            raise PeersError(f"--form has {name!r}: it takes {', '.join(known)}, as docs/settings.md says of data")
    if "missing" in given:
        given["missing"] = tuple(map(str, given["missing"]))
    return replace(usual or Format(), **given)
