"""ethers and cast over the served chain: deploy, send, read, call, estimate, logs, past blocks, what reverts say."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

from klopf.ledger import _abi

pytestmark = pytest.mark.extras

OWNER = Account.from_key(b"\x02" * 32)
OTHER = "0x" + "22" * 20

RUNTIME = "73" + OTHER[2:] + "5f5260205ff3"
DIRECTORY = "0x7a" + RUNTIME + "5f52601b6005f3"
"""Creates what a token asks where other contracts are: whatever it is asked, it answers with one address."""

ETHERS = """
const { ethers } = require("ethers");
(async () => {
  const [url, secret, other, file, directory] = process.argv.slice(2);
  const { abi, bytecode } = JSON.parse(require("fs").readFileSync(file, "utf8"));
  const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 50, cacheTimeout: -1 });
  const me = new ethers.Wallet(secret, provider);
  const say = (name, value) => console.log(JSON.stringify([name, value], (_, v) => typeof v === "bigint" ? `${v}` : v));
  say("network", (await provider.getNetwork()).chainId);
  const factory = new ethers.ContractFactory(abi, bytecode, me);
  const asked = await (await me.sendTransaction({ data: directory })).wait();
  const token = await factory.deploy(asked.contractAddress, me.address, me.address, me.address, [0, 0, 0, 0]);
  await token.waitForDeployment();
  say("supply", await token.totalSupply());
  const heard = new Promise((done) => token.once("Transfer", (from, to, value) => done([from, to, value])));
  const receipt = await (await token.transfer(other, 5n)).wait();
  say("status", receipt.status);
  say("event", await heard);
  say("logs", receipt.logs.map((log) => token.interface.parseLog(log).name));
  say("balance", await token.balanceOf(other));
  say("before", await token.balanceOf(other, { blockTag: receipt.blockNumber - 1 }));
  say("found", (await token.queryFilter("Transfer", receipt.blockNumber)).length);
  say("estimate", (await token.transfer.estimateGas(other, 1n)) > 21000n);
  try { await token.transfer.staticCall(other, 2n ** 200n); } catch (error) { say("refused", error.revert.name); }
  for (const type of [0, 1, 2]) {
    const sent = await me.sendTransaction({ to: other, value: 1n, type, gasPrice: type < 2 ? 0n : undefined });
    say(`type ${type}`, (await sent.wait()).type);
  }
  say("wei", await provider.getBalance(other));
  const block = await provider.getBlock("latest", true);
  say("block", [block.number, block.prefetchedTransactions.length, (await provider.getFeeData()).gasPrice]);
  const socket = new ethers.WebSocketProvider(url.replace("http", "ws"));
  const next = new Promise((done) => socket.once("block", done));
  await (await me.sendTransaction({ to: other, value: 1n })).wait();
  say("news", await next === block.number + 1);
  await socket.destroy(); provider.destroy();
})().catch((error) => { console.error(error); process.exit(1); });
"""


AT_ONCE = """
const { createPublicClient, createWalletClient, defineChain, http, nonceManager } = require("viem");
const { privateKeyToAccount } = require("viem/accounts");
const { ethers } = require("ethers");
(async () => {
  const [url, secret, other] = process.argv.slice(2);
  const chain = defineChain({ id: 5, name: "served", nativeCurrency: { name: "e", symbol: "e", decimals: 18 },
    rpcUrls: { default: { http: [url] } } });
  const account = privateKeyToAccount(secret, { nonceManager });
  const wallet = createWalletClient({ account, chain, transport: http() });
  const reader = createPublicClient({ chain, transport: http() });
  const gas = { gas: 21000n, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
  const hashes = await Promise.all([...Array(15)].map(() => wallet.sendTransaction({ to: other, value: 1n, ...gas })));
  const receipts = await Promise.all(
    hashes.map((hash) => reader.waitForTransactionReceipt({ hash, pollingInterval: 20 })));
  const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
  const signer = new ethers.Wallet(secret, provider);
  const first = await signer.getNonce();
  const order = [...Array(15).keys()].sort((a, b) => (a * 7 + 3) % 15 - (b * 7 + 3) % 15);
  const sent = [];
  for (const n of order) {
    const fees = { gasLimit: 21000n, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
    sent.push(await signer.sendTransaction({ to: other, value: 1n, nonce: first + n, ...fees }));
  }
  const mined = await Promise.all(sent.map((one) => one.wait()));
  console.log(receipts.filter((r) => r.status === "success").length, mined.filter((r) => r.status === 1).length,
    await provider.getBalance(other));
  provider.destroy();
})().catch((error) => { console.error(error); process.exit(1); });
"""

HELPERS = """
const url = process.argv[2];
let id = 0;
const request = async ({ method, params }) => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params: params ?? [] });
  const answer = await (await fetch(url, { method: "POST", body })).json();
  if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
  return answer.result;
};
require.cache[require.resolve("hardhat")].exports = { network: { name: "served", provider: { request } } };
const h = require("@nomicfoundation/hardhat-network-helpers");
const assert = require("assert");
const other = "0x" + "22".repeat(20);
(async () => {
  await h.setBalance(other, 1234n);
  await h.setCode(other, "0x5f545f5260205ff3");
  await h.setStorageAt(other, 0, 42);
  await h.setNonce(other, 7);
  assert.equal(await request({ method: "eth_getBalance", params: [other, "latest"] }), "0x4d2");
  assert.equal(BigInt(await h.getStorageAt(other, 0)), 42n);
  const start = await h.time.latestBlock();
  await h.mine(3, { interval: 60 });
  await h.mineUpTo(start + 5);
  assert.equal(await h.time.latestBlock(), start + 5);
  const now = await h.time.latest();
  await h.time.increase(3600);
  assert.equal(await h.time.latest(), now + 3600);
  await h.time.increaseTo(now + 10000);
  assert.equal(await h.time.latest(), now + 10000);
  await h.time.setNextBlockTimestamp(now + 10100);
  await h.mine();
  assert.equal(await h.time.latest(), now + 10100);
  const mark = await h.takeSnapshot();
  await h.impersonateAccount(other);
  const send = { from: other, to: "0x" + "33".repeat(20), value: "0x1" };
  const hash = await request({ method: "eth_sendTransaction", params: [send] });
  assert.equal((await request({ method: "eth_getTransactionReceipt", params: [hash] })).status, "0x1");
  await h.stopImpersonatingAccount(other);
  await assert.rejects(request({ method: "eth_sendTransaction", params: [send] }), /impersonate the account first/);
  await mark.restore();
  assert.equal(await request({ method: "eth_getTransactionReceipt", params: [hash] }), null);
  await mark.restore();
  let made = 0;
  async function fixture() { made++; await h.mine(); return await h.time.latestBlock(); }
  const first = await h.loadFixture(fixture);
  await h.mine(4);
  assert.equal(await h.loadFixture(fixture), first);
  assert.equal(await h.time.latestBlock(), first);
  assert.equal(made, 1);
  await request({ method: "evm_setAutomine", params: [false] });
  await h.impersonateAccount(other);
  const waits = await request({ method: "eth_sendTransaction", params: [send] });
  assert.equal(await h.dropTransaction(waits), true);
  await h.reset();
  assert.equal(await h.time.latestBlock(), 0);
  console.log("all helped");
})().catch((error) => { console.error(error); process.exit(1); });
"""

SCRIPT = """
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
interface Vm { function startBroadcast(uint256) external; function stopBroadcast() external; }
contract Box { uint256 public value; function put(uint256 v) external { value += v; } }
contract Many {
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    function run() external {
        vm.startBroadcast(0x0202020202020202020202020202020202020202020202020202020202020202);
        Box box = new Box();
        for (uint256 i = 1; i < 50; i++) box.put(i);
        vm.stopBroadcast();
    }
}
"""

SOLC = """#!/bin/sh
case "$*" in *--version*) echo "Version: 0.8.28+commit.7893614a.Emscripten.clang"; exit 0;; esac
exec node FOLDER/standard.cjs
"""

STANDARD = """
const solc = require("solc");
let text = "";
process.stdin.on("data", (part) => text += part).on("end", () => process.stdout.write(solc.compile(text)));
"""


def bring(package: str, folder: Path) -> None:
    """Install an npm package; skips where that cannot be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed")
    (folder / "package.json").write_text('{"private": true}\n')
    command = [npm, "install", "--loglevel=error", "--no-audit", "--no-fund", *package.split()]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    if done.returncode:
        pytest.skip(f"npm has no {package} for this machine")


def test_the_token_is_still_made_as_these_programs_and_the_benchmark_make_it() -> None:
    """They are slow, and a change of its constructor must not wait for them to be noticed."""
    made = ("address", "address", "address", "address", "(uint256,uint256,uint256,uint256)")
    assert tuple(_abi.artifact("Token").constructor) == made, "change calls.cjs, this file and bench/chain.py with it"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ethers(url: str, tmp_path: Path) -> None:
    bring("ethers@6.17.0", tmp_path)
    (tmp_path / "run.cjs").write_text(ETHERS)
    file = Path(_abi.__file__).parent / "artifacts" / "core" / "Token.json"
    command = ["node", "run.cjs", url, "0x" + bytes(OWNER.key).hex(), OTHER, str(file), DIRECTORY]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = dict(json.loads(line) for line in done.stdout.splitlines())
    assert said == {
        "network": "5",
        "supply": str(6 * 10**26),
        "status": 1,
        "event": [OWNER.address, OTHER, "5"],
        "logs": ["Transfer"],
        "balance": "5",
        "before": "0",
        "found": 1,
        "estimate": True,
        "refused": "ERC20InsufficientBalance",
        "type 0": 0,
        "type 1": 1,
        "type 2": 2,
        "wei": "3",
        "block": [6, 1, "0"],
        "news": True,
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", ["ethers", "viem"])
def test_33_calls(url: str, tmp_path: Path, tool: str) -> None:
    """As its users make them: ``calls.cjs`` has them."""
    bring({"ethers": "ethers@6.17.0", "viem": "viem@2"}[tool], tmp_path)
    shutil.copy(Path(__file__).parent / "calls.cjs", tmp_path)
    w3 = Web3(Web3.HTTPProvider(url))
    fields: Any = {"chainId": 5, "nonce": 0, "gas": 300_000, "gasPrice": 0, "value": 0, "data": DIRECTORY}
    sent = w3.eth.send_raw_transaction(OWNER.sign_transaction(fields).raw_transaction)
    directory = w3.eth.get_transaction_receipt(sent)["contractAddress"]
    file = Path(_abi.__file__).parent / "artifacts" / "core" / "Token.json"
    command = ["node", "calls.cjs", tool, url, "0x" + bytes(OWNER.key).hex(), OTHER, str(directory), str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{tool}: 33 of 33\n", done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_cast(url: str, tmp_path: Path) -> None:
    bring("@foundry-rs/cast@1.7.1", tmp_path)
    binary = next(iter(tmp_path.glob("node_modules/@foundry-rs/cast-*/bin/cast*")), None)
    if binary is None:
        pytest.skip("npm brought no cast for this machine")
    environment = {"ETH_RPC_URL": url, "HOME": str(tmp_path)}

    def cast(*arguments: str) -> str:
        done = subprocess.run([str(binary), *arguments], capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    key = ["--private-key", "0x" + bytes(OWNER.key).hex()]
    token = _abi.artifact("Token")
    asked = json.loads(cast("send", *key, "--json", "--create", DIRECTORY))["contractAddress"]
    data = token.bytecode + _abi.encode(token.constructor, (asked, *[OWNER.address] * 3, (0, 0, 0, 0)))
    made = json.loads(cast("send", *key, "--json", "--create", "0x" + data.hex()))["contractAddress"]
    sent = json.loads(cast("send", *key, "--json", made, "transfer(address,uint256)", OTHER, "7"))
    assert sent["status"] == "0x1"
    assert cast("call", made, "balanceOf(address)(uint256)", OTHER) == "7"
    assert cast("call", "--block", "2", made, "balanceOf(address)(uint256)", OTHER) == "0"
    assert int(cast("estimate", "--from", OWNER.address, made, "transfer(address,uint256)", OTHER, "1")) > 21_000
    assert cast("chain-id") == "5" and cast("block-number") == "3"
    assert cast("nonce", OWNER.address) == "3"
    logs = cast("logs", "--from-block", "0", "--address", made, "Transfer(address,address,uint256)", "--json")
    assert len(json.loads(logs)) == 4  # three parts of the genesis, and this one
    assert json.loads(cast("receipt", sent["transactionHash"], "--json"))["blockNumber"] == sent["blockNumber"]
    assert json.loads(cast("block", "latest", "--json"))["number"] in ("0x3", 3)
    traced = json.loads(cast("rpc", "debug_traceTransaction", sent["transactionHash"], '{"tracer":"callTracer"}'))
    assert traced["to"].lower() == made.lower()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_transactions_sent_at_once(url: str, tmp_path: Path) -> None:
    bring("viem@2 ethers@6.17.0", tmp_path)
    (tmp_path / "run.cjs").write_text(AT_ONCE)
    command = ["node", "run.cjs", url, "0x" + bytes(OWNER.key).hex(), OTHER]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "15 15 30n", done.stderr


def forge(url: str, folder: Path, *more: str) -> subprocess.Popen[str]:
    """``forge script`` of fifty transactions, in a folder that is made ready the first time."""
    if not (folder / "foundry.toml").exists():
        bring("@foundry-rs/forge@1.7.1 solc@0.8.28", folder)
        (folder / "standard.cjs").write_text(STANDARD)
        (folder / "solc").write_text(SOLC.replace("FOLDER", str(folder)))
        (folder / "solc").chmod(0o755)
        (folder / "script").mkdir()
        (folder / "script" / "Many.s.sol").write_text(SCRIPT)
        settings = f'script = "script"\noffline = true\nsolc = "{folder}/solc"\nevm_version = "cancun"\n'
        (folder / "foundry.toml").write_text(f"[profile.default]\n{settings}")
    binary = next(iter(folder.glob("node_modules/@foundry-rs/forge-*/bin/forge*")), None)
    if binary is None:
        pytest.skip("npm brought no forge for this machine")
    fees = ["--with-gas-price", "0", "--priority-gas-price", "0"]
    command = [str(binary), "script", "script/Many.s.sol:Many", "--rpc-url", url, "--broadcast", *fees, *more]
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=environment)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_forge_broadcasts_fifty_transactions_five_times(url: str, tmp_path: Path) -> None:
    w3 = Web3(Web3.HTTPProvider(url))
    for round in range(1, 6):
        done = forge(url, tmp_path)
        out, error = done.communicate(timeout=120)
        assert done.returncode == 0 and "ONCHAIN EXECUTION COMPLETE & SUCCESSFUL" in out, error
        assert w3.eth.get_transaction_count(OWNER.address) == 50 * round
        assert w3.eth.get_block("latest").number == 50 * round


class Cut(http.server.ThreadingHTTPServer):
    """Hands requests on to ``url``; once ``left`` is spent, transactions no more, or without their answer."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target, self.left, self.turn = url, 0, threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cut

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sends = b"eth_sendRawTransaction" in body
        with self.server.turn:
            self.server.left -= sends
            lost = sends and self.server.left < 0
        if lost and self.server.left % 2:
            self.close_connection = True
            return
        request = urllib.request.Request(self.server.target, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = response.read()
        if lost:  # it has arrived, and the answer is lost
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_forge_resumes_what_was_interrupted(url: str, tmp_path: Path) -> None:
    """The way to the chain is cut somewhere among its transactions; ``--resume`` sends what is left, nothing twice.

    With ``--slow``, one after another: when forge sends all at once and one of them is lost, it waits on ``--resume``
    for those behind that one, which wait for it, before it sends it again; over any node.
    """
    w3, cut = Web3(Web3.HTTPProvider(url)), Cut(url)
    for round in range(1, 6):
        cut.left = 9 * round
        done = forge(cut.url, tmp_path, "--slow")
        out, error = done.communicate(timeout=120)
        assert done.returncode != 0, out
        assert w3.eth.get_transaction_count(OWNER.address) < 50 * round
        cut.left = 10**9
        done = forge(cut.url, tmp_path, "--resume", "--slow")
        out, error = done.communicate(timeout=120)
        assert done.returncode == 0 and "ONCHAIN EXECUTION COMPLETE & SUCCESSFUL" in out, error
        assert w3.eth.get_transaction_count(OWNER.address) == 50 * round
        status = w3.provider.make_request("txpool_status", [])  # type: ignore[arg-type]
        assert status["result"] == {"pending": "0x0", "queued": "0x0"}
    cut.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("served", ["dev"], indirect=True)
def test_hardhats_network_helpers(url: str, tmp_path: Path) -> None:
    """hardhat itself is not needed: the helpers ask it for nothing but its provider."""
    bring("--legacy-peer-deps @nomicfoundation/hardhat-network-helpers@1.1.0", tmp_path)
    stand_in = tmp_path / "node_modules" / "hardhat"
    stand_in.mkdir(exist_ok=True)
    (stand_in / "index.js").write_text("")
    (stand_in / "common.js").write_text("exports.CustomError = Error; exports.HARDHAT_NETWORK_NAME = 'hardhat';")
    (tmp_path / "run.cjs").write_text('require("hardhat");\n' + HELPERS)
    done = subprocess.run(["node", "run.cjs", url], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "all helped", done.stderr
