"""Is this a command that ``klopf`` can offer?"""

from __future__ import annotations

import contextlib
import inspect
import io
import typing
from collections.abc import Callable
from typing import Any

from klopf.checks._promise import derived, promise
from klopf.console.cli.command import Command, CommandGroup
from klopf.extras import EXTRAS

__all__ = ["check_command"]

_LONGEST = 120


def check_command(command: type[Command]) -> None:
    """Check that ``command`` explains itself, takes what it says and nothing else, and does nothing when only shown.

    Raises:
        AssertionError: one line that says which promise is broken.
    """
    derived(command, Command, "check_command")
    with promise(command.__name__, command):
        _check(command, command.__name__)


def _check(command: type[Command], name: str) -> None:
    assert command.extra in ("", *EXTRAS), f"{name}.extra is {command.extra!r}; Klopf's are {', '.join(EXTRAS)}"
    _one_line(f"{name}.help", getattr(command, "help", None))
    made, printed = _made(command, name)
    assert not printed, f"{name} prints when it is made, before anybody ran it"
    if isinstance(made, CommandGroup):
        functions = dict(made.commands())
        assert functions, f"{name}.commands() is empty: a group has words beneath it"
        assert dict(made.commands()).keys() == functions.keys(), f"{name}.commands() is not the same when asked again"
    else:
        functions = {"": made.run}
    for word, function in functions.items():
        _check_function(made, name, word, function)


def _made(command: type[Command], name: str) -> tuple[Command, str]:
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            made = command()
    except TypeError as error:
        raise AssertionError(f"{name} must be made without arguments: {error}") from None
    return made, out.getvalue()


def _check_function(made: Command, name: str, word: str, function: Callable[..., Any]) -> None:
    what = f"{name} {word}".strip()
    assert callable(function), f"{what}: {word or 'run'} is {function!r:.60}, which cannot be called: write a method"
    if word:
        assert not word.startswith("-") and " " not in word, f"{what}: the word {word!r} cannot be typed as a command"
        _one_line(f"the first line of {what}'s docstring", (inspect.getdoc(function) or "").split("\n\n")[0])
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        assert parameter.name in hints, (
            f"{what}: the parameter {parameter.name} has no type, so nothing can be read into it"
        )
    _documented(what, function, hints, [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD], bool(word))
    page = _help(made, word)
    for parameter in parameters.values():
        shown = parameter.name.strip("_").replace("_", "-")
        assert shown in page.lower() or "parameter(" in str(hints[parameter.name]).lower(), (
            f"{what}: --help does not show {parameter.name}"
        )
    _refuses(made, word, what)


def _documented(what: str, function: Callable[..., Any], hints: dict[str, Any], names: list[str], group: bool) -> None:
    """Its docstring explains parameters that it has; that of a command without words beneath explains them all, but
    those whose type does."""
    from docstring_parser import parse

    said = {parameter.arg_name for parameter in parse(inspect.cleandoc(function.__doc__ or "")).params}
    extra = ", ".join(sorted(said - set(names)))
    assert not extra, f"{what}: its docstring explains {extra}, which is no parameter of it"
    for name in names:
        assert group or name in said or "parameter(" in str(hints[name]).lower(), (
            f"{what}: nothing explains the parameter {name}: name it under Parameters in the docstring"
        )


def _one_line(what: str, text: object) -> None:
    assert isinstance(text, str) and text.strip(), f"{what} must be one line that says what it does"
    assert len(" ".join(text.split())) <= _LONGEST, (
        f"{what} has more than {_LONGEST} characters: the rest belongs below it"
    )


def _help(made: Command, word: str) -> str:
    from rich.console import Console

    out = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        made.app("it").help_print([word] if word else [], console=Console(file=out, width=200, color_system=None))
    assert not said.getvalue(), f"{type(made).__name__} prints when its help is asked for"
    return out.getvalue()


def _refuses(made: Command, word: str, what: str) -> None:
    """What nobody declared is refused before anything runs."""
    from cyclopts import CycloptsError

    tokens = [*([word] if word else []), "--surely-no-option-of-this-name", "1"]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            made.app("it")(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError:
        return
    except BaseException as error:
        raise AssertionError(
            f"{what} runs on an option that it does not have ({type(error).__name__}: {error})"
        ) from None
    raise AssertionError(f"{what} takes options that it does not have: leave **options out")
