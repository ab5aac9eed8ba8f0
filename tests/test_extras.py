"""What the core does not bring says so in one line, for imports and for commands."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from klopf import extras
from klopf.errors import KlopfError, MissingExtra

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def test_every_extra_that_is_asked_for_can_be_installed():
    assert set(extras.EXTRAS) <= set(PROJECT["optional-dependencies"])


def test_what_is_missing_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, "rl", ("json", "no_such_module.inside"))
    with pytest.raises(MissingExtra) as caught:
        extras.require("rl", "an agent")
    line = 'an agent needs no_such_module.inside, which is not installed: pip install "klopf[rl]"'
    assert str(caught.value) == line
    assert isinstance(caught.value, KlopfError) and isinstance(caught.value, ImportError)
    assert caught.value.extra == "rl"


def without(*modules: str) -> str:
    """Code after which these modules cannot be found, as in an install without the extra that brings them."""
    return (
        "import importlib.abc, sys\n"
        "class Gone(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {modules!r}: raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
    )


NETWORK = ("web3", "eth", "coincurve", "grpc", "google", "cryptography", "pydantic", "arro3", "sklearn", "skops",
           "scipy", "rlp", "eth_account", "eth_abi", "sha3", "uvloop", "websockets")  # fmt: skip


@pytest.mark.parametrize("room", ["chain", "ledger", "wire", "peers", "audit", "network"])
def test_a_room_of_the_network_names_the_extra(room):
    code = without(*NETWORK) + f"from klopf import {room}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("klopf.errors.MissingExtra: ") and last.endswith('pip install "klopf[network]"')


def test_what_a_fleet_offers_names_the_extra_when_it_is_used():
    code = without(*NETWORK) + "from klopf import fleet\nfleet.Rounds"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1].endswith('pip install "klopf[network]"')


def test_the_store_names_its_own_extra():
    code = without("libipld", "pyfastcdc", "zstandard") + "from klopf import store"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1].endswith('pip install "klopf[store]"')


def test_the_core_learns_by_itself():
    gone = (*NETWORK, "river", "matplotlib", "gymnasium", "imageio")
    code = without(*gone) + (
        "import numpy as np; from klopf import mind\n"
        "m = mind.Mind(sensors=3, outputs=2, hidden=(4,), seed=0); m.learn_one(np.ones(3), 1)\n"
        "print(m.predict_one(np.ones(3)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() in ("0", "1"), done.stderr
