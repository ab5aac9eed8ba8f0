"""What a policy can do to a field: a file each, and a line in this table."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from klopf.store._actions._coarsen import CoarsenPlace, CoarsenTime
from klopf.store._actions._generalise import Generalise
from klopf.store._actions._noise import Noise
from klopf.store._actions._plain import Drop, Keep
from klopf.store._actions._pseudonym import Pseudonym
from klopf.store._actions._text import Text

__all__ = ["Actions"]

Actions = Annotated[
    Keep | Drop | Pseudonym | Generalise | CoarsenTime | CoarsenPlace | Noise | Text,
    Field(discriminator="action"),
]
"""The settings of a field, told apart by ``action``. A new one is a file here and a word above."""
