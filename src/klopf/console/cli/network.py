"""``klopf demo``, ``run``, ``predict``, ``status``, ``explain``, ``verify`` and ``neuron``: a network."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from cyclopts import Parameter

from klopf.console.cells import cell
from klopf.console.cli.command import Command, Json, print_json
from klopf.console.cli.given import file_form
from klopf.console.cli.passphrase import passphrase
from klopf.errors import PeersError

if TYPE_CHECKING:
    from klopf.network import NetworkSettings, Prediction, Summary

__all__ = [
    "Demo", "Explain", "Neuron", "Predict", "Run", "Status", "Verify", "can_be_written", "live", "print_prediction",
]  # fmt: skip


class Demo(Command):
    help = "Run the main job on scikit-learn's handwritten digits."
    extra = "network"

    def run(
        self,
        *,
        folder: Path | None = None,
        seed: int = 0,
        epochs: int = 6,
        fleet: Annotated[bool, Parameter(negative="")] = False,
        agents: Annotated[bool, Parameter(negative="")] = False,
        twin: Annotated[bool, Parameter(negative="")] = False,
        economy: Annotated[bool, Parameter(negative="")] = False,
        json_: Json = False,
    ) -> None:
        """Five honest neurons of two kinds of model learn from private, unequal shares, ask one another, learn whom to
        listen to, are audited and are paid; a free-rider, a liar and a dishonest auditor try to live off them.

        Example: klopf demo --folder my-demo --seed 1

        Parameters
        ----------
        folder
            Where the run folder goes; by default klopf-run-<time> here.
        seed
            Of everything random but keys and timing.
        epochs
            Settlement epochs.
        fleet
            Play the full circle of a fleet instead: devices are sold, their data trains a model, they are paid, and the
            model is licensed.
        agents
            Show a network of language models instead: five agents of a small model behind HTTP, one of which lies.
        twin
            Show the twin instead: a storm, a drill, who decides best, who gains and who loses, the gate, and a report.
        economy
            Play the circle of capital instead: an investor funds a model that a fleet trains, which is audited, becomes
            shares and is licensed, until what it earns has reached whoever bought half of the investor's shares.
        """
        if fleet + agents + twin + economy > 1:
            raise PeersError("--fleet, --agents, --twin and --economy are demos by themselves: choose one")
        if twin:
            _show_twin(folder or Path(time.strftime("klopf-twin-%Y%m%d-%H%M%S")), seed, json_)
            return
        if economy:
            _play_economy(folder or Path(time.strftime("klopf-economy-%Y%m%d-%H%M%S")), seed, json_)
            return
        if fleet:
            _play_fleet(folder or Path(time.strftime("klopf-fleet-%Y%m%d-%H%M%S")), seed, json_)
            return
        from klopf.network import DEMO_PASSPHRASE, demo_settings

        if epochs < 1:
            raise PeersError(f"--epochs {epochs}: at least 1 is needed")
        if agents:
            _show_agents(folder or Path(time.strftime("klopf-agents-%Y%m%d-%H%M%S")), seed, epochs, json_)
            return
        _run_network(demo_settings(seed, epochs), folder, os.environ.get("KLOPF_PASSPHRASE", DEMO_PASSPHRASE), json_)


QUESTIONS = 30
"""Of each kind, in the demo with language models."""


def _show_agents(folder: Path, seed: int, epochs: int, json_: bool) -> None:
    from klopf import files, language
    from klopf.network import DEMO_PASSPHRASE, agents_settings, equal_vote

    with language.running() as url:
        asked = folder.with_name(folder.name + "-questions.csv")
        files.replace(asked, language.as_csv(language.drawn(QUESTIONS, seed)))
        try:
            summary = _run_network(agents_settings(seed, epochs, url, asked), folder, DEMO_PASSPHRASE, json_)
        finally:
            if not (folder / "run.json").exists():
                asked.unlink()  # no run came of it that would have to find it again
    if not json_:
        last = summary.moments[-1]
        best = max(last.neurons, key=last.neurons.__getitem__, default="")
        alone = f"the best member {best} alone {last.neurons[best]:.1%}" if best else "nobody answered the requester"
        silent = [one.name for one in summary.neurons if one.standing == "silent"]
        print(
            f"together {last.network:.1%}, {alone}, the vote in which "
            f"all who answer count alike {equal_vote(folder):.1%}; silent: {', '.join(silent) or 'nobody'}"
        )


def _show_twin(folder: Path, seed: int, json_: bool) -> None:
    from klopf.twin import play

    said = play(folder, seed, lambda line: print(line, file=sys.stderr if json_ else sys.stdout, flush=True))
    if json_:
        print_json(said)
        return
    print("\n".join(f"  {line}" for line in said["chain"]))
    for name, lost in said["drill"].items():
        print(f"{name:<32} {lost['hours']:8,.0f} customer hours and {lost['money']:8,.0f} money lost")
    for name, row in said["policies"].items():
        bills, carbon, welfare = (row[key][0] for key in ("cost", "carbon", "welfare"))
        print(f"{name:<12} bills {bills:8,.2f}, {carbon:8,.2f} kg CO2, welfare {welfare:8,.2f}")
    print(f"listening: {said['gain']} households gain, {said['lose']} lose; the gate "
          f"{'releases' if said['released'] else 'REFUSES'} it; report: {folder / 'report.html'}")  # fmt: skip


def _play_fleet(folder: Path, seed: int, json_: bool) -> None:
    from klopf.fleet import play_circle

    said = play_circle(folder, seed, lambda line: print(line, file=sys.stderr if json_ else sys.stdout, flush=True))
    if json_:
        print_json(said)
        return
    for row in said["devices"]:
        name, works = f"device {row['device']}", row["works"]
        print(f"{name:<10} {works:<12} {100 * row['share']:6.2f} %  {row['from the job']:>9.3f} KLP")
    print(", ".join(f"{who} {amount:+.2f} KLP" for who, amount in said["money"].items()))
    print(f"ledger: {len(said['differences'])} differences; report: {folder / 'report.html'}")


def _play_economy(folder: Path, seed: int, json_: bool) -> None:
    from klopf.network import play_economy

    said = play_economy(folder, seed, lambda line: print(line, file=sys.stderr if json_ else sys.stdout, flush=True))
    if json_:
        print_json(said)
        return
    for row in said["money"]:
        print(f"{row['who']:<10} {row['had']:>12.3f} KLP {row['gained']:>+12.3f}")
    social = said["social"]
    print(f"of all: {social['there were']:.0f} KLP, {social['made']} made, {social['burnt']} burnt; "
          f"nowhere: {social['nowhere']}")  # fmt: skip
    print(f"ledger: {len(said['differences'])} differences; report: {folder / 'report.html'}")


class Run(Command):
    help = "Run a network of your own, described in one TOML or YAML file, or go on with a run that was stopped."
    extra = "network"

    def run(
        self,
        network: Path | None = None,
        *,
        example: Annotated[bool, Parameter(negative="")] = False,
        check: Annotated[bool, Parameter(negative="")] = False,
        folder: Path | None = None,
        seed: int | None = None,
        epochs: int | None = None,
        set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
        resume: Path | None = None,
        json_: Json = False,
    ) -> None:
        """Keys are locked with the passphrase in KLOPF_PASSPHRASE, which is asked for if it is not set.

        Example: klopf run network.toml --folder RUN

        Parameters
        ----------
        network
            The file; `klopf run --example` prints one to start from.
        example
            Print a commented example and end.
        check
            Say what would happen, with what is understood of the data (kinds, gaps, classes, what is left out and why),
            and make nothing.
        folder
            Where the run folder goes; by default klopf-run-<time> here.
        seed
            Instead of the file's.
        epochs
            Instead of the file's; with --resume, how many more.
        set_
            Any setting instead of the file's, such as data.target=kind or neuron.0.passes=8; again for others. The
            environment goes before the file, too: KLOPF_RUN__DATA__TARGET=kind.
        resume
            A run folder: everybody in it comes back and goes on, in place of a new run. An epoch whose time was over
            meanwhile is let pass.
        """
        from klopf.network import EXAMPLE, changed, read_settings

        if example:
            print(EXAMPLE, end="")
            return
        if epochs is not None and epochs < 1:
            raise PeersError(f"--epochs {epochs}: at least 1 is needed")
        if resume is not None:
            if network is not None or folder is not None or seed is not None or set_:
                raise PeersError(
                    "--resume goes on with a run as it was begun: leave out the file, --folder, --seed and --set"
                )
            _resume_network(resume, epochs, passphrase(), json_)
            return
        if network is None:
            raise PeersError(
                "name a network file: `klopf run network.toml`; `klopf run --example > network.toml` writes one"
            )
        changes = changed(set_ or []) | {k: v for k, v in {"seed": seed, "epochs": epochs}.items() if v is not None}
        settings = read_settings(network, changes)
        if check:
            _check_network(settings, json_)
            return
        _run_network(settings, folder, passphrase(), json_)


class Predict(Command):
    help = "Say what the network of a run makes of new samples, in a CSV or Parquet file."
    extra = "network"

    def run(self, folder: Path, file: Path, *, out: Path | None = None, form: str = "{}", json_: Json = False) -> None:
        """Every neuron's newest model is asked in this process, and listened to as the run's requester learned to:
        nobody is paid, and nothing changes. Where the file has the run's target too, the score is told.

        Example: klopf predict RUN new.csv --out said.csv

        Parameters
        ----------
        folder
            A run folder, or that of a model of your own (`klopf ask --distil`).
        file
            The samples; columns are found by their names, in any order.
        out
            A CSV file for the predictions, a row a sample; by default they are printed.
        form
            How the file is written, as JSON, where it does not tell, as for `klopf join`; what is left open is as in
            the run's own files.
        """

        from klopf import network

        if out is not None:
            can_be_written(out)
        if network.is_distilled(folder):
            said = network.predict_alone(folder, file, file_form(form))
        else:
            usual = network.read_run(folder).settings.data.form
            said = network.predict(folder, file, file_form(form, usual))
        print_prediction(said, out, json_)


class Status(Command):
    help = "Show a run as its ledger has it: who is heard, earned and slashed. Works while the run goes on."
    extra = "network"

    def run(self, folder: Path, *, json_: Json = False) -> None:
        """Example: klopf status RUN --json

        Parameters
        ----------
        folder
            A run folder.
        """
        from klopf.console.cli.live import print_summary
        from klopf.network import read_run, status, to_json

        summary = status(read_run(folder))
        if json_:
            print(to_json(summary.as_dict()))
        else:
            print_summary(summary)


class Explain(Command):
    help = "Say why a neuron was paid what it was paid in an epoch: receipts, consensus, audit, rules, transactions."
    extra = "network"

    def run(self, folder: Path, neuron: str, epoch: int, *, json_: Json = False) -> None:
        """Everything comes from the ledger, also while the run goes on.

        Example: klopf explain RUN ada 3

        Parameters
        ----------
        folder
            A run folder, or that of one who joined a network of strangers.
        neuron
            Its name or id.
        epoch
            From 1 on.
        """
        from klopf.network import explain, read_own, read_run, to_json

        joined = (folder / "participant.json").exists()
        found = explain(read_own(folder) if joined else read_run(folder), neuron, epoch)
        print(to_json(found.as_dict()) if json_ else found.text())


class Verify(Command):
    help = "Recompute every balance, payment and standing from the events and receipts; name any difference."
    extra = "network"

    def run(self, folder: Path, *, json_: Json = False) -> int:
        """Exit status 0 if everything agrees, 1 if something differs.

        Example: klopf verify RUN

        Parameters
        ----------
        folder
            A run folder.
        """
        from klopf import network

        differences, notes = network.verify(folder), network.unverified(folder)
        disputes = None if differences else network.count_disputes(folder)
        if json_:
            record = {"agrees": not differences, "differences": differences, "notes": notes, "disputes": disputes}
            print(network.to_json(record))
        elif differences:
            print("\n".join(differences))
            print(f"{len(differences)} difference(s): this ledger and these receipts do not agree", file=sys.stderr)
        elif disputes:
            line = "every balance, payment and standing follows from the events and the receipts"
            said = "; {opened} disputes, of which {answered} were answered and {upheld} upheld".format(**disputes)
            print(line + (said if disputes["opened"] else ""))
        if notes and not json_:
            print("\n".join(notes), file=sys.stderr)
        return 1 if differences else 0


class Neuron(Command):
    help = "Run one participant of a prepared network in the foreground, for instance one that was stopped."
    extra = "network"

    def run(self, folder: Path) -> None:
        """Example: klopf neuron RUN/neurons/ada

        Parameters
        ----------
        folder
            The participant's folder, such as RUN/neurons/ada. KLOPF_PASSPHRASE unlocks its key.
        """
        live(folder, passphrase())


def _run_network(settings: NetworkSettings, folder: Path | None, phrase: str, as_json: bool) -> Summary:
    from klopf import network
    from klopf.console.cli.live import Live

    folder = folder or Path(time.strftime("klopf-run-%Y%m%d-%H%M%S"))
    try:
        with Live(settings) as live:
            live.begun(f"`klopf page {folder}` shows it in the browser once its processes start")
            summary = network.run(settings, folder, phrase, begun=live.begun, progress=live.progress)
    except KeyboardInterrupt:
        if (folder / "run.json").exists():
            print(f"stopped; `klopf run --resume {folder}` goes on", file=sys.stderr)
        raise
    _print_run(summary, folder, as_json)
    return summary


def _check_network(settings: NetworkSettings, as_json: bool) -> None:
    from klopf import network

    checked = network.check(settings)
    print(network.to_json(checked.as_dict()) if as_json else checked.text())


def _resume_network(folder: Path, epochs: int | None, phrase: str, as_json: bool) -> None:
    from klopf import network
    from klopf.console.cli.live import Live

    with Live(network.read_run(folder).settings) as live:
        summary = network.resume(folder, phrase, epochs, begun=live.begun, progress=live.progress)
    _print_run(summary, folder, as_json)


def _print_run(summary: Summary, folder: Path, as_json: bool) -> None:
    from klopf import network
    from klopf.console.cli.live import print_summary

    if as_json:
        print(network.to_json(summary.as_dict()))
        return
    print_summary(summary)
    print(
        f"\n{folder}/report.html shows the whole run, `klopf page {folder}` in the browser; "
        f"`klopf verify {folder}` checks the books."
    )


def can_be_written(out: Path) -> None:
    """PeersError where ``out`` cannot become a file: its folder is not there or cannot be written, or it is one."""
    if out.is_dir():
        raise PeersError(f"--out {out} is a folder: name a file")
    if not os.access(out.absolute().parent, os.W_OK):
        raise PeersError(f"--out {out}: there is no folder {out.absolute().parent} that can be written; choose another")


def print_prediction(
    said: Prediction, out: Path | None, as_json: bool, more: dict[str, Any] | None = None
) -> None:  # fmt: skip
    """A row a sample, into the file ``out`` or here; who was listened to, the score and ``more`` beside it."""
    import csv
    import io

    from klopf import files, network

    heard = {name: round(share, 3) for name, share in said.shares.items()}
    if as_json:
        score = {} if said.score is None else {said.task.measure.replace(" ", "_"): said.score}
        print(network.to_json({"heard": heard, **score, **(more or {}), **said.columns}))
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(cell, said.columns))
    writer.writerows(map(cell, row) for row in zip(*said.columns.values(), strict=True))
    if out is None:
        print(text.getvalue(), end="")
    else:
        files.replace(out, text.getvalue())
    asked = f"{len(said.answers):,} samples; listens to " + ", ".join(f"{n} {s:.3f}" for n, s in heard.items())
    score_line = "" if said.score is None else f"; {said.task.measure} {said.score:.4f}"
    also = "".join(f"; {name.replace('_', ' ')} {value}" for name, value in (more or {}).items())
    print(asked + score_line + also, file=sys.stderr)


def live(folder: Path, phrase: str) -> NoReturn:
    """Become the process that lives in a participant's folder: what is sent to this one reaches that one."""
    from klopf import peers

    role = peers.ParticipantSettings.read(folder).role
    module = {"auditor": "klopf.audit"}.get(role, "klopf.peers")
    sys.stdout.flush()
    environment = os.environ | {"KLOPF_PASSPHRASE": phrase, "PYTHONUNBUFFERED": "1"}
    os.execve(sys.executable, [sys.executable, "-m", module, str(folder)], environment)
