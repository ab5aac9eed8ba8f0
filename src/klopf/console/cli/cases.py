"""``klopf proof case``: answers that the beacon drew: pledged, asked for, shown, judged and closed, on the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Flag,
    Json,
    KeyFile,
    Rpc,
    Where,
    as_rows,
    klp,
    load_key,
    open_ledger,
    print_result,
    print_sent,
)
from klopf.errors import LedgerError, ProofError

if TYPE_CHECKING:
    from klopf import ledger as book
    from klopf.ledger.proof import Cases
    from klopf.ledger.proof.cases import Answered, Opened, Pledged

__all__ = ["answer", "close", "collect", "judge", "list_", "pledge"]

Case = Annotated[
    str, Parameter(name="CASE", help="The case, as `klopf proof case list` shows it; its beginning will do.")
]


def _cases(l: book.Ledger) -> Cases:
    from klopf.ledger.proof import Cases

    if "proof" not in l.deployment.packs:
        raise LedgerError("this network has no cases: it has the pack 'proof' from the start, or not at all")
    return l.client(Cases)


def _own(l: book.Ledger) -> int:
    """The participant whose key signs."""
    id = l.registry.id_of(l.me.address)
    if not id:
        raise LedgerError(f"{l.me.address} is no participant's key here: name that with --key")
    return id


def _all(l: book.Ledger) -> tuple[list[Opened], dict[bytes, Answered], list[Pledged]]:
    from klopf.ledger.proof.cases import Answered, Opened, Pledged

    said = _cases(l).said(l.deployment.block, l.rpc.height())
    return (
        [e for e in said if isinstance(e, Opened)],
        {e.id: e for e in said if isinstance(e, Answered)},
        [e for e in said if isinstance(e, Pledged)],
    )


def _one(l: book.Ledger, case: str) -> Opened:
    found = [e for e in _all(l)[0] if e.id.hex().startswith(case.removeprefix("0x").lower())]
    if len(found) != 1:
        much = "no case begins" if not found else f"{len(found)} cases begin"
        raise LedgerError(f"{much} with {case!r:.80}: `klopf proof case list` shows them")
    return found[0]


def list_(*, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """All cases: whose answer of which epoch, and where each stands.

    Example: klopf proof case list --deployment deployment.json
    """
    with open_ledger(rpc, deployment) as l:
        rows = []
        for one in _all(l)[0]:
            case = _cases(l).get(one.id)
            rows.append({
                "case": one.id.hex()[:16], "neuron": case.neuron, "epoch": case.epoch, "state": case.state.name.lower(),
                "due at (s)": case.until, "against KLP": klp(case.against), "in favour KLP": klp(case.in_favour),
                "of KLP": klp(case.all),
            })  # fmt: skip
    print_result(rows, json_, as_rows(rows))


def pledge(committed: Path, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Promise that a neuron's answers under a network's name are that network's, and publish its card.

    Example: klopf proof case pledge COMMITTED --key neuron.json

    Parameters
    ----------
    committed
        A folder of `klopf proof model setup`.
    """
    from klopf.proof import cases, model

    card = model.Committed.load(committed).card
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        sent = cases.pledge(_cases(l), _own(l), card)
    print_sent(sent, f"pledged {card.identity} from the next epoch on", json_)


def answer(committed: Path, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Prove all answers of a neuron that cases ask for, at once, and show the proof.

    Example: klopf proof case answer COMMITTED --key neuron.json

    Parameters
    ----------
    committed
        The folder of the network that was pledged.
    """
    from klopf.proof import cases, model

    network = model.Committed.load(committed)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        due = cases.due(_cases(l), _own(l), l.deployment.block, l.rpc.height())
        _, left = cases.show(_cases(l), due, network)
    said = {"answered": len(due) - len(left), "left": [one.id.hex() for one in left]}
    lines = [f"{said['answered']} of {len(due)} cases answered"]
    lines += [
        f"{one.id.hex()[:16]} is of another network, or of a question that this one does not take" for one in left
    ]
    print_result(said, json_, lines)


def judge(case: Case, *, answers: Literal["classes", "numbers"] = "classes", dispute: Flag = False, vote: Flag = False,
          key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
          json_: Json = False) -> int:  # fmt: skip
    """Look whether what a neuron shows proves the answer that it signed. Ends with 1 where it does not.

    Example: klopf proof case judge 5f1c09aa --vote --key auditor.json

    Parameters
    ----------
    answers
        What the network's neurons answer with: classes (a softmax of the last sums) or numbers.
    dispute
        Dispute it if it does not; takes the bond.
    vote
        Vote accordingly, as the auditor whose key signs.
    """
    from klopf.proof import cases

    signer = load_key(key) if dispute or vote else None
    with open_ledger(rpc, deployment, signer, confirmations) as l:
        one, book_ = _one(l, case), _cases(l)
        _, answered, pledged = _all(l)
        if one.id not in answered:
            raise ProofError(f"case {one.id.hex()[:16]} has not been answered: there is nothing to look at yet")
        of = [e for e in pledged if (e.neuron, e.model) == (one.neuron, one.model)]
        why = cases.judged(book_, answers, of[-1], one, answered[one.id])
        if dispute and why:
            book_.dispute(one.id)
        if vote:
            book_.vote(one.id, _own(l), against=bool(why))
    said: dict[str, Any] = {"case": one.id.hex(), "shown": not why, "why": why, "disputed": bool(dispute and why),
                            "voted": vote}  # fmt: skip
    line = f"not shown: {why}" if why else "shown: the answer that was signed is the network's"
    print_result(said, json_, [line])
    return int(bool(why))


def close(case: Case, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """End a case whose time is over, and pay what is due.

    Example: klopf proof case close 5f1c09aa --key key.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        one = _one(l, case)
        sent = _cases(l).close(one.id)
        state = _cases(l).get(one.id).state.name.lower()
    print_sent(sent, f"{one.id.hex()[:16]}: {state}", json_)


def collect(case: Case, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
            deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Take what voting on a case earned the auditor whose key signs.

    Example: klopf proof case collect 5f1c09aa --key auditor.json
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        one = _one(l, case)
        sent = _cases(l).collect(one.id, _own(l))
    print_sent(sent, f"{one.id.hex()[:16]}: collected", json_)
