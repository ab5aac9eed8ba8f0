"""``klopf network``, ``join``, ``serve``, ``ask``, ``leave``: a network of strangers, each with a folder of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators

from klopf.console.cli.access import Changes, Flag, KeyFile, apply_changes, as_rows, klp, units
from klopf.console.cli.command import Command, CommandGroup, Json, print_json
from klopf.console.cli.given import file_form, json_object
from klopf.console.cli.network import can_be_written, live, print_prediction
from klopf.console.cli.passphrase import passphrase
from klopf.errors import PeersError

__all__ = ["Ask", "Join", "Leave", "Network", "Serve"]

Where = Annotated[str, Parameter(name="--rpc", help="A node's URL, or the file of an embedded chain.")]
Directory = Annotated[str, Parameter(name="--network", help="The network's address: that of its directory.")]
Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1_000))]
Probes = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=4_096))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gte=0, lte=1e6))]


def _begun(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


class Network(CommandGroup):
    help = "Found a network that strangers can join, and see what it is for and who is in it."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"new": new, "schema": schema, "show": show}


def schema(
    file: Path, *, target: str = "target", task: Literal["classes", "numbers", "text"] = "classes", unit: str = "",
    out: Path | None = None,
) -> None:  # fmt: skip
    """Write the schema of a file of samples, to be edited and agreed on: columns, classes, units and scaling.

    Example: klopf network schema mine.csv --target rain --out schema.json

    Parameters
    ----------
    file
        A CSV or Parquet file.
    target
        The column to predict.
    task
        What its values are.
    unit
        Of the target's numbers.
    out
        The file to write; by default it is printed.
    """
    from klopf import files, network

    made = network.Schema.of(file, network.DataSettings(target=target, task=task, unit=unit))
    if out is None:
        print(made.text, end="")
    else:
        files.replace(out, made.text)


def new(
    folder: Path, *, schema: Path, rpc: str | None = None, key: KeyFile = None, changes: Changes = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Found a network: its contracts on a chain, its schema agreed there, its clock running.

    Example: klopf network new weather --schema schema.json

    Parameters
    ----------
    folder
        A new folder for the deployment file and, without --rpc, a chain and the key that owns all tokens.
    schema
        What the network is for: a file as `klopf network schema` writes it.
    rpc
        A node's URL; by default a chain is made in the folder, which `klopf chain serve FOLDER/ledger.sqlite` serves.
    """
    from klopf import ledger, network

    usual: dict[str, Any] = {"Rules": ledger.Parameters(), "Economy": ledger.Economy(), "Marks": ledger.Marks(),
                             "Beacon": ledger.BeaconTerms(), "AuditTerms": ledger.AuditTerms(),
                             "Seats": ledger.SeatTerms()}  # fmt: skip
    terms = apply_changes(changes, usual)
    if not any(change.startswith(("least_seconds=", "Rules.least_seconds=")) for change in changes or []):
        terms["Rules"] = terms["Rules"].unraced()
    agreed = network.Schema.read(schema)
    made = network.found(folder, agreed, passphrase(confirm=True), rpc=rpc, key=key, terms=terms, begun=_begun)
    if json_:
        print_json({"network": made.directory, "chain_id": made.chain_id, "folder": str(folder)})
        return
    print(made.directory)
    served = rpc or "http://HOST:8545"
    if rpc is None:
        print(f"let others reach its chain: klopf chain serve {folder}/ledger.sqlite --host HOST", file=sys.stderr)
    print(f"whoever joins: klopf join FOLDER --rpc {served} --network {made.directory} --data FILE", file=sys.stderr)


def show(*, rpc: Where, network: Directory, json_: Json = False) -> None:
    """Say what a network is for, what it takes to join it, and who is in it.

    Example: klopf network show --rpc http://node:8545 --network 0x5FbDB2315678afecb367f032d93F642f64180aa3
    """
    from klopf import ledger
    from klopf.network import Schema

    with ledger.connect(rpc, directory=network) as book:
        agreed = Schema.from_text(book.schema.text(), "what this network agreed on")
        now, rules, everybody = book.clock.now(), book.rules.current(), book.registry.all()
    rows = [
        {"id": p.id, "role": p.role.name.lower(), "standing": p.standing.name.lower(), "stake": klp(p.stake),
         "heard": round(p.utility, 4), "model": p.model, "endpoint": p.endpoint}
        for p in everybody if p.role is not ledger.Role.NONE
    ]  # fmt: skip
    stake = {"neuron": klp(rules.neuron_stake), "auditor": klp(rules.auditor_stake)}
    if json_:
        print_json({"schema": json.loads(agreed.text), "epoch": now.epoch, "stake": stake, "members": rows})
        return
    print(agreed.text, end="")
    print(f"epoch {now.epoch}; a neuron stakes {stake['neuron']} KLP, an auditor {stake['auditor']}")
    print("\n".join(as_rows(rows)) if rows else "nobody has joined yet")


class Join(Command):
    help = "Join a network with a file and a key of one's own, and serve it."
    extra = "network"

    def run(
        self,
        folder: Path,
        *,
        rpc: Where,
        network: Directory,
        data: Path | None = None,
        as_: Annotated[Literal["neuron", "auditor", "requester"], Parameter(name="--as")] = "neuron",
        model: str = "mind",
        settings: str = "{}",
        knows: str = "{}",
        name: str = "",
        distil: Probes = 0,
        price: str = "0",
        deposit: str = "0",
        stake: str = "0",
        host: str = "",
        port: Port = 0,
        listen: str = "",
        relay: str = "",
        wait: Seconds = 600.0,
        form: str = "{}",
        check: Flag = False,
        serve: bool = True,
        json_: Json = False,
    ) -> None:
        """The key is made in the folder, locked with the passphrase in KLOPF_PASSPHRASE, and never leaves it; nor does
        the file. Stopped at any moment, the same command goes on where it stood. A neuron or an auditor is served until
        it is stopped (`klopf serve FOLDER` goes on); a requester asks with `klopf ask`.

        Example: klopf join me --rpc http://node:8545 --network 0x5FbDB2315678afecb367f032d93F642f64180aa3 --data a.csv

        Parameters
        ----------
        folder
            One's own; made if it is not there.
        data
            One's own samples with their targets, a CSV or Parquet file that fits the schema (`klopf network show`).
        as_
            What to be.
        model
            A neuron's: mind, sklearn:<Estimator>, river:<module.Estimator>, torch:<package.module:Class>, onnx:<FILE>,
            an URL, openai:<URL>#<model>, or package.module:name of a class or function. See docs/models.md.
        settings
            The model's, as JSON, such as '{"hidden": [64]}'.
        knows
            What a neuron claims to know, where not everything, as JSON, such as '{"classes": ["0", "1"]}' or, in the
            file's own units, '{"inputs": {"age": [0, 18]}}': it is judged there, and for not claiming to know anything
            else. See docs/audit.md.
        name
            By default the folder's.
        distil
            Probes of its own in an epoch (64, say) about which a neuron asks its neighbours, too, to learn from what
            they say together where that lowers the loss on a fifth of its samples, which it holds out. 0: it does not.
        price
            KLP that a neuron asks a requester for a sample.
        deposit
            KLP that a requester deposits for fees.
        stake
            KLP that a neuron or an auditor puts at stake, and keeps there out of what it earns. By default what the
            network wants and a fifth more: who is away when a value of its is due for the seeds of draws loses 5 %, and
            below what the network wants a neuron falls silent.
        host
            Address where others reach it; by default the one from which this machine reaches the node.
        port
            Port to answer at; 0 lets the system choose.
        listen
            This machine's address to listen at, where that is another than HOST, as behind a router that forwards.
        relay
            HOST:PORT of a relay (`klopf relay`), where this machine cannot be dialled: it is reached through that.
        wait
            Seconds to wait for the stake to arrive at the key's address.
        form
            How DATA is written, where it does not tell, as JSON: delimiter, decimal, encoding, missing, or spellings of
            classes, such as '{"encoding": "latin-1", "spellings": {"0": "benign"}}'.
        check
            Say whether the file fits the network, the model can be made and what it takes; make nothing.
        serve
            Begin to serve at once.
        """
        from klopf.network import Joining, check_joining, join

        own, known = json_object(settings), json_object(knows, "--knows")
        if check:
            how = Joining(rpc, network, as_, data, file_form(form), model=model, settings=own, knows=known,
                          stake=units(stake), host=host, port=port, listen=listen, relay=relay)  # fmt: skip
            schema, samples, tokens = check_joining(how)
            task = schema.made_task
            said = {"samples": samples, "columns": [one.name for one in schema.features],
                    "inputs": len(task.features), "target": schema.target, "task": schema.task,
                    "measure": task.measure, "stake": tokens}  # fmt: skip
            if json_:
                print_json(said)
            else:
                print("\n".join(f"{name}: {', '.join(v) if isinstance(v, list) else v}" for name, v in said.items()))
                print("nothing was made")
            return
        phrase = passphrase(confirm=not (folder / "key.json").exists())
        how = Joining(
            rpc, network, as_, data, file_form(form), name=name, model=model, settings=own, knows=known,
            distil=distil, price=units(price), deposit=units(deposit), stake=units(stake), host=host, port=port,
            listen=listen, relay=relay, wait=wait,
        )  # fmt: skip
        joined = join(folder, how, phrase, _begun)
        if json_:
            print_json({"id": joined.id, "role": joined.role, "address": joined.address, "network": joined.network,
                        "stake": klp(joined.stake), "folder": str(folder)})  # fmt: skip
        else:
            print(f"{joined.role} {joined.id} ({joined.address}) has joined {joined.network}")
        if serve and as_ != "requester":
            live(folder, phrase)


class Serve(Command):
    help = "Go on serving the model of whoever joined from a folder, until it is stopped."
    extra = "network"

    def run(self, folder: Path, *, model: str | None = None, settings: str = "{}", knows: str | None = None) -> None:
        """SIGTERM and Ctrl-C stop it in order; killed at any moment, it goes on where it stood. The folder may be moved
        to another machine: of two copies that are served the one that was started first ends.

        Example: klopf serve mine --model sklearn:GaussianNB

        Parameters
        ----------
        folder
            A folder in which `klopf join` was run. KLOPF_PASSPHRASE unlocks its key.
        model
            Another model for a neuron from its next epoch on, which the registry is told: it is audited anew.
        settings
            Of that model, as JSON.
        knows
            What it claims to know from then on, as JSON, as `klopf join` takes it; by default what it claimed before.
        """
        from klopf.network import change_model

        phrase = passphrase()
        known = None if knows is None else json_object(knows, "--knows")
        if known is not None and model is None:
            raise PeersError("--knows goes with --model: name the model that knows it, also where it is the same")
        if model is not None and not change_model(folder, model, json_object(settings), phrase, _begun, known):
            _begun(f"it has the model {model} already")
        live(folder, phrase)


class Ask(Command):
    help = "Buy a network's answers for a file of samples."
    extra = "network"

    def run(
        self, folder: Path, file: Path, *, fee: str = "0", most: Count = 8, out: Path | None = None,
        form: str = "{}", distil: Path | None = None, model: str = "mind", settings: str = "{}", json_: Json = False,
    ) -> None:  # fmt: skip
        """Fees are paid by vouchers from what was deposited. Whoever joined with labelled samples learns from them whom
        to listen to and what each adds, buys answers to them too, and offers each as much from the second time on;
        others count each neuron, and offer it, by how much the network hears it. Where the file has the target too, the
        score is told.

        Example: klopf ask mine questions.csv --fee 0.001 --out answers.csv

        Parameters
        ----------
        folder
            A folder in which `klopf join --as requester` was run.
        file
            The samples; columns are found by their names, in any order.
        fee
            KLP offered for a sample at most, to each neuron.
        most
            How many neurons to ask: those that are heard best.
        out
            A CSV file for the answers, a row a sample; by default they are printed.
        form
            How the file is written, as JSON, where it does not tell, as for `klopf join`.
        distil
            A folder for a model of your own that learns what the network answers, or one that this made before. It is
            asked by `klopf predict`, for nothing.
        model
            Of what kind that model is, as for `klopf join`.
        settings
            Of that model where it is new, as JSON.
        """
        import os

        from klopf.network import Pupil, ask

        os.environ["KLOPF_PASSPHRASE"] = passphrase()
        if out is not None:
            can_be_written(out)  # before anything is paid
        pupil = None if distil is None else Pupil(distil, model, json_object(settings))
        answered = ask(folder, file, units(fee), most=most, form=file_form(form), pupil=pupil)
        more: dict[str, Any] = {"paid_KLP": klp(answered.paid)}
        if (taught := answered.distilled) is not None:
            more |= {"distilled": asdict(taught) | {"folder": str(taught.folder)}} if json_ else {}
        print_prediction(answered.prediction, out, json_, more)
        if taught is not None and not json_:
            print(taught.text, file=sys.stderr)


class Leave(Command):
    help = "Leave a network: retire, let the stake thaw, and withdraw it."
    extra = "network"

    def run(self, folder: Path, *, wait: Flag = False, json_: Json = False) -> None:
        """Its process must have been stopped. The stake thaws for some time, in which it can still be slashed; called
        again after that, this withdraws it and quits.

        Example: klopf leave mine --wait

        Parameters
        ----------
        folder
            A folder in which `klopf join` was run.
        wait
            Stay until everything has thawed.
        """
        from klopf.network import leave

        left = leave(folder, passphrase(), wait=wait, begun=_begun)
        record = {"id": left.id, "gone": left.gone, "ready_at": left.ready_at, "thawing": klp(left.thawing),
                  "tokens": klp(left.tokens)}  # fmt: skip
        if json_:
            print_json(record)
        elif left.gone:
            print(f"{left.id} has left; its key has {klp(left.tokens)} KLP")
        else:
            until = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(left.ready_at))
            print(f"{klp(left.thawing)} KLP thaw until {until}: call this again then, or with --wait now")
