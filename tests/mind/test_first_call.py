"""Nobody waits for kernels that were compiled ahead: by another process, or by whoever built the wheel."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import klopf
from klopf.console import main
from klopf.mind import _jit, _warm


@pytest.mark.long
def test_what_was_compiled_ahead_is_loaded_by_every_process_and_every_copy_of_the_sources(tmp_path: Path) -> None:
    """One kind, as ``klopf warm`` compiles it; then nothing is compiled, whatever the sizes, wherever the files lie."""
    shutil.copytree(Path(klopf.__file__).parent, tmp_path / "other" / "klopf")
    ahead = "from klopf.mind._warm import compile_kind; print(compile_kind('Mind, classes')['compiled'])"
    later = """
import numpy as np
from numba.core import event
from klopf.mind import Mind
heard = event.RecordingListener()
with event.install_listener("numba:compile", heard):
    for sensors, hidden in ((3, (64,)), (40, (64,)), (40, (20, 30)), (5, (10,)), (1100, (300,))):
        m = Mind(sensors, 3, hidden)
        m.learn(np.ones((2, sensors)), [0, 1]); m.predict(np.ones((2, sensors)))
print(len(heard.buffer), m.commitment().hex())
"""
    said = []
    for where, code in (("", ahead), ("", ahead), ("", later), (tmp_path / "other", later)):
        env = {**os.environ, "KLOPF_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(where)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        said.append(done.stdout.split())
    assert int(said[0][0]) > 5 and said[1] == ["0"]
    assert said[2] == said[3] and said[2][0] == "0"


@pytest.mark.long
def test_kernels_of_a_wheel_are_loaded_and_those_of_other_sources_are_not(tmp_path: Path) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("a wheel's kernels are for x86-64")
    copy = tmp_path / "site" / "klopf"
    shutil.copytree(Path(klopf.__file__).parent, copy)
    code = (
        "from klopf.mind import _jit; from klopf.mind._warm import compile_kind\n"
        "print(compile_kind('Mind, a number')['compiled'], _jit.shipped_folder())"
    )

    def compiled(cache: str, **more: str) -> int:
        env = {**os.environ, "PYTHONPATH": str(copy.parent), "KLOPF_CACHE": str(tmp_path / cache), **more}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        return int(done.stdout.split()[0])

    compiled("level", NUMBA_CPU_NAME=_jit.LEVEL, NUMBA_CPU_FEATURES="")
    shutil.move(tmp_path / "level" / "kernels", copy / "mind" / "compiled")
    (copy / "mind" / "compiled").chmod(0o555)
    assert compiled("empty") == 0
    assert not list((tmp_path / "empty").rglob("*.nbc"))
    with (copy / "mind" / "kernels" / "rows.py").open("a") as file:
        file.write("# edited\n")
    assert compiled("edited") > 5


@pytest.mark.long
def test_klopf_warm_says_what_it_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_warm, "KINDS", ("Mind, yes or no",))
    monkeypatch.setenv("KLOPF_CACHE", str(tmp_path))
    for most in (None, 0):
        with pytest.raises(SystemExit, match="0"):
            main(["warm", "--json"])
        said = capsys.readouterr()
        (row,) = json.loads(said.out)
        assert row["kind"] == "Mind, yes or no" and row["cpu_seconds"] > 0
        assert said.err.startswith("[1] Mind, yes or no: ")
        assert most is None or row["compiled"] == most
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with pytest.raises(SystemExit, match="2"):
        main(["warm"])
    assert "nothing can be kept" in capsys.readouterr().err
