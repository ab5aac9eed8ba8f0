"""What packages outside Klopf add is found by name, and what is wrong with it is said in one line."""

import sys

import pytest

from klopf.errors import ExtensionError
from klopf.extensions import GROUPS, Point, misnamed

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
    from klopf.ledger._pack import PACKS
    from klopf.mind._problem import PROBLEMS
    from klopf.mind.kernels.parts import POINT as LEARNERS
    from klopf.network import PANELS
    from klopf.peers.models._saved import MODELS

    assert tuple(sorted(p.group for p in (AUDIT_TASKS, COMMANDS, PACKS, PROBLEMS, LEARNERS, MODELS, PANELS))) == GROUPS


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
