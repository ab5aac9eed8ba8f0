"""Every command and every word beneath one shows an example in its help, and each example is a call it understands."""

import shlex

import pytest

from klopf.console.cli.command import COMMANDS, make_app
from klopf.extras import missing


def words() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in COMMANDS.shipped:
        command = COMMANDS.load(name)()
        beneath = command.commands() if hasattr(command, "commands") else {}
        found += [(name, word) for word in beneath] or [(name,)]
    return found


def example_of(said: tuple[str, ...]) -> str:
    command = COMMANDS.load(said[0])()
    function = command.commands()[said[1]] if len(said) > 1 else command.run
    lines = [line.strip() for line in (function.__doc__ or "").splitlines()]
    found = [line.removeprefix('"""').removeprefix("Example: ") for line in lines if line.startswith("Example: ")]
    assert len(found) == 1, f"klopf {' '.join(said)} --help shows {len(found)} examples"
    return found[0]


@pytest.mark.parametrize("said", words(), ids=" ".join)
def test_an_example_is_a_call(said, monkeypatch):
    if (extra := COMMANDS.load(said[0]).extra) and missing(extra):
        pytest.skip(f"the extra {extra} is not installed")
    asked = shlex.split(example_of(said).split(" > ")[0])
    assert tuple(asked[: len(said) + 1]) == ("klopf", *said)
    make_app(said[0]).parse_args(asked[1:], exit_on_error=False, print_error=False)
