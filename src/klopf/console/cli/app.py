"""The commands. Each is thin: it reads arguments, calls the library and shows what came back."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from klopf import __version__
from klopf.errors import PeersError

__all__ = ["app"]

app = App(
    name="klopf", version=__version__, help="Decentralized neural networks whose neurons must earn being listened to."
)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]


@app.command
def demo(*, folder: Path | None = None, seed: int = 0, epochs: int = 6, json_: Json = False) -> None:
    """Run the main job on scikit-learn's handwritten digits.

    Five honest neurons of two kinds of model learn from private, unequal shares, ask one another, learn whom to listen
    to, are audited and are paid; a free-rider, a liar and a dishonest auditor try to live off them.

    Parameters
    ----------
    folder
        Where the run folder goes; by default klopf-run-<time> here.
    seed
        Of everything random but keys and timing.
    epochs
        Settlement epochs.
    """
    from klopf.network import DEMO_PASSPHRASE, demo_settings

    if epochs < 1:
        raise PeersError(f"--epochs {epochs}: at least 1 is needed")
    _run_network(demo_settings(seed, epochs), folder, os.environ.get("KLOPF_PASSPHRASE", DEMO_PASSPHRASE), json_)


@app.command
def run(
    network: Path | None = None,
    *,
    example: Annotated[bool, Parameter(negative="")] = False,
    folder: Path | None = None,
    seed: int | None = None,
    epochs: int | None = None,
    json_: Json = False,
) -> None:
    """Run a network of your own, described in one TOML file.

    Keys are locked with the passphrase in KLOPF_PASSPHRASE, which is asked for if it is not set.

    Parameters
    ----------
    network
        The file; `klopf run --example` prints one to start from.
    example
        Print a commented example and end.
    folder
        Where the run folder goes; by default klopf-run-<time> here.
    seed
        Instead of the file's.
    epochs
        Instead of the file's.
    """
    from klopf.network import EXAMPLE, read_settings

    if example:
        print(EXAMPLE, end="")
        return
    if network is None:
        raise PeersError(
            "name a network file: `klopf run network.toml`; `klopf run --example > network.toml` writes one"
        )
    changes = {k: v for k, v in {"seed": seed, "epochs": epochs}.items() if v is not None}
    _run_network(read_settings(network, changes), folder, _passphrase(), json_)


@app.command
def status(folder: Path, *, json_: Json = False) -> None:
    """Show a run as its ledger has it: who is heard, earned and slashed. Works while the run goes on.

    Parameters
    ----------
    folder
        A run folder.
    """
    from klopf.console.cli.live import print_summary
    from klopf.network import read_run, summarise

    summary = summarise(read_run(folder), None, 0.0, [])
    if json_:
        _print_json(summary.as_dict())
    else:
        print_summary(summary)


@app.command
def verify(folder: Path, *, json_: Json = False) -> int:
    """Recompute every balance, payment and standing from the ledger's events and the receipts; name any difference.

    Exit status 0 if everything agrees, 1 if something differs.

    Parameters
    ----------
    folder
        A run folder.
    """
    from klopf import network

    differences = network.verify(folder)
    disputes = None if differences else network.count_disputes(folder)
    if json_:
        _print_json({"agrees": not differences, "differences": differences, "disputes": disputes})
    elif differences:
        print("\n".join(differences))
        print(f"{len(differences)} difference(s): this ledger and these receipts do not agree", file=sys.stderr)
    elif disputes:
        line = "every balance, payment and standing follows from the events and the receipts"
        said = "; {opened} disputes, of which {answered} were answered and {upheld} upheld".format(**disputes)
        print(line + (said if disputes["opened"] else ""))
    return 1 if differences else 0


@app.command
def neuron(folder: Path) -> None:
    """Run one participant of a prepared network in the foreground, for instance one that was stopped.

    Parameters
    ----------
    folder
        The participant's folder, such as RUN/neurons/ada. KLOPF_PASSPHRASE unlocks its key.
    """
    import subprocess

    from klopf import peers

    role = peers.ParticipantSettings.read(folder).role
    module = {"auditor": "klopf.audit"}.get(role, "klopf.peers")
    environment = os.environ | {"KLOPF_PASSPHRASE": _passphrase()}
    sys.exit(subprocess.run([sys.executable, "-m", module, str(folder)], env=environment, check=False).returncode)


keys = App(name="keys", help="Make, show, back up and restore keys.")
app.command(keys)


@keys.command
def new(file: Path) -> None:
    """Make a key and lock it in a new file with the passphrase in KLOPF_PASSPHRASE (asked for if not set)."""
    from klopf import ledger

    if file.exists():
        raise PeersError(f"{file} exists: a key is never overwritten; choose another name")
    key = ledger.keys.new()
    ledger.keys.save(key, file, _passphrase(confirm=True))
    print(key.address)
    print(f"back it up now: klopf keys backup {file}", file=sys.stderr)


@keys.command(name="show")
def show_key(file: Path) -> None:
    """Print the address of a key file. No passphrase is needed."""
    from klopf import ledger

    print(ledger.keys.read_address(file))


@keys.command
def backup(file: Path) -> None:
    """Print the words that a key can be restored from. Whoever reads them owns the key: write them on paper."""
    from klopf import ledger

    print(ledger.keys.load(file, _passphrase()).words())


@keys.command
def restore(file: Path, *, index: int = 0) -> None:
    """Make a key file from backup words, read from standard input.

    Parameters
    ----------
    file
        The new key file.
    index
        Which of the words' keys (the last number of m/44'/60'/0'/0/index).
    """
    from klopf import ledger

    if file.exists():
        raise PeersError(f"{file} exists: a key is never overwritten; choose another name")
    if sys.stdin.isatty():
        print("the words, on one line:", file=sys.stderr)
    key = ledger.keys.restore(" ".join(sys.stdin.readline().split()), index)
    ledger.keys.save(key, file, _passphrase(confirm=True))
    print(key.address)


# Loaded when it is asked for: it brings compiled kernels.
app.command(
    "klopf.console.cli.bench:app", name="bench", help="Compare learners that never stop learning; measure speed."
)
app.command("klopf.console.cli.learn:learn", name="learn")
app.command("klopf.console.cli.learn:watch", name="watch")
app.command("klopf.console.cli.ledger:ledger", name="ledger", help="Money, stakes, history and graph of a network.")
app.command("klopf.console.cli.dao:dao", name="dao", help="Proposals and votes on the rules of a network.")

chain = App(name="chain", help="The embedded chain: an EVM in one file.")
app.command(chain)


@chain.command
def serve(file: Path, *, host: str = "127.0.0.1", port: int = 8545) -> None:
    """Serve a chain file as JSON-RPC over HTTP, for wallets and tools. Stop it with Ctrl-C.

    Parameters
    ----------
    file
        The chain's file, such as RUN/ledger.sqlite.
    host
        Address to listen at.
    port
        Port to listen at.
    """
    from klopf import chain as embedded

    embedded.open(file, read_only=True).close()  # what cannot be served says so before anything is promised
    print(f"serving {file} at http://{host}:{port}", file=sys.stderr)
    embedded.serve(file, host=host, port=port)


def _run_network(settings: Any, folder: Path | None, passphrase: str, as_json: bool) -> None:
    from klopf import network
    from klopf.console.cli.live import Live, print_summary

    folder = folder or Path(time.strftime("klopf-run-%Y%m%d-%H%M%S"))
    with Live(settings) as live:
        summary = network.run(settings, folder, passphrase, begun=live.begun, progress=live.progress)
    if as_json:
        _print_json(summary.as_dict())
        return
    print_summary(summary)
    print(f"\n{folder}/report.html shows the whole run; `klopf verify {folder}` checks the books.")


def _passphrase(confirm: bool = False) -> str:
    """From KLOPF_PASSPHRASE, or asked for at a terminal; never from an argument, which others could see."""
    given = os.environ.get("KLOPF_PASSPHRASE")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise PeersError("no passphrase: set KLOPF_PASSPHRASE, or run this at a terminal to be asked for it")
    from getpass import getpass

    first = getpass("passphrase: ")
    if confirm and getpass("once more: ") != first:
        raise PeersError("the two passphrases differ: try again")
    return first


def _print_json(value: Any) -> None:
    from klopf.network import to_json

    print(to_json(value))
