"""The commands, as people type them."""

import json

import pytest

from klopf.console import main


@pytest.fixture
def klopf(tmp_path, monkeypatch, capsys):
    """Runs `klopf store` with these words in the test's folder, and gives what it printed."""

    def run(*words, status=0):
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
            patch.chdir(tmp_path)
            main(["store", *map(str, words)])
        printed = capsys.readouterr()
        assert ended.value.code == status, printed
        return printed.out if status in (0, 1) else printed.err

    return run


def test_from_a_file_to_an_archive_and_back(klopf, meter, policy):
    added = json.loads(klopf("add", meter, "--policy", policy, "--json"))
    assert added["device"] == "meter-1" and added["said"]["meter.csv"]["kept"] == 200
    cid = added["root"]
    assert klopf("get", cid, "out.csv").strip() == "out.csv"
    assert "meter-1" in klopf("trace", cid)
    assert "0 missing or damaged" in klopf("verify")
    klopf("export", cid, "out.car")
    assert klopf("load", "out.car", "--store", "other").strip() == cid
    assert json.loads(klopf("pin", "--json"))["pins"] == [cid]


def test_every_word_has_an_example(klopf):
    for word in ("check", "add", "get", "verify", "trace", "export", "load", "pin", "policy"):
        assert f"Example: klopf store {word}" in klopf(word, "--help")


@pytest.mark.parametrize(
    "words",
    [
        ("add", "meter.csv"),
        ("add", "nothing.csv", "--as-it-is"),
        ("add", "meter.csv", "--policy", "nothing.toml"),
        ("get", "bafknothing", "out"),
        ("verify", "--store", "nowhere"),
        ("verify", "meter.csv"),
        ("load", "meter.csv"),
        ("add", "meter.csv", "--policy", "lacks.toml"),
        ("trace", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_line(klopf, tmp_path, meter, words):
    (tmp_path / "lacks.toml").write_text('device = "m"\n[fields]\nhome = { action = "keep" }\n')
    line = klopf(*words, status=2)
    assert line.startswith("klopf: ") and line.count("\n") == 1
    assert not (tmp_path / "store").exists() and not (tmp_path / "out").exists()


def test_a_store_that_was_there_stays_when_a_command_fails(klopf, tmp_path, meter, policy):
    klopf("add", meter, "--policy", policy)
    klopf("load", "meter.csv", status=2)
    assert "0 missing or damaged" in klopf("verify")


@pytest.mark.parametrize(
    ("words", "helps"),
    [
        (("verify",), "--store"),
        (("add", "meter.csv", "--policy", "none.toml"), "klopf store policy"),
        (("check", "meter.csv", "meter.csv"), "klopf store policy"),
        (("add", "meter.csv", "--policy", "lacks.toml"), 'owner = { action = "drop" }'),
    ],
)
def test_a_line_says_how_to_mend_it(klopf, tmp_path, meter, words, helps):
    (tmp_path / "lacks.toml").write_text(
        'device = "m"\n[fields]\nhome = { action = "keep" }\ntime = { action = "keep" }\nload = { action = "keep" }\n'
    )
    assert helps in klopf(*words, status=2)


def test_an_identifier_that_is_cut_short_is_not_told_how_one_begins(klopf, tmp_path, meter, policy):
    root = klopf("add", meter, "--policy", policy).split()[0]
    assert "take all of it" in klopf("get", root[:-2], "x.csv", status=2)
    assert "begins with baf or Qm" in klopf("get", "kitten", "x.csv", status=2)
