"""What packages outside Klopf add is found by name, and what is wrong with it is said in one line."""

import sys
import threading

import pytest

from klopf.errors import ExtensionError
from klopf.extensions import GROUPS, Point, damaged, guarded, misnamed, said

POINT = Point("klopf.test-zones", "zone", "datetime:tzinfo", {"utc": "datetime:timezone"})


def install(folder, monkeypatch, package, lines, module="", group="klopf.test-zones"):
    """A package called ``package`` on the path, whose metadata has ``lines`` in the group."""
    info = folder / f"{package}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n" + lines + "\n")
    (folder / f"{package}.py").write_text(module)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, package, raising=False)


def test_another_package_adds_one_by_a_line_of_its_metadata(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "noon", "noon = noon:Noon", "import datetime\nclass Noon(datetime.tzinfo): pass")
    assert POINT.names() == ("utc", "noon")
    assert POINT.load("noon").__name__ == "Noon"
    assert (POINT.origin("noon"), POINT.origin("utc")) == ("noon", "klopf")
    assert "noon" in POINT


def test_an_unknown_name_is_answered_with_those_that_are_known():
    with pytest.raises(ExtensionError, match="no zone is called 'mars': one of utc"):
        POINT.load("mars")


def test_a_name_of_klopfs_own_stays_klopfs_whoever_else_takes_it(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "other", "utc = other:Utc", "1 / 0")
    assert POINT.load("utc").__name__ == "timezone"
    assert POINT.names() == ("utc",)
    assert POINT.passed_over() == ("the zone 'utc' of other is passed over: the name is Klopf's own, choose another",)


def test_two_packages_of_one_name_are_both_named(tmp_path, monkeypatch):
    install(tmp_path / "a", monkeypatch, "one", "noon = one:Noon")
    install(tmp_path / "b", monkeypatch, "two", "noon = two:Noon")
    with pytest.raises(ExtensionError, match=r"(one and two|two and one) each have a zone called 'noon'"):
        POINT.load("noon")


@pytest.mark.parametrize(("group", "meant"), [("klopf.model", "klopf.models"), ("klopf_packs", "klopf.packs")])
def test_a_group_that_klopf_does_not_have_is_named_with_the_one_that_was_meant(tmp_path, monkeypatch, group, meant):
    install(tmp_path, monkeypatch, "noon", "noon = noon:Noon", group=group)
    assert f"'noon' of noon is in the entry-point group '{group}', which Klopf does not have: write '{meant}'?" in (
        misnamed()
    )


def test_groups_are_those_of_the_rooms():
    from klopf.audit import AUDIT_TASKS
    from klopf.console.cli.command import COMMANDS
    from klopf.console.web import ACTS, VIEWS
    from klopf.doors import DOORS
    from klopf.fleet.models import MODELS as FLEET_MODELS
    from klopf.fleet.strategies import STRATEGIES
    from klopf.ledger._pack import PACKS
    from klopf.mind._problem import PROBLEMS
    from klopf.mind._stage import STAGES
    from klopf.mind.kernels.parts import POINT as LEARNERS
    from klopf.network import PANELS
    from klopf.peers.models._saved import MODELS
    from klopf.twin import SECTORS

    points = (
        AUDIT_TASKS, COMMANDS, DOORS, FLEET_MODELS, STRATEGIES, PACKS, PROBLEMS, STAGES, LEARNERS, MODELS,
        PANELS, VIEWS, ACTS, SECTORS,
    )  # fmt: skip
    assert tuple(sorted(p.group for p in points)) == GROUPS


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("", "has no attribute 'Thing'"),
        ("Thing = dict", "is no subclass of datetime"),
    ],
)
def test_a_broken_package_is_named_only_when_it_is_used(tmp_path, monkeypatch, module, says):
    install(tmp_path, monkeypatch, "broken", "thing = broken:Thing", module)
    assert POINT.load("utc")
    with pytest.raises(ExtensionError, match=says) as caught:
        POINT.load("thing")
    assert "broken" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("class Stop(BaseException): pass\nraise Stop('one\\ntwo')", "Stop: one two"),
        ("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
        ("class Mute(Exception):\n  def __str__(self): 1 / 0\nraise Mute", "Mute, whose text cannot be had"),
        ("raise ValueError('\\x1b[31m' + 'y' * 100_000)", "ValueError:  ?.31my"),
        ("import datetime\nThing = datetime.timezone.utc", "is no subclass of datetime:tzinfo"),
        ("import datetime\nclass M(type):\n    def __subclasscheck__(self, other): return True\n"
         "class Thing(metaclass=M): pass", "is no subclass of datetime:tzinfo"),
    ],
)  # fmt: skip
def test_whatever_a_package_does_is_one_bounded_line(tmp_path, monkeypatch, module, says):
    install(tmp_path, monkeypatch, "broken", "thing = broken:Thing", module)
    with pytest.raises(ExtensionError, match=says) as caught:
        POINT.load("thing")
    line = str(caught.value)
    assert "broken" in line and line.isprintable() and len(line) < 500


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("from klopf.network import Panel\nclass Thing(Panel):\n    title = ''", "lacks data, html: write"),
        ("from klopf.network import Panel\n@Panel.register\nclass Thing: pass", "is no subclass of"),
    ],
)
def test_what_lacks_methods_or_is_merely_registered_is_refused(tmp_path, monkeypatch, module, says):
    from klopf.network import PANELS

    install(tmp_path, monkeypatch, "half", "thing = half:Thing", module, PANELS.group)
    with pytest.raises(ExtensionError, match=f"'thing' of half .*{says}"):
        PANELS.load("thing")


def test_what_a_package_prints_when_it_is_imported_is_no_output_of_klopfs(tmp_path, monkeypatch, capsys):
    module = "import datetime\nprint('hello')\nclass Thing(datetime.tzinfo): pass"
    install(tmp_path, monkeypatch, "chatty", "thing = chatty:Thing", module)
    POINT.load("thing")
    assert capsys.readouterr() == ("", "hello\n")


def test_an_interrupt_stays_one():
    with pytest.raises(KeyboardInterrupt), guarded("it"):
        raise KeyboardInterrupt
    assert said(KeyError()) == "KeyError"


@pytest.mark.parametrize("content", [b"[klopf.commands]\nno line of this kind\n", b"[other]\nx\xff = a:B\n"])
def test_a_package_with_damaged_metadata_harms_no_other_and_is_named(tmp_path, monkeypatch, content):
    install(
        tmp_path / "a", monkeypatch, "noon", "noon = noon:Noon", "import datetime\nclass Noon(datetime.tzinfo): pass"
    )
    install(tmp_path / "b", monkeypatch, "wreck", "")
    (tmp_path / "b/wreck-1.dist-info/entry_points.txt").write_bytes(content)
    assert POINT.names() == ("utc", "noon") and POINT.load("noon").__name__ == "Noon"
    assert damaged() == ("wreck has an entry_points.txt that cannot be read: install it again",)
    assert damaged()[0] in misnamed()


def test_a_package_whose_metadata_are_gone_is_called_as_its_module(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "noon", "noon = noon:Noon", "import datetime\nclass Noon(datetime.tzinfo): pass")
    (tmp_path / "noon-1.dist-info/METADATA").unlink()
    assert POINT.load("noon").__name__ == "Noon" and POINT.origin("noon") == "noon"
    install(tmp_path / "b", monkeypatch, "other", "x = other:X", group="klopf.model")
    (tmp_path / "b/other-1.dist-info/METADATA").unlink()
    assert any("'x' of other is in the entry-point group 'klopf.model'" in line for line in misnamed())


@pytest.mark.parametrize(
    "name", ["--help", "-h", "", "a b", "../up", "a/b", "a\\b", "x" * 65, "\x1b[31mred", "\u202eabc", "."]
)
def test_a_name_that_nobody_can_write_is_passed_over_and_said(tmp_path, monkeypatch, name):
    install(tmp_path / "a", monkeypatch, "odd", f"{name} = odd:Odd", "1 / 0")
    assert POINT.names() == ("utc",)
    install(tmp_path / "b", monkeypatch, "odd2", f"{name} = odd2:Odd", "1 / 0", "klopf.commands")
    line = next(line for line in misnamed() if " of odd2 is no name " in line)
    assert line.isprintable() and len(line) < 250


@pytest.mark.parametrize("name", ["noon", "a-b", "a_b", "v1.2", "prüfe", "x", "x" * 64])
def test_a_name_that_people_can_write_is_taken(tmp_path, monkeypatch, name):
    install(tmp_path, monkeypatch, "fine", f"{name} = fine:Fine", "import datetime\nclass Fine(datetime.tzinfo): pass")
    assert POINT.load(name).__name__ == "Fine"


def test_a_long_name_that_is_unknown_is_not_repeated_whole():
    with pytest.raises(ExtensionError) as caught:
        POINT.load("y" * 1000)
    assert len(str(caught.value)) < 200


def test_what_strangers_print_goes_to_standard_error_also_where_threads_overlap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = threading.Event(), threading.Event()

    def stranger() -> None:
        with guarded("the other"):
            first.set()
            second.wait(10)  # leaves after the one in which it began has left
            print("a stranger's, later")

    with guarded("this one"):
        other = threading.Thread(target=stranger)
        other.start()
        first.wait(10)
        print("a stranger's")
    print("ours, while a stranger's code runs")
    second.set()
    other.join()
    print("ours")
    said_out, said_err = capsys.readouterr()
    assert said_out == "ours, while a stranger's code runs\nours\n"
    assert said_err == "a stranger's\na stranger's, later\n"
