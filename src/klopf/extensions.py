"""What can be added to Klopf from outside, and how it is found: one :class:`Point` for each kind of thing.

Klopf's own things and those of other packages are found in the same way. A room names what it ships in one table, a
line each; a package that is installed beside Klopf names what it adds in its ``pyproject.toml``, a line each::

    [project.entry-points."klopf.models"]
    forest = "my_package.forest:Forest"

A name is at most 64 letters, digits or ``. + - _`` between them. Nothing is imported before it is asked for by name, so
a package that is broken harms nobody who does not use it. ``CONTRIBUTING.md`` has a recipe
for each point, ``klopf.checks`` a check that what was added keeps its promises.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from threading import Lock
from typing import Any, cast

from klopf.errors import ExtensionError

__all__ = ["GROUPS", "Point", "damaged", "guarded", "imported", "located", "misnamed", "said"]

GROUPS = (
    "klopf.acts",
    "klopf.audit_tasks",
    "klopf.commands",
    "klopf.doors",
    "klopf.fleet_models",
    "klopf.fleet_strategies",
    "klopf.learners",
    "klopf.models",
    "klopf.packs",
    "klopf.panels",
    "klopf.problems",
    "klopf.sectors",
    "klopf.stages",
    "klopf.views",
)
"""Every group in which something can be added: a room's :class:`Point` has one of these."""

_LONGEST = 300
"""Characters of a stranger's message that are shown."""


def said(error: BaseException) -> str:
    """What a stranger's code raised: one printable line of bounded length, whatever the error's own text does.

    >>> said(ValueError("two\\nlines"))
    'ValueError: two lines'
    """
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:  # its __str__ is a stranger's too
        text = f"{type(error).__name__}, whose text cannot be had"
    text = re.sub(r" at 0x[0-9a-fA-F]{1,16}>", ">", text[: 10 * _LONGEST])  # which is another one in the next process
    line = " ".join(_printable(text).split()).removesuffix(":")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


_inside: ContextVar[bool] = ContextVar("inside a stranger's code", default=False)
_switching = Lock()
_switched: list[_Switch] = []


class _Switch:
    """Standard output for who is not inside a stranger's code, standard error for who is. There is one as long as
    anybody is inside, in whatever thread: redirecting in each would leave the output redirected where two overlap."""

    def __init__(self, out: Any) -> None:
        self.out, self.users = out, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if _inside.get() else self.out, name)


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """What is printed inside goes to standard error."""
    with _switching:
        if not (_switched and sys.stdout is _switched[-1]):
            _switched.append(_Switch(sys.stdout))
            sys.stdout = cast("Any", _switched[-1])
        switch = _switched[-1]
        switch.users += 1
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)
        with _switching:
            switch.users -= 1
            if not switch.users:
                _switched.remove(switch)
                if sys.stdout is switch:
                    sys.stdout = switch.out


@contextlib.contextmanager
def guarded(what: str) -> Iterator[None]:
    """The border: whatever a stranger's code raises inside becomes an :class:`ExtensionError`, "``what``: ...", but for
    an interrupt from the keyboard. What it prints goes to standard error, so that it spoils nobody's output."""
    try:
        with _apart():
            yield
    except (KeyboardInterrupt, ExtensionError):
        raise
    except BaseException as error:
        raise ExtensionError(f"{what}: {said(error)}") from error


@dataclass(frozen=True)
class Point:
    """One kind of thing that can be added: its entry-point group and what Klopf ships of it.

    >>> clocks = Point("klopf.clocks", "clock", "datetime:tzinfo", {"utc": "datetime:timezone"})
    >>> clocks.names()
    ('utc',)
    >>> clocks.load("utc").__name__
    'timezone'
    """

    group: str
    """Entry-point group in which other packages name theirs."""
    what: str
    """What one is called, for messages."""
    base: str
    """``module:Class`` that each must be a subclass of."""
    shipped: Mapping[str, str] = field(default_factory=dict)
    """Klopf's own, as ``name -> module:attribute``."""

    def names(self) -> tuple[str, ...]:
        """All that can be had: Klopf's own in their order, then those of other packages by name."""
        return (*self.shipped, *sorted(set(self._added()) - set(self.shipped)))

    def load(self, name: str) -> Any:
        """The class called ``name``. A name of Klopf's own is Klopf's, whoever else takes it (:meth:`passed_over`): so
        what is installed beside Klopf harms nobody who does not name it.

        Raises:
            ExtensionError: there is none, two packages claim the name, or it cannot be imported or is of another kind.
        """
        claims = [("klopf", self.shipped[name])] if name in self.shipped else self._added().get(name, [])
        if not claims:
            raise ExtensionError(f"no {self.what} is called {_shown(name)}: one of {', '.join(self.names())}")
        if len(claims) > 1:
            who = " and ".join(package for package, _ in claims)
            raise ExtensionError(f"{who} each have a {self.what} called {name!r}: uninstall one of them")
        package, place = claims[0]
        return imported(place, self.base, f"the {self.what} {name!r} of {package}")

    def origin(self, name: str) -> str:
        """The package that has the thing called ``name``; "klopf" for its own."""
        return "klopf" if name in self.shipped else next((p for p, _ in self._added().get(name, [])), "")

    def passed_over(self) -> tuple[str, ...]:
        """A line for each name that another package takes although it is Klopf's own: what it names is never used."""
        return tuple(
            f"the {self.what} {name!r} of {package} is passed over: the name is Klopf's own, choose another"
            for name, claims in self._added().items()
            if name in self.shipped
            for package, _ in claims
        )

    def claims(self, name: str) -> tuple[str, ...]:
        """Every package that has a thing called ``name``; :meth:`load` refuses a name that two have."""
        own = ("klopf",) if name in self.shipped else ()
        return (*own, *(package for package, _ in self._added().get(name, [])))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.shipped or name in self.names()  # the metadata of all packages take long to read

    def _added(self) -> dict[str, list[tuple[str, str]]]:
        """``name -> [(package, module:attribute)]`` of other packages."""
        found: dict[str, list[tuple[str, str]]] = {}
        for entry in _entries(self.group):
            claim = (_package(entry), entry.value)
            if _is_name(entry.name) and claim not in found.setdefault(
                entry.name, []
            ):  # an editable install may be listed twice
                found[entry.name].append(claim)
        return found


def imported(place: str, base: str, what: str) -> Any:
    """The class at ``place``, which must be a subclass of that at ``base`` with nothing left to write; both are
    ``module:Class``.

    It imports what it is told to: ``place`` must be this program's or its operator's own choice, never a stranger's.

    Raises:
        ExtensionError: it cannot be imported, is of another kind or lacks a method; ``what`` says what it is.
    """
    kind = located(base, f"the base of {what}")
    found = located(place, what)
    with guarded(f"{what} cannot be used ({place})"):
        # not issubclass(), which believes who was merely registered with the base
        derived = isinstance(found, type) and kind in type.mro(found)
        lacks = ", ".join(sorted(found.__abstractmethods__)) if derived and inspect.isabstract(found) else ""
    if not derived:
        raise ExtensionError(f"{what} ({place}) is no subclass of {base}: derive a class from it and name that")
    if lacks:
        raise ExtensionError(f"{what} ({place}) lacks {lacks}: write what {base} asks for")
    return found


def located(place: str, what: str) -> Any:
    """What is at ``place``, ``module:name``: a class or anything else. As for :func:`imported`, ``place`` must be this
    program's or its operator's own choice.

    Raises:
        ExtensionError: it cannot be imported; ``what`` says what it is.
    """
    module, _, attribute = place.partition(":")
    if not module or not attribute:
        raise ExtensionError(f"{what} is named {_shown(place)}: name it as package.module:Class")
    with guarded(f"{what} cannot be loaded ({place})"):
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module.partition(".")[0]:
                raise
            raise ExtensionError(
                f"{what} cannot be loaded ({place}): there is no package {error.name!r} here: install it, or name the "
                "folder in which it lies in PYTHONPATH"
            ) from None
        for part in attribute.split("."):
            found = getattr(found, part)
    return found


def damaged() -> tuple[str, ...]:
    """A line for each package whose metadata cannot be read, by which also others' imports may fail."""
    try:
        entry_points()
    except Exception:
        broken = [_name_of(dist) or "a package without a name" for dist in _installed() if _said_by(dist) is None]
        return tuple(f"{package} has an entry_points.txt that cannot be read: install it again" for package in broken)
    return ()


def misnamed() -> tuple[str, ...]:
    """A line for each entry point of another package that is never looked for: in a group that starts as Klopf's do but
    is none, or with a name that nobody can write; and for each package that is :func:`damaged`."""
    lines = list(damaged())
    for group in sorted(_groups()):
        if group not in GROUPS and not group.startswith(("klopf.", "klopf_", "klopf-")):
            continue
        meant = (difflib.get_close_matches(group, GROUPS, 1, 0) or GROUPS)[0]
        for entry in _entries(group):
            whose = f"{_shown(entry.name)} of {_package(entry)}"
            if group not in GROUPS:
                lines.append(
                    f"{whose} is in the entry-point group {_shown(group)}, which Klopf does not have: write {meant!r}?"
                )
            elif not _is_name(entry.name):
                lines.append(f"{whose} is no name for what is in the entry-point group {group!r}: {_RULE}")
    return tuple(dict.fromkeys(lines))


_RULE = "write at most 64 letters, digits, or . + - _ between them"


def _is_name(name: str) -> bool:
    """Whether people can write it in a settings file and after ``klopf``, and see which it is."""
    plain = unicodedata.normalize("NFKC", name) == name
    return plain and re.fullmatch(r"[^\W_]([\w.+-]{0,62}\w)?", name) is not None


def _entries(group: str) -> list[EntryPoint]:
    """The entry points in ``group`` of every package whose metadata can be read."""
    try:
        return list(entry_points(group=group))
    except Exception:  # one package with a damaged file, which may have nothing to do with Klopf
        return [entry for dist in _installed() for entry in _said_by(dist) or () if entry.group == group]


def _groups() -> set[str]:
    """The groups that there are."""
    try:
        return set(entry_points().groups)
    except Exception:
        return {entry.group for dist in _installed() for entry in _said_by(dist) or ()}


def _installed() -> list[Distribution]:
    """Each package once: the first on the path, which is the one that is imported."""
    first: dict[object, Distribution] = {}
    for dist in distributions():
        first.setdefault(_name_of(dist) or dist, dist)
    return list(first.values())


def _said_by(dist: Distribution) -> list[EntryPoint] | None:
    try:
        return list(dist.entry_points)
    except Exception:
        return None


def _name_of(dist: Distribution) -> str:
    """A package's name; "" where its metadata are damaged or gone."""
    try:
        return re.sub(r"[-_.]+", "-", _printable(str(dist.metadata["Name"] or ""))).lower()
    except Exception:
        return ""


def _package(entry: EntryPoint) -> str:
    if entry.dist is not None:
        with contextlib.suppress(Exception):
            if name := entry.dist.metadata["Name"]:
                return _printable(str(name))
    return entry.value.split(".")[0].split(":")[0]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _shown(name: object) -> str:
    """A name in a message, of bounded length."""
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:60]}...{text[-1]}"
