"""Whatever a command takes, its help says what that is."""

from collections.abc import Iterator

import pytest
from cyclopts import App
from docstring_parser import parse

from klopf.console.cli.command import COMMANDS, make_app
from klopf.extras import missing


def beneath(app: App) -> Iterator[App]:
    """The commands at and beneath a word that do something."""
    if app.default_command:
        yield app
    for word in app:
        if not word.startswith("-"):
            yield from beneath(app[word])


@pytest.mark.parametrize("word", COMMANDS.shipped)
def test_every_argument_says_what_it_is(word: str) -> None:
    if (extra := COMMANDS.load(word).extra) and missing(extra):
        pytest.skip(f"the extra {extra} is not installed")
    bare: list[str] = []
    for app in beneath(make_app(word)[word]):
        told = {part.arg_name.rstrip("_"): part.description for part in parse(app.default_command.__doc__ or "").params}
        for argument in app.assemble_argument_collection():
            if argument.parse and not (argument.parameter.help or told.get(argument.field_info.name.rstrip("_")) or ""):
                bare.append(f"{app.name[0]}: {argument.field_info.name}")
    assert not bare, f"arguments of klopf {word} without help"
