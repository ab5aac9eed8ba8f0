"""One method of JSON-RPC: the function that answers it, and how each of its parameters is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from klopf.chain.rpc._fields import INVALID_PARAMS
from klopf.errors import Rejected

__all__ = ["Method", "Optional"]

Reader = Callable[[Any], Any]


class Optional(NamedTuple):
    """A parameter that may be left out, or null; it is ``default`` then."""

    read: Reader
    default: Any = None


class Method:
    """``answer(node, *parameters)`` with each parameter read by its reader first; optional ones come last.

    ``text``, where there is one, gives the same answer as JSON's text. ``is_constant``: it does not follow from what is
    in the chain.
    """

    __slots__ = ("_answer", "_readers", "_required", "_text", "is_constant")

    def __init__(
        self,
        answer: Callable[..., Any],
        *readers: Reader | Optional,
        text: Callable[..., str] | None = None,
        is_constant: bool = False,
    ) -> None:
        self.is_constant = is_constant
        self._answer = answer
        self._text = text
        self._readers = readers
        self._required = sum(not isinstance(reader, Optional) for reader in readers)

    @property
    def has_text(self) -> bool:
        """Whether it writes its answer by itself."""
        return self._text is not None

    def __call__(self, node: Any, params: list[Any] | tuple[Any, ...], as_text: bool = False) -> Any:
        """The result. Raises :class:`~klopf.errors.Rejected` where a parameter is not what it must be."""
        readers = self._readers
        if not self._required <= len(params) <= len(readers):
            least, most = self._required, len(readers)
            count = f"{most}" if least == most else f"{least} to {most}"
            raise Rejected(f"expected {count} parameters, got {len(params)}", INVALID_PARAMS)
        values = []
        for place, reader in enumerate(readers):
            given = params[place] if place < len(params) else None
            if isinstance(reader, Optional):
                values.append(reader.default if given is None else reader.read(given))
            else:
                values.append(reader(given))
        return self._text(node, *values) if as_text and self._text is not None else self._answer(node, *values)
