"""What a command is, and which there are."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, get_args

from cyclopts import App, Parameter, convert

from klopf.errors import KlopfError
from klopf.extensions import Point, guarded, misnamed
from klopf.extras import EXTRAS, missing, require

__all__ = ["COMMANDS", "Command", "CommandGroup", "Json", "make_app", "print_json"]

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of text.")]
"""The type of ``json_``, which every command has that prints figures."""


class Command(ABC):
    """One word after ``klopf`` and what it does. A recipe::

        from pathlib import Path

        from klopf.console import Command, Json, print_json

        class Weigh(Command):
            help = "Say how heavy a run folder is."

            def run(self, folder: Path, *, json_: Json = False) -> None:
                '''
                Parameters
                ----------
                folder
                    A run folder.
                '''
                size = sum(file.stat().st_size for file in folder.rglob("*"))
                print_json({"bytes": size}) if json_ else print(f"{size:,} bytes")

    and in ``pyproject.toml``, under the word that people will type::

        [project.entry-points."klopf.commands"]
        weigh = "my_package:Weigh"

    The module is imported whenever ``klopf --help`` is printed: import what is heavy inside :meth:`run`. What cannot be
    done is a :class:`~klopf.errors.KlopfError` of one line; ``klopf`` prints it and ends with status 2.
    ``klopf.checks.check_command`` tries the rest.
    """

    help: ClassVar[str]
    """One line that says what it does."""
    extra: ClassVar[str] = ""
    """The extra of Klopf without which it cannot run, such as ``network``."""

    @abstractmethod
    def run(self, *arguments: Any, **options: Any) -> int | None:
        """Do it. A subclass writes its own parameters, with types and a line each in the docstring: they are what the
        command takes, as Cyclopts reads them (positional ones by place, keyword-only ones as ``--name``).

        Returns:
            The exit status: None or 0 if all went well, 1 if what was asked for turned out false.
        """

    def app(self, name: str) -> App:
        """The command as Cyclopts has it."""
        app = App(name=name, help="\n\n".join(part for part in (self.help, self._details()) if part))
        app.default(self.run)
        return app

    def _details(self) -> str:
        """What the docstring of :meth:`run` says beside the one line and the parameters, which Cyclopts reads."""
        text = (inspect.getdoc(self.run) or "").partition("Parameters\n----------")[0]
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
        return "\n\n".join(part for part in paragraphs if part and part != self.help)


class CommandGroup(Command):
    """A word with words of its own beneath it, such as ``klopf keys``.

    Instead of :meth:`run` it has :meth:`commands`: functions whose docstrings begin with one line.
    """

    @abstractmethod
    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        """The words beneath, with the function of each."""

    def run(self) -> int | None:
        """Without a word beneath it, a group shows what there is."""
        self.app("").help_print([])
        return None

    def app(self, name: str) -> App:
        app = App(name=name, help=self.help)
        for word, function in self.commands().items():
            app.command(function, name=word)
        return app


COMMANDS = Point(
    "klopf.commands",
    "command",
    "klopf.console.cli.command:Command",
    {
        "demo": "klopf.console.cli.network:Demo",
        "run": "klopf.console.cli.network:Run",
        "predict": "klopf.console.cli.network:Predict",
        "status": "klopf.console.cli.network:Status",
        "explain": "klopf.console.cli.network:Explain",
        "verify": "klopf.console.cli.network:Verify",
        "page": "klopf.console.cli.page:Page",
        "picture": "klopf.console.cli.picture:Picture",
        "neuron": "klopf.console.cli.network:Neuron",
        "network": "klopf.console.cli.joining:Network",
        "join": "klopf.console.cli.joining:Join",
        "serve": "klopf.console.cli.joining:Serve",
        "ask": "klopf.console.cli.joining:Ask",
        "leave": "klopf.console.cli.joining:Leave",
        "door": "klopf.console.cli.door:Door",
        "relay": "klopf.console.cli.relay:Relay",
        "check": "klopf.checks._command:Check",
        "audit": "klopf.console.cli.audit:Audit",
        "keys": "klopf.console.cli.keys:Keys",
        "chain": "klopf.console.cli.chain:Chain",
        "ledger": "klopf.console.cli.ledger:Ledger",
        "store": "klopf.console.cli.store:Store",
        "device": "klopf.console.cli.device:Device",
        "demand": "klopf.console.cli.demand:Demand",
        "dao": "klopf.console.cli.dao:Dao",
        "proof": "klopf.console.cli.proof:Proof",
        "pool": "klopf.console.cli.pool:Pool",
        "lend": "klopf.console.cli.lend:Lend",
        "watch-position": "klopf.console.cli.watch_position:WatchPosition",
        "invest": "klopf.console.cli.invest:Invest",
        "market": "klopf.console.cli.market:Market",
        "twin": "klopf.console.cli.twin:Twin",
        "reward": "klopf.console.cli.reward:Reward",
        "bench": "klopf.console.cli.bench:Bench",
        "learn": "klopf.console.cli.learn:Learn",
        "watch": "klopf.console.cli.learn:Watch",
        "warm": "klopf.console.cli.warm:Warm",
        "doctor": "klopf.console.cli.doctor:Doctor",
        "completion": "klopf.console.cli.doctor:Completion",
    },
)
"""Every command; each needs one line here, or an entry point in a package of its own."""


def make_app(word: str = "") -> App:
    """``klopf`` with the command ``word`` alone or, where there is none of that name, with all. One that is broken, or
    lacks its extra, is listed with the reason.

    Raises:
        ExtensionError: ``word`` cannot be loaded.
        MissingExtra: ``word`` needs an extra that is not installed.
    """
    from klopf import __version__

    app = App(
        name="klopf",
        version=__version__,
        help="Decentralized neural networks whose neurons must earn being listened to.",
        help_format="plaintext",
        default_parameter=Parameter(converter=_converted),
    )
    if word in COMMANDS:
        command, made = _made(word)
        if command.extra:
            require(command.extra, f"klopf {word}")
        app.command(made)
        return app
    app.help = "\n".join((str(app.help), *(f"({line})" for line in (*COMMANDS.passed_over(), *misnamed()))))
    for name in COMMANDS:
        try:
            command, made = _made(name)
            lacks = f' Needs: pip install "klopf[{command.extra}]"' if command.extra and missing(command.extra) else ""
            app.command(App(name=name, help=command.help + lacks) if lacks else made)
        except KlopfError as error:
            app.command(App(name=name, help=f"Broken: {' '.join(str(error).split())}"))
    return app


def _made(name: str) -> tuple[Command, App]:
    """The command called ``name``, and what Cyclopts needs to know of it.

    Raises:
        ExtensionError: it cannot be made, or does not say what it does, or takes another word than its own.
    """
    kind = COMMANDS.load(name)
    what = f"the command {name!r} of {COMMANDS.origin(name)} cannot be used"
    with guarded(what):  # whatever a stranger's class does when it is made
        command: Command = kind()
        made = command.app(name)
        if not isinstance(command.help, str) or command.extra not in ("", *EXTRAS):
            raise TypeError("help is no text, or extra is none of Klopf's")
        if not isinstance(made, App) or tuple(made.name) != (name,):
            raise TypeError(f"app() must give the cyclopts.App of {name!r} alone")
        made.assemble_argument_collection() if made.default_command else None
    return command, made


def _converted(kind: Any, tokens: Sequence[Any]) -> Any:
    """What Cyclopts makes of ``tokens``, but for whole numbers that are none: it would round them.

    Raises:
        ValueError: a fraction where a whole number is wanted.
    """
    if int in (kind, *get_args(kind)) and float not in get_args(kind):
        for token in tokens:
            if "." in token.value:
                raise ValueError(f"{token.value!r} is no whole number")
    return convert(kind, tokens)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output."""
    print(json.dumps(value, indent=1))
