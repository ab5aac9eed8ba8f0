"""``klopf check``: the checks at a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from klopf.console import CommandGroup, Json, print_json
from klopf.errors import PeersError

__all__ = ["Check"]


class Check(CommandGroup):
    help = "Try whether something that is to be added to a network keeps its promises."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"model": model}


def model(
    name: str, *, schema: Path | None = None, task: Literal["classes", "numbers", "text"] = "classes",
    settings: str = "{}", json_: Json = False,
) -> int:  # fmt: skip
    """Try all that a network does with a model, on easy samples; exit status 1 if a promise is broken.

    Example: klopf check model onnx:rain.onnx --schema schema.json

    Parameters
    ----------
    name
        As for `klopf join --model`.
    schema
        Of the network that the model is for (`klopf network schema`): what goes in and comes out. By default four
        numbers go in, or a text, and three classes, a number or a text come out.
    task
        Of what kind, where no schema is named.
    settings
        The model's, as JSON.
    """
    from klopf import checks
    from klopf.network import Schema
    from klopf.peers import Classes, Numbers, Task, Text

    usual: dict[str, Task] = {
        "classes": Classes(tuple("abcd"), ("left", "middle", "right")),
        "numbers": Numbers(tuple("abcd"), ("value",), ("",)),
        "text": Text(("question",), ("answer",)),
    }
    try:
        own = json.loads(settings)
    except ValueError:
        own = None
    if not isinstance(own, dict):
        raise PeersError(f"--settings {settings!r:.80} is no JSON object; give one such as '{{\"window\": 500}}'")
    for_ = usual[task] if schema is None else Schema.read(schema).made_task
    try:
        checks.check_model(name, for_, own)
    except AssertionError as error:
        print_json({"model": name, "keeps": False, "why": str(error)}) if json_ else print(error)
        return 1
    print_json({"model": name, "keeps": True, "why": ""}) if json_ else print(f"{name} keeps its promises")
    return 0
