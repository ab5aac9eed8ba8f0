"""``klopf invest``: money that can only be spent on data and compute, and the models whose revenue pays it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    as_rows,
    klp,
    load_key,
    open_ledger,
    print_result,
    units,
)  # fmt: skip
from klopf.console.cli.coins import Moment, Preview, act_on, amount_of, as_lines
from klopf.console.cli.command import CommandGroup
from klopf.console.cli.deeds import SHARES, keep_deed, load_deeds, model_commands, percent
from klopf.errors import LedgerError

__all__ = ["Invest"]

_DAY = 24 * 3600
Days = Annotated[str, Parameter(help="Days, from now on.")]


class Invest(CommandGroup):
    help = "Money for data and compute alone, and the models that pay it back."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "list": list_, "open": open_, "show": show, "fund": fund, "spend": spend, "collect": collect,
            "agree": agree, "back": back, "sign": sign, "mint": mint, **model_commands(),
        }  # fmt: skip


def _seconds(text: str) -> int:
    return amount_of(text, 6) * _DAY // 10**6


def list_(*, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """All ventures: what each asked for, has, and has spent, and its model.

    Example: klopf invest list --deployment deployment.json
    """
    with open_ledger(rpc, deployment) as l:
        rows = []
        for id in range(1, l.ventures.count() + 1):
            v = l.ventures.venture(id)
            rows.append({
                "venture": id, "goal KLP": klp(v.terms.goal), "raised": klp(v.raised), "released": klp(v.released),
                "spent": klp(v.spent - v.returned), "lots": v.lots, "open jobs": v.open_jobs,
                "model": l.models.of_venture(id) or "none", "founder": v.founder,
            })  # fmt: skip
    print_result(rows, json_, as_rows(rows))


def open_(goal: str, plan: Path, verifier: str, *, parts: str = "", fill: Days = "14", run: Days = "90",
          founder: str = "50", preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
          rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Ask for money: who brings it has it back if it is not filled in time, and can see each job that it is spent on.

    Example: klopf invest open 1000 plan.md 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --parts 600,400 --key key.json

    Parameters
    ----------
    goal
        The sum, in KLP.
    plan
        A file that says what it is for; its SHA-256 is kept, the file stays here.
    verifier
        Address that will say what was contributed to the jobs; not yours.
    parts
        In which the sum is released, in KLP: the first when it is filled, each other when two thirds agree.
    fill
        Days to fill it.
    run
        Days from then on in which it may be spent.
    founder
        Your part of the model's shares, in percent.
    """
    from klopf.ledger.finance import VentureTerms

    try:
        digest = sha256(plan.read_bytes()).digest()
    except OSError as error:
        raise LedgerError(
            f"cannot read {plan} ({error.strerror}); name a file that says what the money is for"
        ) from None
    signer, sum_ = load_key(key), amount_of(goal, 18)
    each = [amount_of(part.strip(), 18) for part in parts.split(",")] if parts else [sum_]
    if sum(each) != sum_:
        raise LedgerError(f"--parts come to {klp(sum(each))} KLP, not to the goal of {goal}; let them sum to it")
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        fill_by = l.clock.now().time + _seconds(fill)
        terms = VentureTerms(sum_, fill_by, fill_by + _seconds(run), verifier, percent(founder), digest)
        what = {"goal": f"{goal} KLP", "parts": [klp(part) for part in each], "plan": digest.hex(),
                "verifier": verifier, "founder's shares %": founder}  # fmt: skip
        lines = as_lines(what)
        if preview:
            print_result({**what, "sent": False}, json_, lines)
            return
        id = l.ventures.open(terms, each)
    print_result({"venture": id, **what, "sent": True}, json_, [f"venture {id}", *lines])


def show(id: int, *, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """A venture: its terms, its lots, each job that it paid for, and what could go wrong.

    Example: klopf invest show 1 --deployment deployment.json

    Parameters
    ----------
    id
        The venture's number, as `klopf invest list` shows it.
    """
    with open_ledger(rpc, deployment) as l:
        v, parts = l.ventures.venture(id), l.ventures.parts(id)
        lots = [{"lot": n, "KLP": klp(lot.amount), "back": lot.taken, "owner": lot.owner}
                for n, lot in enumerate(l.ventures.lots(id))]  # fmt: skip
        jobs = [{"job": e.job, "for": _use(e.use), "KLP": klp(e.price), "open": l.ventures.is_open(e.job)}
                for e in l.ventures.jobs(id)]  # fmt: skip
        agreed = l.ventures.agreed(id) if 0 < v.milestone < len(parts) else 0
        what: dict[str, Any] = {
            "venture": id, "founder": v.founder, "verifier": v.terms.verifier, "goal": klp(v.terms.goal),
            "raised": klp(v.raised), "parts": " ".join(klp(part) for part in parts), "parts released": v.milestone,
            "agree to the next": klp(agreed), "may be spent now": klp(v.free), "in the account": klp(v.left),
            "to be filled by": Moment(v.terms.fill_by), "ends at": Moment(v.terms.ends_at),
            "goes back now": l.ventures.is_over(id), "lost at most": klp(v.released if v.milestone else 0),
            "model": l.models.of_venture(id) or None,
        }  # fmt: skip
    lines = as_lines(what)
    print_result({**what, "lots": lots, "jobs": jobs}, json_, [*lines, "", *as_rows(lots), "", *as_rows(jobs)])


def _use(number: int) -> str:
    from klopf.ledger.finance import Use

    return Use(number).name.lower()


def fund(id: int, amount: str, *, preview: Preview = False, key: KeyFile = None, confirmations: Confirmations = 0,
         rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Bring a part of a venture's sum: a hundredth of it at least, or all that is left.

    Example: klopf invest fund 1 250 --preview --key key.json

    Parameters
    ----------
    id
        The venture's number, as `klopf invest list` shows it.
    amount
        In KLP.
    """
    signer, many = load_key(key), units(amount)
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        v = l.ventures.venture(id)
        left, least = v.terms.goal - v.raised, -(-v.terms.goal // 100)
        if not (many == left or least <= many < left):
            raise LedgerError(
                f"venture {id} takes {klp(least)} to {klp(left)} KLP now, or all {klp(left)} that are left"
            )
        first = l.ventures.parts(id)[0]
        share = many * (10_000 - v.terms.founder_bps) / v.terms.goal / 100
        what = {
            "venture": id, "brings": f"{amount} KLP", "shares of the model %": f"{share:.4g}",
            "before two thirds agree to more, lost at most": f"{klp(many * first // v.terms.goal)} KLP",
            "left to fill": f"{klp(left - many)} KLP",
        }  # fmt: skip
        act_on(what, as_lines(what), preview,
               lambda: l.ventures.fund(id, many), json_)  # fmt: skip


def spend(id: int, price: str, description: Path, *, use: Literal["data", "compute", "audit", "storage"] = "compute",
          days: Days = "7", objecting: Days = "3", key: KeyFile = None, confirmations: Confirmations = 0,
          rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Lock the price of a job out of a venture's money; its founder only. The venture's verifier reports on it.

    Example: klopf invest spend 1 200 job.md --use data --key key.json

    Parameters
    ----------
    id
        The venture's number, as `klopf invest list` shows it.
    use
        What the job is for.
    price
        In KLP; what no worker is due returns to the venture.
    description
        A file that says what is to be done; its SHA-256 is kept.
    days
        Until the verifier must have reported.
    objecting
        Days in which anybody may object to its report; three at least.
    """
    from klopf.ledger.finance import Use

    try:
        terms = sha256(description.read_bytes()).digest()
    except OSError as error:
        raise LedgerError(
            f"cannot read {description} ({error.strerror}); name a file that says what is to do"
        ) from None
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        job = l.ventures.spend(id, units(price), l.clock.now().time + _seconds(days), terms, use=Use[use.upper()],
                               window=_seconds(objecting))  # fmt: skip
    print_result({"venture": id, "job": job, "price": price, "use": use}, json_,
                 [f"job {job} of venture {id}: {price} KLP for {use} are locked"])  # fmt: skip


def collect(job: int, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
            deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Count what a job that is over returned to its venture. Anybody may.

    Example: klopf invest collect 1 --key key.json

    Parameters
    ----------
    job
        The job's number, as `klopf invest show` lists it.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"job": job}, [f"job {job} is collected"], False, lambda: l.ventures.collect(job), json_)


def agree(id: int, lot: int, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Agree that the next part of a venture's money is released; with the key of the lot's owner.

    Example: klopf invest agree 1 0 --key key.json

    Parameters
    ----------
    id
        The venture's number, as `klopf invest list` shows it.
    lot
        The lot's number, as `klopf invest show` lists it.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"venture": id, "lot": lot}, [f"lot {lot} agrees"], False, lambda: l.ventures.agree(id, lot), json_)


def back(id: int, lot: int, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
         deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Have a lot's part of what was not spent; all of it where the sum was not filled. It goes to the lot's owner.

    Example: klopf invest back 1 0 --key key.json

    Parameters
    ----------
    id
        The venture's number, as `klopf invest list` shows it.
    lot
        The lot's number, as `klopf invest show` lists it.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        act_on({"venture": id, "lot": lot}, [f"lot {lot} of venture {id} went back"], False,
               lambda: l.ventures.take_back(id, lot), json_)  # fmt: skip


def sign(id: int, neuron: int, to: Path, *, licence: str = "0", key: KeyFile = None, rpc: Rpc = None,
         deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Sign, as founder or with a lot, that a neuron serves the model that a venture paid for. Nothing is sent.

    Example: klopf invest sign 1 3 founder.json --licence 20 --key key.json

    Parameters
    ----------
    id
        The venture's number, as `klopf invest list` shows it.
    neuron
        Its id; it has passed its audit with the model that is signed for.
    to
        File for the deed and the signature; whoever mints needs all of them.
    licence
        What a licence costs, in KLP; 0 where none is sold.
    """
    with open_ledger(rpc, deployment, load_key(key)) as l:
        deed = l.models.deed(id, neuron, units(licence))
        kept = keep_deed(to, deed, l.me.address, l.models.sign(deed))
    print_result(kept, json_, [f"{to}: {kept['signer']} signs for venture {id}, served by neuron {neuron}"])


def mint(files: Annotated[list[Path], Parameter(consume_multiple=True)], *, key: KeyFile = None,
         confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
         json_: Json = False) -> None:  # fmt: skip
    """Make a model's shares, of what the founder and lots with two thirds of the sum signed; as the neuron's owner.

    Example: klopf invest mint founder.json lot0.json lot1.json --key key.json

    Parameters
    ----------
    files
        As `klopf invest sign` wrote them.
    """
    deed, said = load_deeds(files)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        founder = l.ventures.venture(deed.venture).founder
        if founder not in said:
            raise LedgerError(
                f"the founder {founder} is missing; let it sign by `klopf invest sign`, and name that file"
            )
        lots = {n: said[lot.owner] for n, lot in enumerate(l.ventures.lots(deed.venture)) if lot.owner in said}
        number = l.models.mint(deed, said[founder], lots)
        mine = l.models.shares(number, l.me.address)
    what = {"model": number, "venture": deed.venture, "neuron": deed.neuron, "your shares %": mine * 100 / SHARES}
    print_result(what, json_, [f"model {number}, served by neuron {deed.neuron}; {mine * 100 / SHARES:g} % are yours"])
