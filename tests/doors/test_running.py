"""Answers bought from networks that run: a run of `klopf run`, and strangers' neurons through a requester's door."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("x402")
pytestmark = [pytest.mark.extras, pytest.mark.long, pytest.mark.timeout(900)]

from eth_account import Account  # noqa: E402

from klopf import ledger, network  # noqa: E402
from klopf.ledger import KLP  # noqa: E402
from tests.conftest import free_port  # noqa: E402
from tests.doors import stock  # noqa: E402
from tests.scenarios.network import ENVIRONMENT, KLOPF, PASSPHRASE  # noqa: E402
from tests.scenarios.strangers import NAMES, World, files_of_digits  # noqa: E402

PROGRAM = Path(__file__).parents[2] / "examples/buy_answers.py"
RUN = """
epochs = 500
[data]
file = "digits"
[[neuron]]
name = "ada"
settings = { learner = "continual-backprop", hidden = [64] }
[[neuron]]
name = "ben"
model = "sklearn:SGDClassifier"
settings = { loss = "log_loss" }
[[auditor]]
name = "vera"
"""


def opened(*arguments):
    """A door's process and its URL."""
    door = subprocess.Popen(
        [str(KLOPF), "door", *map(str, arguments), "--json"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert door.stdout is not None
    said = ""
    for line in door.stdout:
        said += line
        if line.rstrip() == "}":
            break
    return door, json.loads(said)["url"]


def ended(process):
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    if process.stdout is not None:
        process.stdout.close()


def bought(url, sample, account):
    """What a stock client, whose key has KLP and is in no registry, gets for its money."""
    done = subprocess.run(
        [sys.executable, PROGRAM, url, json.dumps(sample)], capture_output=True, text=True, timeout=300,
        env=os.environ | {"BUYER_KEY": account.key.hex()}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert "answers" in said, said
    return said["answers"][0]


def a_digit():
    from klopf.mind import problems

    pixels, labels = problems.digits()
    return pixels, labels


def give_from_what_was_earned(run, address):
    """A neuron of the run sends a KLP of its pay."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        for member in run.members:
            file = run.folder / member.folder / "key.json"
            with run.connect() as book:
                if book.token.balance(ledger.keys.read_address(file)) < KLP:
                    continue
            with run.connect(ledger.keys.load(file, PASSPHRASE)) as book:
                book.token.transfer(address, KLP)
                return
        time.sleep(0.5)
    raise AssertionError("nobody earned anything")


def priced_once_heard(url, sample):
    """Why no price was said, each time until one was."""
    import httpx

    lines, deadline = [], time.monotonic() + 200
    while (said := httpx.post(url + "/ask", json={"samples": [sample]}, timeout=60)).status_code == 503:
        lines.append(said.json()["error"])
        assert time.monotonic() < deadline, lines[-1]
        time.sleep(0.2)
    assert said.status_code == 402
    return lines


def test_a_run_sells_while_it_goes_on(tmp_path):
    (tmp_path / "network.toml").write_text(RUN)
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen(
            [str(KLOPF), "run", tmp_path / "network.toml", "--folder", tmp_path / "run"], stdout=log, stderr=log,
            env=ENVIRONMENT,
        )  # fmt: skip
    doors = []
    try:
        while not (tmp_path / "run/requesters/requester/key.json").exists():
            assert running.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
        doors = [opened(tmp_path / "run")]
        pixels, labels = a_digit()
        run = network.read_run(tmp_path / "run")
        samples = [dict(zip(run.task.features, (row * 16).tolist(), strict=True)) for row in pixels[:2]]
        early = priced_once_heard(doors[0][1], samples[0])
        assert early[0].startswith("no answer can be had now (nobody in"), "it opened before anybody was heard"
        assert all("nothing was taken" in line for line in early)
        doors.append(opened(run.folder / "neurons/ada"))
        account = Account.create()
        give_from_what_was_earned(run, account.address)
        assert running.poll() is None, "it still goes on"
        right = 0
        for sample, label in zip(samples, labels, strict=False):
            answers = [bought(url, sample, account) for _, url in doors]
            right += sum(one["prediction"] == str(label) for one in answers)
        assert right >= 2
        with run.connect() as book:
            client = stock.wallet(account, book.deployment.chain_id, book.token.address, KLP)
        for way in (stock.over_mcp, stock.over_a2a):
            answers = asyncio.run(way(doors[0][1], {"samples": samples}, client))
            assert sum(one["prediction"] == str(label) for one, label in zip(answers, labels, strict=False)) >= 1
        with run.connect() as book:
            assert book.token.balance(account.address) == KLP - (4 + 2 * 2) * KLP // 1000
    finally:
        for process in (running, *(door for door, _ in doors)):
            if process.poll() is None:
                ended(process)


def test_strangers_neurons_are_paid_through_a_requesters_door(tmp_path):
    files, _ = files_of_digits(tmp_path, 2)
    with World(tmp_path) as world:
        world.found(files[0], "listen_seconds=30", "claim_seconds=20", "dispute_seconds=0")
        world.url = f"http://127.0.0.1:{(port := free_port())}"
        world.serve_chain("--port", port)
        names = ("ada", "ben")
        for name, file in zip(names, files, strict=True):
            world.join(name, "--data", file, "--price", "0.001", "--model", "sklearn:GaussianNB")
        for name in names:
            world.grant(name, 150)
        rita = world.join("rita", "--as", "requester", "--deposit", "20")
        world.grant("rita", 20)
        assert rita.wait(300) == 0
        world.all_serve(names)
        door, url = opened(tmp_path / "rita", "--price", "0.01", "--fee", "0.001", "--most", "2")
        try:
            account = Account.create()
            with world.founder() as book:
                book.token.transfer(account.address, KLP)
            pixels, _ = a_digit()
            sample = dict(zip(NAMES, (pixels[3] * 16).tolist(), strict=True))
            assert bought(url, sample, account)["prediction"] in {str(digit) for digit in range(10)}
            with world.founder() as book:
                assert book.token.balance(account.address) == KLP - KLP // 100
                assert book.token.balance(world.address("rita")) == KLP // 100
            owed = json.loads((tmp_path / "rita/vouchers.json").read_text())
            assert list(owed.values()) == [str(KLP // 1000)] * 2, "both neurons have her voucher"
        finally:
            ended(door)
