"""Acts of other packages are found by a line, and none of them gets more signed than what the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from klopf import checks
from klopf.console.web import ACTS, Act, Field
from klopf.errors import ExtensionError, LedgerError
from tests.console.web.acting import Governed, fill, nonce
from tests.test_extensions import install

HEAD = """from klopf.console.web import Act, Field
class A(Act):
    title, needs = "A", "Registry"
    fields = (Field("id", "participant", "id"),)
"""
BODIES = {
    "leaves": "    def do(self, book, given): book.stake.unstake(given['id'], 7)",
    "swallows": """    def do(self, book, given):
        try:
            book.stake.unstake(given['id'], 7)
        except Exception:
            pass
        book.stake.unstake(given['id'], 1)""",
    "fails": "    def do(self, book, given): 1 / 0",
    "refuses": """    def do(self, book, given):
        from klopf.errors import LedgerError
        raise LedgerError('not today')""",
    "elsewhere": "    def do(self, book, given): book.send('0x' + '11' * 20, b'', 10**18)",
    "sends-to-tell": """    def do(self, book, given): book.stake.unstake(given['id'], 7)
    def about(self, book, given):
        book.stake.unstake(given['id'], 7)
        return []""",
    "tells-oddly": """    def do(self, book, given): book.stake.unstake(given['id'], 7)
    def about(self, book, given): return [1, '\\u202e' + 'x' * 999]""",
    "broken": "    1 / 0",
}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    return Governed(tmp_path_factory.mktemp("governed"))


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these is a package."""
    for name, body in BODIES.items():
        package = "acts_" + name.replace("-", "_")
        install(tmp_path / package, monkeypatch, package, f"{name} = {package}:A", HEAD + body, "klopf.acts")


@pytest.mark.parametrize("name", ACTS.shipped)
def test_what_ships_passes_the_check(name: str):
    checks.check_act(ACTS.load(name))


@pytest.mark.usefixtures("others")
def test_an_act_of_another_package_is_offered_and_shown(net: Governed):
    desk, count = net.desk(), nonce(net.book, net.keys["anna"])
    offered = [one["name"] for one in desk.offered()]
    there = [name for name in ACTS.shipped if ACTS.load(name).needs in net.deployment.addresses]
    assert offered[: len(there)] == there and "fund" not in there and "leaves" in offered
    assert "broken" not in offered, "and takes none of the others with it"
    for name in ("leaves", "swallows"):  # whatever an act catches, what is shown is its first transaction
        shown = desk.preview(name, fill(id=net.ids["anna"]))
        assert (shown["contract"], shown["function"]) == ("Stake", "unstake")
        assert shown["arguments"][1]["value"] == "7"
    assert nonce(net.book, net.keys["anna"]) == count


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(("name", "kind", "said"), [
    ("fails", ExtensionError, "the act 'fails' of acts_fails failed: ZeroDivisionError"),
    ("refuses", LedgerError, "not today"),
    ("elsewhere", LedgerError, "no call of this network's contracts"),
    ("sends-to-tell", LedgerError, "send nothing for that"),
    ("broken", ExtensionError, "broken"),
    ("nobody's", LedgerError, "nothing of that name"),
])  # fmt: skip
def test_what_an_act_does_wrong_is_told_and_nothing_is_signed(net: Governed, name: str, kind: Any, said: str):
    count = nonce(net.book, net.keys["anna"])
    with pytest.raises(kind, match=said):
        net.desk().preview(name, fill(id=net.ids["anna"]))
    assert nonce(net.book, net.keys["anna"]) == count


@pytest.mark.usefixtures("others")
def test_what_an_act_tells_is_cut_and_cannot_turn_the_text_around(net: Governed):
    about = net.desk().preview("tells-oddly", fill(id=net.ids["anna"]))["about"]
    assert about[0] == "1" and len(about[1]) <= 300 and "\u202e" not in about[1]


class Whole(Act):
    title, needs = "Whole", "Registry"
    fields = (Field("id", "participant", "id"),)

    def do(self, book: Any, given: Any) -> None:
        book.stake.unstake(given["id"], 7)


@pytest.mark.parametrize(("other", "said"), [
    ({"title": ""}, "title is empty"), ({"title": "a\nb"}, "text on one line"), ({"needs": ""}, "needs is empty"),
    ({"needs": "Nothing"}, "no contract is called 'Nothing'"), ({"fields": [1]}, "must be Fields"),
    ({"fields": (Field("id", "a", "id"), Field("id", "b", "id"))}, "two have the same name"),
    ({"fields": (Field("id", "a", "odd"),)}, "there is no kind"),  # type: ignore[arg-type]
    ({"do": lambda self, book, given: book.send("0x" + "11" * 20, b"")}, "no call of this network's contracts"),
    ({"do": lambda self, book, given: 1 / 0}, "fails: ZeroDivisionError"),
    ({"about": lambda self, book, given: "text"}, "must be a list of lines"),
])  # fmt: skip
def test_the_check_finds_what_is_wrong(other: dict[str, Any], said: str):
    checks.check_act(Whole)
    with pytest.raises(AssertionError, match=said):
        checks.check_act(type("Broken", (Whole,), other))


def test_the_check_finds_an_act_that_signs_another_thing_each_time():
    turn = iter(range(1, 9))

    def do(self: Act, book: Any, given: Any) -> None:
        book.registry.move(given["id"], f"127.0.0.1:{next(turn)}", b"certificate")

    with pytest.raises(AssertionError, match="another transaction each time"):
        checks.check_act(type("Turning", (Whole,), {"do": do}))
