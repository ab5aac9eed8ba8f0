"""``klopf doctor`` and ``klopf completion``: what is installed, missing and reachable here, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from klopf.console.cli.access import Rpc
from klopf.console.cli.command import COMMANDS, Command, Json, make_app, print_json
from klopf.extensions import misnamed
from klopf.extras import EXTRAS, missing

__all__ = ["Completion", "Doctor"]

_ROOM, _MEMORY = 1 << 30, 2 << 30
"""Bytes of disk and of memory below which a network of ten may not run to its end."""
_PROGRAMS = {
    "git": "installing from a repository",
    "node": "a second IPFS implementation in the tests (`make test-extras`)",
    "chromium": "the page in a browser's own window, and its pictures",
    "mosquitto": "a broker for things that tell their records (`klopf device`)",
}
"""What else may be there, and what for."""


class Finding(NamedTuple):
    """What was looked at, whether it is well, what was found, and how to mend it ("" where nothing needs to be)."""

    what: str
    well: bool
    found: str
    mend: str = ""


class Doctor(Command):
    help = "Say what is installed, missing and reachable here, and how to mend it."

    def run(self, *, rpc: Rpc = None, json_: Json = False) -> int:
        """What an extra lacks is no fault: nothing asks for it until it is used. The exit status is 1 where something
        that everything needs is not well.

        Example: klopf doctor --rpc http://127.0.0.1:8545
        """
        found = [*_here(), *_reached(rpc)]
        extras = [Finding(extra, not (lacks := missing(extra)), f"lacks {lacks}" if lacks else "installed",
                          f'pip install "klopf[{extra}]"' if lacks else "") for extra in sorted(EXTRAS)]  # fmt: skip
        programs = [_program(name, what) for name, what in _PROGRAMS.items()]
        well = all(one.well for one in found)
        if json_:
            parts = {"here": found, "extras": extras, "programs": programs}
            print_json({"well": well, **{part: [one._asdict() for one in rows] for part, rows in parts.items()}})
            return 0 if well else 1
        for title, rows in (("here", found), ("extras", extras), ("other programs", programs)):
            print(f"{title}:")
            for one in rows:
                print(f"  {'+' if one.well else '-'} {one.what:<12} {one.found}{f': {one.mend}' if one.mend else ''}")
        print("all is well" if well else "not all is well: see the lines with - under here")
        return 0 if well else 1


def _here() -> Iterator[Finding]:
    """This machine, this Python, this installation."""
    python = platform.python_version()
    recent = sys.version_info >= (3, 11)
    yield Finding("python", recent, f"{python} at {sys.executable}", "" if recent else "install Python 3.11 or newer")
    try:
        yield Finding("klopf", True, f"{version('klopf')} at {Path(__file__).parents[2]}")
    except PackageNotFoundError:
        yield Finding(
            "klopf", False, "is not installed, only found in a folder", "pip install klopf, or pip install -e ."
        )
    broken = [*COMMANDS.passed_over(), *misnamed()]
    yield Finding("extensions", not broken, broken[0] if broken else "all can be loaded",
                  "mend or uninstall the package that brings it" if broken else "")  # fmt: skip
    free = shutil.disk_usage(tempfile.gettempdir()).free
    yield Finding("disk", free > _ROOM, f"{free / 1e9:.1f} GB free in {tempfile.gettempdir()}",
                  "" if free > _ROOM else "make room there, or set TMPDIR to another folder")  # fmt: skip
    memory = _memory()
    enough = memory is None or memory > _MEMORY
    known = "not known here" if memory is None else f"{memory / 1e9:.1f} GB free, {os.cpu_count()} cores"
    yield Finding("memory", enough, known, "" if enough else "end what is not needed, or run fewer neurons")
    yield _kernels()


def _kernels() -> Finding:
    """Where compiled learners are kept."""
    from klopf.mind._jit import cache_folder

    folder = cache_folder()
    if folder is None:
        return Finding("kernels", False, "nothing can be kept, so each process compiles anew",
                       "set KLOPF_CACHE to a folder that can be written")  # fmt: skip
    kept = sum(1 for _ in folder.rglob("*.nbi"))
    return Finding(
        "kernels", True, f"{kept} compiled ones in {folder}", "" if kept else "klopf warm compiles them ahead"
    )


def _reached(rpc: str | None) -> Iterator[Finding]:
    """The chain that is named by --rpc or KLOPF_RPC, if any is."""
    from klopf.errors import KlopfError

    where = rpc or os.environ.get("KLOPF_RPC", "")
    if not where:
        return
    if missing("network"):
        yield Finding("chain", False, f"{where} was not asked", 'pip install "klopf[network]"')
        return
    from klopf.ledger._rpc import open_rpc

    try:
        there = open_rpc(where)
        try:
            id, block = int(there.request("eth_chainId"), 16), int(there.request("eth_blockNumber"), 16)
        finally:
            there.close()
        yield Finding("chain", True, f"{where} is chain {id}, at block {block:,}")
    except (KlopfError, OSError) as error:
        yield Finding("chain", False, str(error), "start it, or name another by --rpc or KLOPF_RPC")


def _program(name: str, what: str) -> Finding:
    there = shutil.which(name)
    return Finding(name, bool(there), there or "is not here", "" if there else f"wanted for {what}")


def _memory() -> int | None:
    """Bytes of memory that can be had, where the system says so."""
    try:
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024


class Completion(Command):
    help = "Print what makes a shell complete klopf's commands and options."

    def run(self, shell: Literal["bash", "zsh", "fish"]) -> None:
        """For this session or, in the shell's own file, for every one: `source <(klopf completion bash)`,
        `klopf completion zsh > "${fpath[1]}/_klopf"`, `klopf completion fish > ~/.config/fish/completions/klopf.fish`.

        Example: klopf completion bash

        Parameters
        ----------
        shell
            Which shell.
        """
        print(make_app().generate_completion(prog_name="klopf", shell=shell))
