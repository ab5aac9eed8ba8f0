"""A W3C Thing Description 1.1: what an existing device is, what its records have in them, and where it tells them.

Checked by what the recommendation makes mandatory (https://www.w3.org/TR/wot-thing-description11/, section 5), and
beyond that where Klopf reads: the data schemas of what is told, and the forms over MQTT. What else a description has is
left as it is, as JSON-LD wants it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from klopf.errors import FleetError
from klopf.nested import from_json

__all__ = ["CONTEXT", "TIME", "Column", "Thing", "Topic"]

CONTEXT = "https://www.w3.org/2022/wot/td/v1.1"
_BEFORE = "https://www.w3.org/2019/wot/td/v1"
_LONGEST = 1 << 20
_DIGITS = 20

TIME = "time"
"""The column that is added, with the time of arrival, where a description has none of that name."""

_Operation = Literal[
    "readproperty", "writeproperty", "observeproperty", "unobserveproperty", "invokeaction", "queryaction",
    "cancelaction", "subscribeevent", "unsubscribeevent", "readallproperties", "writeallproperties",
    "readmultipleproperties", "writemultipleproperties", "observeallproperties", "unobserveallproperties",
    "subscribeallevents", "unsubscribeallevents", "queryallactions",
]  # fmt: skip
_TELLING = {"observeproperty", "subscribeevent"}


class _Open(BaseModel):
    """A part of a description: what it does not name is left alone."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, allow_inf_nan=False)


def _names_a_place(href: str) -> str:
    try:
        urlsplit(href)
    except ValueError:
        raise ValueError("is no URI") from None
    if not href or any(letter.isspace() for letter in href):
        raise ValueError("is no URI: it is empty or has spaces")
    return href


def _is_absolute(uri: str) -> str:
    if not urlsplit(_names_a_place(uri)).scheme:
        raise ValueError("is no URI: it has no scheme, such as urn: or https:")
    return uri


def _is_a_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no date and time (ISO 8601)") from None
    return text


_Reference = Annotated[str, AfterValidator(_names_a_place)]
_Absolute = Annotated[str, AfterValidator(_is_absolute)]
_Moment = Annotated[str, AfterValidator(_is_a_moment)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_Names = _Text | Annotated[list[_Text], Field(min_length=1)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


class _Form(_Open):
    href: _Reference
    op: _Operation | Annotated[list[_Operation], Field(min_length=1)] | None = None
    content_type: _Text = Field("application/json", alias="contentType")
    security: _Names | None = None
    topic: _Text | None = Field(None, alias="mqv:topic")
    filter: _Text | list[_Text] | None = Field(None, alias="mqv:filter")


class _Data(_Open):
    type: Literal["boolean", "integer", "number", "string", "object", "array", "null"] | None = None
    unit: str | None = None
    enum: Annotated[list[Any], Field(min_length=1)] | None = None
    minimum: float | None = None
    maximum: float | None = None
    properties: dict[str, _Data] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)
    items: _Data | list[_Data] | None = None


class _Affordance(_Open):
    forms: Annotated[list[_Form], Field(min_length=1)]


class _Property(_Affordance, _Data):
    observable: bool = False


class _Event(_Affordance):
    data: _Data | None = None


class _Security(_Open):
    scheme: _Text


class _Description(_Open):
    context: Any = Field(alias="@context")
    title: _Text
    id: _Absolute | None = None
    security: _Names
    security_definitions: Annotated[dict[str, _Security], Field(min_length=1)] = Field(alias="securityDefinitions")
    base: _Absolute | None = None
    created: _Moment | None = None
    modified: _Moment | None = None
    properties: dict[str, _Property] = Field(default_factory=dict)
    actions: dict[str, _Affordance] = Field(default_factory=dict)
    events: dict[str, _Event] = Field(default_factory=dict)
    forms: Annotated[list[_Form], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> _Description:
        if not {CONTEXT, _BEFORE} & {one for one in _listed(self.context)[:2] if isinstance(one, str)}:
            raise ValueError(f"@context: does not begin with {CONTEXT}")
        for where, names in self._securities():
            for name in _listed(names):
                if name not in self.security_definitions:
                    raise ValueError(f"{where}: {name!r} is not among the securityDefinitions")
        if self.base is None:
            for where, form in self.all_forms():
                if not urlsplit(form.href).scheme:
                    raise ValueError(f"{where}.href: is relative, and there is no base")
        for form_at, form in self.all_forms():
            if form_at.startswith("forms[") and form.op is None:
                raise ValueError(f"{form_at}.op: is missing; a form of the whole thing says what it is for")
        return self

    def _securities(self) -> Iterator[tuple[str, Any]]:
        yield "security", self.security
        for where, form in self.all_forms():
            if form.security is not None:
                yield f"{where}.security", form.security

    def all_forms(self) -> Iterator[tuple[str, _Form]]:
        """Each form, and where it is."""
        for kind in ("properties", "actions", "events"):
            for name, affordance in getattr(self, kind).items():
                for i, form in enumerate(affordance.forms):
                    yield f"{kind}.{name}.forms[{i}]", form
        for i, form in enumerate(self.forms or []):
            yield f"forms[{i}]", form


@dataclass(frozen=True)
class Column:
    """One field of the records that a thing tells."""

    name: str
    kind: str
    """As JSON Schema has it: boolean, integer, number or string; empty where the description does not say."""
    needed: bool
    minimum: float
    maximum: float
    values: tuple[Any, ...] = ()
    """All that it may be, where the description lists that."""

    def cell(self, value: Any) -> str:
        """What stands in a table for ``value``.

        Raises:
            FleetError: it is not what the description says.
        """
        if value is None:
            return ""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = {
            "boolean": isinstance(value, bool),
            "integer": number and float(value).is_integer() if number and math.isfinite(value) else False,
            "number": number,
            "string": isinstance(value, str),
        }.get(self.kind, number or isinstance(value, (str, bool)))
        if not right or (number and not self.minimum <= value <= self.maximum):
            raise FleetError(f"{self.name} is {_short(value)}, and the description says {self._says()}")
        if self.values and value not in self.values:
            raise FleetError(f"{self.name} is {_short(value)}, which the description does not list")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not text.isprintable() or len(text) > 4096:
            raise FleetError(f"{self.name} has letters that cannot be shown, or more than 4096 of them")
        return text

    def _says(self) -> str:
        limits = [f"at least {self.minimum:g}"] * math.isfinite(self.minimum)
        limits += [f"at most {self.maximum:g}"] * math.isfinite(self.maximum)
        return ", ".join([self.kind or "a plain value", *limits])


@dataclass(frozen=True)
class Topic:
    """Where a thing tells its records, and what is in them."""

    name: str
    """Of the property or event."""
    host: str
    port: int
    encrypted: bool
    filter: str
    columns: tuple[Column, ...]
    whole: bool
    """A message is an object with a value a column; else it is the one column's value."""

    @property
    def names(self) -> list[str]:
        """The columns of its records, the time of arrival among them where it is added."""
        named = [column.name for column in self.columns]
        return named if TIME in named else [TIME, *named]

    def cells(self, payload: bytes, arrived: str) -> list[str]:
        """A message as a row under :attr:`names`.

        Raises:
            FleetError: it is no record as the description has it.
        """
        try:
            said = _from_json(payload)
        except ValueError as error:
            raise FleetError(f"a message is no JSON: {error}") from None
        if not self.whole:
            said = {self.columns[0].name: said}
        if not isinstance(said, dict):
            raise FleetError("a message is no object, and the description says that it is")
        known = {column.name for column in self.columns}
        if strange := next((name for name in said if name not in known), None):
            raise FleetError(f"a message has a field {_short(strange)} that the description does not name")
        if lacking := next((c.name for c in self.columns if c.needed and said.get(c.name) is None), None):
            raise FleetError(f"a message lacks {lacking}, which the description requires")
        row = [column.cell(said.get(column.name)) for column in self.columns]
        return row if TIME in known else [arrived, *row]


class Thing:
    """A description that was checked. ``plain``: as it is in the file."""

    def __init__(self, plain: Mapping[str, Any], name: str = "the description") -> None:
        """Raises:
        FleetError: it is not what a Thing Description must be; one line that names the path and what is wrong there.
        """
        try:
            self._read = _Description.model_validate(plain)
        except ValidationError as error:
            raise FleetError(f"{name}: {_first(error)}") from None
        self.plain = plain
        self.title = self._read.title
        self._name = name

    @classmethod
    def read(cls, file: Path) -> Thing:
        """The description in a file.

        Raises:
            FleetError: it cannot be read, or as above.
        """
        try:
            with file.open("rb") as handle:
                data = handle.read(_LONGEST + 1)
            if len(data) > _LONGEST:
                raise FleetError(f"{file} has more than {_LONGEST:,} bytes, the most that a description may have")
            plain = _from_json(data)
        except OSError as error:
            raise FleetError(f"cannot read {file}: {error.strerror}") from None
        except ValueError as error:
            raise FleetError(f"{file} is no JSON: {error}") from None
        if not isinstance(plain, dict):
            raise FleetError(f"{file}: a Thing Description is an object")
        return cls(plain, file.name)

    def topics(self) -> list[Topic]:
        """Where it tells records over MQTT.

        Raises:
            FleetError: nowhere, or what is told there has no columns.
        """
        found: dict[tuple[Any, ...], Topic] = {}
        for kind, affordances in (("properties", self._read.properties), ("events", self._read.events)):
            for name, affordance in affordances.items():
                data = affordance if isinstance(affordance, _Property) else affordance.data
                for i, form in enumerate(affordance.forms):
                    if topic := self._topic(name, form, data, f"{kind}.{name}", i):
                        found.setdefault((topic.host, topic.port, topic.filter), topic)
        if not found:
            raise FleetError(
                f"{self._name}: no property is observed and no event subscribed to over MQTT: a form for that has"
                ' "op": "subscribeevent" or "observeproperty", and an href with mqtt://'
            )
        return list(found.values())

    def _topic(self, name: str, form: _Form, data: _Data | None, where: str, i: int) -> Topic | None:
        at = urlsplit(form.href if urlsplit(form.href).scheme else str(self._read.base).rstrip("/") + "/" + form.href)
        if at.scheme not in ("mqtt", "mqtts") or not _TELLING & set(_listed(form.op)):
            return None
        chosen = form.filter or form.topic or unquote(at.path.strip("/"))
        if not isinstance(chosen, str) or not chosen:
            raise FleetError(f"{self._name}: {where}.forms[{i}]: names no topic; one is in mqv:filter or mqv:topic")
        try:
            port = at.port or (8883 if at.scheme == "mqtts" else 1883)
        except ValueError:
            raise FleetError(f"{self._name}: {where}.forms[{i}].href: the port is no number up to 65535") from None
        if form.content_type.partition(";")[0].strip() != "application/json":
            raise FleetError(f"{self._name}: {where}.forms[{i}].contentType: only application/json is read")
        columns, whole = self._columns(name, data, where)
        return Topic(name, at.hostname or "localhost", port, at.scheme == "mqtts", chosen, columns, whole)

    def _columns(self, name: str, data: _Data | None, where: str) -> tuple[tuple[Column, ...], bool]:
        if data is None or data.type in ("array", "null", None) or (data.type == "object" and not data.properties):
            raise FleetError(
                f"{self._name}: {where}: says not which values are told: give it a type, and its properties"
            )
        if data.type != "object":
            return (_column(name, data, True),), False
        for field, inner in data.properties.items():
            if inner.type in ("object", "array", "null"):
                raise FleetError(
                    f"{self._name}: {where}.properties.{field}: is no plain value, and a record has no others"
                )
        return tuple(_column(field, inner, field in data.required) for field, inner in data.properties.items()), True


def _column(name: str, data: _Data, needed: bool) -> Column:
    low = -math.inf if data.minimum is None else data.minimum
    high = math.inf if data.maximum is None else data.maximum
    return Column(name, data.type or "", needed, low, high, tuple(data.enum or ()))


def _from_json(data: bytes) -> Any:
    """What stands in ``data``.

    Raises:
        ValueError: it is no JSON (numbers that are none are not), nested too deeply, or has a number too long.
    """
    return from_json(data, parse_constant=_no_number, parse_int=_whole, parse_float=_finite)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _DIGITS:
        raise ValueError(f"a whole number has more than {_DIGITS} digits")
    return int(digits)


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("a number is beyond all that a computer counts to")
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, where it is and what."""
    all_: Any = error.errors()
    found = all_[0]
    if found["type"] == "string_type" and isinstance(found["input"], list):  # one name or a list of them: it is a list
        found = all_[1] if len(all_) > 1 and found["loc"][:-1] == all_[1]["loc"][: len(found["loc"]) - 1] else found
    where = ""
    for part in found["loc"]:
        if isinstance(part, int):
            where += f"[{part}]"
        elif not part.startswith(("list[", "literal[", "constrained-", "str", "function-", "_Data")):
            where += f".{part}" if where else part
    message = "is missing" if found["type"] == "missing" else str(found["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
