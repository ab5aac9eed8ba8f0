"""Settings: one place each, documented, from a flag, the environment, a file of TOML or YAML, or the default."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from klopf.errors import PeersError
from klopf.network import NetworkSettings, changed, read_settings

PAGE = (Path(__file__).parents[2] / "docs/settings.md").read_text()
TOML = """
epochs = 2
[data]
file = "t.csv"
target = "kind"
[[neuron]]
name = "ada"
[[neuron]]
name = "ben"
[[auditor]]
name = "vera"
"""
YAML = """
epochs: 2
data: {file: t.csv, target: kind}
neuron: [{name: ada}, {name: ben}]
auditor:
  - name: vera
"""


def places():
    for name, field in NetworkSettings.model_fields.items():
        kind = field.annotation
        inner = kind.__args__[0] if getattr(kind, "__origin__", None) is tuple else kind
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from ((f"{name}.{own}", one) for own, one in inner.model_fields.items())
        else:
            yield name, field


def test_every_setting_is_documented_with_its_default():
    told = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \| \S.* \|$", PAGE, re.M))
    assert list(told) == [place for place, _ in places()]
    for place, field in places():
        default = field.get_default(call_default_factory=True)
        none = default is PydanticUndefined or default is None
        assert told[place] == ("" if none else f"`{json.dumps(default)}`"), place


def test_yaml_says_the_same_as_toml(tmp_path):
    for name, text in (("n.toml", TOML), ("n.yaml", YAML), ("n.yml", YAML)):
        (tmp_path / name).write_text(text)
    toml, yaml, yml = (read_settings(tmp_path / name) for name in ("n.toml", "n.yaml", "n.yml"))
    assert toml == yaml == yml and yaml.data.file == str(tmp_path / "t.csv")


def test_a_flag_goes_before_the_environment_that_before_the_file_and_that_before_the_default(tmp_path, monkeypatch):
    (tmp_path / "n.toml").write_text(TOML)
    settings = read_settings(tmp_path / "n.toml")
    assert (settings.seed, settings.epochs) == (0, 2)
    monkeypatch.setenv("KLOPF_RUN__EPOCHS", "3")
    monkeypatch.setenv("KLOPF_RUN__DATA__TARGET", "colour")
    monkeypatch.setenv("KLOPF_RUN__DATA__KINDS", '{ zip = "category" }')
    told = read_settings(tmp_path / "n.toml")
    assert (told.epochs, told.data.target, told.data.kinds) == (3, "colour", {"zip": "category"})
    flags = changed(["epochs=4", "neuron.1.passes=8", "data.file=u.csv", "data.unit=EUR/m2"])
    said = read_settings(tmp_path / "n.toml", flags)
    assert (said.epochs, said.data.target, said.neuron[1].passes) == (4, "colour", 8)
    assert said.data.file == str(tmp_path / "u.csv") and said.data.unit == "EUR/m2"


@pytest.mark.parametrize(
    ("name", "text", "flags", "line"),
    [
        ("n.yaml", "data: [", [], "is not YAML"),
        ("n.yaml", "just words", [], "has no tables"),
        ("n.yaml", "!!python/object/apply:os.system [ls]", [], "is not YAML"),
        ("n.toml", "data = [", [], "is not TOML"),
        ("n.toml", TOML, ["epochs"], "is no PLACE=VALUE"),
        ("n.toml", TOML, ["epochs.much=1"], "no place 'epochs.much'"),
        ("n.toml", TOML, ["neuron.7.passes=1"], "no place 'neuron.7.passes'"),
        (
            "n.toml",
            TOML,
            ["data.colour=1"],
            "the command line: data.colour: there is no such .*, did you mean columns?",
        ),
        ("n.toml", TOML, ["neuron.0.passses=1"], "neuron.0.passses: there is no such setting, did you mean passes?"),
        ("n.toml", "epoch = 3\n" + TOML, [], "n.toml: epoch: there is no such setting, did you mean epochs?"),
        ("n.toml", TOML, ["epochs=three"], "the command line: epochs: a whole number is needed, not 'three'"),
        ("n.toml", TOML, ["data=7"], "data: a table is needed, not 7"),
        ("n.toml", TOML, ["data.alpha=-1"], "data.alpha: it must be greater than 0"),
    ],
)
def test_what_is_no_setting_is_one_line(tmp_path, name, text, flags, line):
    (tmp_path / name).write_text(text)
    with pytest.raises(PeersError, match=line) as caught:
        read_settings(tmp_path / name, changed(flags))
    assert "\n" not in str(caught.value)


def test_a_fault_from_the_environment_names_the_variable(tmp_path, monkeypatch):
    (tmp_path / "n.toml").write_text(TOML)
    monkeypatch.setenv("KLOPF_RUN__DATA__TARGETS", "kind")
    with pytest.raises(PeersError, match=r"^KLOPF_RUN__DATA__TARGETS: data.targets: .*, did you mean target\?"):
        read_settings(tmp_path / "n.toml")
