"""The file that says what becomes of each field: checked when it is read, and again against the records."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from klopf.errors import StoreError
from klopf.store._actions import Actions
from klopf.store._actions._base import Action
from klopf.store._actions._cells import numbers
from klopf.store._actions._coarsen import CoarsenPlace, moments
from klopf.store._actions._noise import Noise
from klopf.store._actions._plain import Drop, Keep
from klopf.tables import Table

__all__ = ["EXAMPLE", "Policy"]

_LONGEST = 1 << 20

EXAMPLE = """\
# What becomes of each field before it is stored. Every column of the records is named; one that is not is refused.
device = "meter-0042"          # who recorded: what `klopf store trace` shows

[screen]
duplicates = ["time", "home"]  # records alike in these are one (without: alike in everything)
near = { temperature = 0.2 }   # a record that moved less than this since the last one that was kept is left out

[anonymity]                    # of the fields that are generalised or coarsened
k = 3
suppress = 0.1                 # at most this share of the records may be left out for it

[budget]                       # of the fields with noise
epsilon = 100.0                # what all that the device recorded in one period may cost, for ever
days = 7
time = "time"

[fields]
home = { action = "pseudonym" }
owner = { action = "drop" }
time = { action = "coarsen-time", to = "day" }
age = { action = "generalise", widths = [10, 20, 40] }
postcode = { action = "generalise", prefix = [3, 2] }
trade = { action = "generalise", groups = { nurse = "care", doctor = "care", baker = "food" } }
latitude = { action = "coarsen-place", km = 5 }
longitude = { action = "coarsen-place", km = 5, latitude = "latitude" }
temperature = { action = "keep" }
load = { action = "noise", low = 0, high = 10, step = 0.01, epsilon = 0.5 }
illness = { action = "keep", sensitive = true }
note = { action = "text", words = ["Ann", "Miller"] }  # what it recognises, and these, become their kind (klopf[text])
"""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Screen(_Strict):
    """Which records say nothing new."""

    duplicates: tuple[str, ...] | Literal[False] = ()
    """Records that are alike in these fields are one; none: those alike in every field; false: each is one."""
    near: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """A record none of whose fields here moved by more than this since the last one kept (of the same ``by``), is left
    out."""
    by: str = ""
    """The field that tells whose record it is, for ``near``."""


class Anonymity(_Strict):
    """How many must look alike."""

    k: int = Field(ge=2, le=1_000_000)
    subject: str = ""
    """The field that tells people apart: k counts people; without, records."""
    suppress: float = Field(0.0, ge=0, lt=1)
    """The share of the records that may be left out so that the others need not be coarser."""
    l: int = Field(1, ge=1, le=1_000_000)
    """So many values of each sensitive field must be among those that look alike."""


class Budget(_Strict):
    """What noise may cost."""

    epsilon: float = Field(gt=0, le=1e6)
    """Of all that the device recorded in one period, whenever and however often it is given away."""
    days: float = Field(36_525, ge=1 / 24, le=36_525)
    """Length of a period of the records' own time."""
    time: str = ""
    """The column of that time; without, everything is one period."""


class Policy(_Strict):
    """What becomes of records. Read with :meth:`read`."""

    device: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._:/-]{0,126}[A-Za-z0-9])?$")
    fields: dict[str, Actions] = Field(min_length=1, max_length=1_000)
    screen: Screen = Screen()
    anonymity: Anonymity | None = None
    budget: Budget | None = None

    @classmethod
    def read(cls, file: Path) -> Policy:
        """
        Raises:
            StoreError: it cannot be read, is no TOML, or contradicts itself; one line.
        """
        return cls.parse(policy_text(file), file.name)

    @classmethod
    def parse(cls, text: str, name: str = "the policy") -> Policy:
        """As :meth:`read`, from text."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise StoreError(
                f"{name} is no TOML: {error}; `klopf store policy` prints a policy to start from"
            ) from None
        except ValidationError as error:
            raise StoreError(f"{name}: {_first(error)}") from None
        except RecursionError:
            raise StoreError(f"{name} is nested too deeply") from None

    @model_validator(mode="after")
    def _holds_together(self) -> Policy:
        named = {
            "screen.duplicates": self.screen.duplicates or (),
            "screen.near": tuple(self.screen.near),
            "screen.by": (self.screen.by,) if self.screen.by else (),
            "anonymity.subject": (self.anonymity.subject,) if self.anonymity and self.anonymity.subject else (),
            "budget.time": (self.budget.time,) if self.budget and self.budget.time else (),
            **{f"fields.{name}.latitude": beside for name, beside in self._latitudes.items()},
        }
        for where, names in named.items():
            for name in names:
                if name not in self.fields:
                    raise ValueError(f"{where} names {name!r}, which is not among the fields")
                if isinstance(self.fields[name], Noise):
                    raise ValueError(
                        f"{where} names {name!r}, which has noise: which records stay, or where they lie, would tell "
                        "what the noise hides"
                    )
        for name, beside in self._latitudes.items():
            if name in beside:
                raise ValueError(f"fields.{name}.latitude names itself: name the column with the latitudes")
        for name, action in self.noised.items():
            if action.sensitive:
                raise ValueError(f"{name!r} has noise, which hides it by itself: leave sensitive out")
        if self.noised and self.budget is None:
            raise ValueError(f"the field {next(iter(self.noised))!r} has noise: say what it may cost in [budget]")
        if self.noised and self.screen.duplicates == ():
            raise ValueError(
                "where fields have noise, screen.duplicates names those (others) by which records are one, or is false"
            )
        if self.anonymity is None and any(action.levels() > 1 for action in self.fields.values()):
            raise ValueError("fields are generalised: say how many must look alike, in [anonymity]")
        if self.anonymity and not self.identifying:
            raise ValueError("[anonymity] asks for k, and no field is generalised or coarsened")
        if self.anonymity and self.anonymity.l > 1 and not self.sensitive:
            raise ValueError("anonymity.l asks for different values, and no field is sensitive")
        if all(isinstance(action, Drop) for action in self.fields.values()):
            raise ValueError("every field is dropped: nothing would be left")
        return self

    @property
    def _latitudes(self) -> dict[str, tuple[str, ...]]:
        """The other column that a longitude's cells are cut by, where it names one."""
        places = {name: action for name, action in self.fields.items() if isinstance(action, CoarsenPlace)}
        return {name: (action.latitude,) for name, action in places.items() if action.latitude}

    @property
    def changes(self) -> bool:
        """Whether some field is given as something else than it was."""
        return any(not isinstance(action, Keep | Drop) for action in self.fields.values())

    @property
    def noised(self) -> dict[str, Noise]:
        return {name: action for name, action in self.fields.items() if isinstance(action, Noise)}

    @property
    def identifying(self) -> dict[str, Action]:
        return {name: action for name, action in self.fields.items() if action.identifies}

    @property
    def sensitive(self) -> list[str]:
        return [name for name, action in self.fields.items() if action.sensitive]

    @property
    def kept(self) -> list[str]:
        """Fields that stay exactly as they are."""
        return [name for name, action in self.fields.items() if isinstance(action, Keep)]

    def check(self, table: Table) -> None:
        """
        Raises:
            StoreError: the records have a field that is not named here, lack one, or hold what an action cannot take.
        """
        if unnamed := [name for name in table.names if name not in self.fields]:
            raise StoreError(
                f"{table.name} has {_named(unnamed)} that the policy does not name: say what becomes of each, such as"
                f' {unnamed[0]} = {{ action = "drop" }} under [fields]'
            )
        if strange := [name for name in self.fields if name not in table.columns]:
            raise StoreError(
                f"the policy names {_named(strange)}, and {table.name} has no such field: take it out of [fields]"
            )
        for name, action in self.fields.items():
            try:
                action.check(table.columns[name], table)
            except StoreError as error:
                raise StoreError(f"{table.name}, field {name!r}: {error}") from None
        for name in self.screen.near:
            try:
                numbers(table.columns[name])
            except StoreError as error:
                raise StoreError(f"{table.name}, screen.near {name!r}: {error}") from None
        if self.budget and self.budget.time:
            try:
                moments(table.columns[self.budget.time])
            except StoreError as error:
                raise StoreError(f"{table.name}, budget.time {self.budget.time!r}: {error}") from None
        if self.anonymity and self.anonymity.k > len(table):
            raise StoreError(f"{table.name} has {len(table)} records: {self.anonymity.k} of them cannot look alike")


def policy_text(file: Path) -> str:
    """
    Raises:
        StoreError: it is not there, too long or no text.
    """
    try:
        with file.open("rb") as handle:
            data = handle.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise StoreError(f"{file} is longer than a policy can be ({_LONGEST:,} bytes)")
        return data.decode()
    except OSError as error:
        raise StoreError(
            f"cannot read the policy {file}: {error.strerror or error}; `klopf store policy` prints one to start from"
        ) from None
    except UnicodeDecodeError:
        raise StoreError(f"{file} is no policy: it is not UTF-8 text") from None


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, where it is and what."""
    found: Any = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"])
    if found["type"] == "extra_forbidden":
        return f"there is no setting {where!r}: see `klopf store policy`"
    if found["type"] in ("union_tag_invalid", "union_tag_not_found"):
        expected = found.get("ctx", {}).get("expected_tags", "")
        return f"{where} needs an action" + (f", one of {expected}" if expected else "")
    message = str(found["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _named(names: list[str]) -> str:
    """A few of them by name, and how many more there are."""
    return ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
