"""What `klopf doctor` finds, and what shells complete."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from klopf import chain, extras
from klopf.console import main
from klopf.extras import EXTRAS


def found(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, dict[str, dict[str, object]]]]:
    """The exit status, and the findings by part and name."""
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json", *words])
    said = json.loads(capsys.readouterr().out)
    assert said.pop("well") is (not ended.value.code)
    return int(ended.value.code or 0), {part: {row["what"]: row for row in rows} for part, rows in said.items()}


def test_what_is_here_is_well_and_an_extra_that_lacks_something_says_how_to_get_it(capsys, monkeypatch) -> None:
    monkeypatch.setitem(EXTRAS, "river", ("river", "no_such_module"))
    status, said = found(capsys)
    assert status == 0 and all(
        row["well"] and not row["mend"] for row in said["here"].values() if row["what"] != "kernels"
    )
    assert set(said["extras"]) == set(EXTRAS)
    assert said["extras"]["network"] == {"what": "network", "well": True, "found": "installed", "mend": ""}
    river = said["extras"]["river"]
    assert (river["well"], river["found"], river["mend"]) == (
        False,
        "lacks no_such_module",
        'pip install "klopf[river]"',
    )


@pytest.mark.parametrize(("free", "well"), [(2 << 30, True), (1 << 20, False)])
def test_a_disk_that_is_nearly_full_is_a_fault(capsys, monkeypatch, free, well) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(free, 0, free))
    status, said = found(capsys)
    assert (status == 0) is well is said["here"]["disk"]["well"]
    assert bool(said["here"]["disk"]["mend"]) is not well


def test_kernels_that_cannot_be_kept_are_a_fault(capsys, monkeypatch) -> None:
    monkeypatch.setattr("klopf.mind._jit.cache_folder", lambda: None)
    status, said = found(capsys)
    assert status == 1 and "KLOPF_CACHE" in str(said["here"]["kernels"]["mend"])


def test_a_chain_is_asked_where_it_stands_and_a_file_that_is_not_there_is_not_made(capsys, tmp_path: Path) -> None:
    place = tmp_path / "chain.sqlite"
    status, said = found(capsys, "--rpc", str(place))
    assert status == 1 and "there is no chain" in str(said["here"]["chain"]["found"]) and not place.exists()
    chain.create(place, chain_id=7).close()
    status, said = found(capsys, "--rpc", str(place))
    assert status == 0 and "is chain 7, at block 0" in str(said["here"]["chain"]["found"])
    status, said = found(capsys, "--rpc", "http://127.0.0.1:9")
    assert status == 1 and "http://127.0.0.1:9" in str(said["here"]["chain"]["found"])


def test_a_network_that_is_not_installed_asks_no_chain(capsys, monkeypatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"network": ("no_such_module",)})
    monkeypatch.setattr("klopf.console.cli.doctor.EXTRAS", {"network": ("no_such_module",)})
    status, said = found(capsys, "--rpc", "http://127.0.0.1:9")
    assert status == 1 and said["here"]["chain"]["mend"] == 'pip install "klopf[network]"'


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_what_there_is(capsys, shell) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", shell])
    script = capsys.readouterr().out
    assert not ended.value.code and "doctor" in script and "watch-position" in script
    if there := shutil.which(shell):
        assert subprocess.run([there, "-n"], input=script, text=True, check=False).returncode == 0
