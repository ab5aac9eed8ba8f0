"""What can be added to Klopf from outside, and how it is found: one :class:`Point` for each kind of thing.

Klopf's own things and those of other packages are found in the same way. A room names what it ships in one table, a
line each; a package that is installed beside Klopf names what it adds in its ``pyproject.toml``, a line each::

    [project.entry-points."klopf.models"]
    forest = "my_package.forest:Forest"

Nothing is imported before it is asked for by name, so a package that is broken harms nobody who does not use it.
``CONTRIBUTING.md`` has a recipe for each point, ``klopf.checks`` a check that what was added keeps its promises.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from klopf.errors import ExtensionError

__all__ = ["GROUPS", "Point", "imported", "misnamed"]

GROUPS = (
    "klopf.audit_tasks",
    "klopf.commands",
    "klopf.learners",
    "klopf.models",
    "klopf.packs",
    "klopf.panels",
    "klopf.problems",
)
"""Every group in which something can be added: a room's :class:`Point` has one of these."""


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
            raise ExtensionError(f"no {self.what} is called {name!r}: one of {', '.join(self.names())}")
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
        return name in self.names()

    def _added(self) -> dict[str, list[tuple[str, str]]]:
        """``name -> [(package, module:attribute)]`` of other packages."""
        found: dict[str, list[tuple[str, str]]] = {}
        for entry in entry_points(group=self.group):
            claim = (_package(entry), entry.value)
            if claim not in found.setdefault(entry.name, []):  # an editable install may be listed twice
                found[entry.name].append(claim)
        return found


def imported(place: str, base: str, what: str) -> Any:
    """The class at ``place``, which must be a subclass of that at ``base``; both are ``module:Class``.

    It imports what it is told to: ``place`` must be this program's or its operator's own choice, never a stranger's.

    Raises:
        ExtensionError: it cannot be imported or is of another kind; ``what`` says what it is.
    """
    found, kind = _imported(place, what), _imported(base, f"the base of {what}")
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ExtensionError(f"{what} ({place}) is no subclass of {base}")
    return found


def misnamed() -> tuple[str, ...]:
    """A line for each entry point of another package in a group that starts as Klopf's do but is none: nothing in it
    is ever looked for."""
    return tuple(
        f"{entry.name!r} of {_package(entry)} is in the entry-point group {entry.group!r}, which Klopf does not have: "
        f"write {(difflib.get_close_matches(entry.group, GROUPS, 1, 0) or GROUPS)[0]!r}?"
        for group in sorted(entry_points().groups - set(GROUPS))
        if group.startswith(("klopf.", "klopf_", "klopf-"))
        for entry in entry_points(group=group)
    )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value.split(".")[0].split(":")[0]


def _imported(place: str, what: str) -> Any:
    module, _, attribute = place.partition(":")
    if not module or not attribute:
        raise ExtensionError(f"{what} is named {place!r}: name it as package.module:Class")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # whatever a stranger's module does when it is imported
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ExtensionError(f"{what} cannot be loaded ({place}): {said}") from error
    return found
