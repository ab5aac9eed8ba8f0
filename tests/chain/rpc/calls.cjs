// 33 calls each as ethers' and viem's users make them; prints a line for each that failed, then how many went well.
const assert = require("assert");
const [tool, url, secret, other, directory, file] = process.argv.slice(2);
const { abi, bytecode } = JSON.parse(require("fs").readFileSync(file, "utf8"));
const cases = [];
const call = (name, work) => cases.push([name, work]);
const run = async () => {
  let good = 0;
  for (const [name, work] of cases) {
    try { await work(); good++; } catch (error) { console.log(`${name}: ${error.stack || error}`); }
  }
  console.log(`${tool}: ${good} of ${cases.length}`);
};
const TYPES = { Mail: [{ name: "to", type: "address" }, { name: "text", type: "string" }] };

const withEthers = () => {
  const { ethers } = require("ethers");
  const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
  const me = new ethers.Wallet(secret, provider);
  let token, receipt, sent, socket;
  const hear = (target, event) => new Promise((done) => target.once(event, (...all) => done(all)));
  call("network", async () => assert.equal((await provider.getNetwork()).chainId, 5n));
  call("block number", async () => assert.equal(await provider.getBlockNumber(), 1));
  call("genesis", async () => assert.equal((await provider.getBlock(0)).number, 0));
  call("a block that is not there", async () => assert.equal(await provider.getBlock(99), null));
  call("balance", async () => assert.equal(await provider.getBalance(me.address), 10n ** 18n));
  call("nonce", async () => assert.equal(await me.getNonce("pending"), 1));
  call("fee data", async () => assert.equal((await provider.getFeeData()).gasPrice, 0n));
  call("estimate of a transfer", async () => assert.equal(await provider.estimateGas({ from: me.address, to: other, value: 1n }), 21000n));
  call("deploy", async () => {
    token = await new ethers.ContractFactory(abi, bytecode, me).deploy(...ARGUMENTS(me.address));
    await token.waitForDeployment();
  });
  call("code", async () => assert((await provider.getCode(await token.getAddress())).length > 100));
  call("view", async () => assert((await token.totalSupply()) > 0n));
  call("static call", async () => assert.equal(await token.transfer.staticCall(other, 1n), true));
  call("estimate of a call", async () => assert((await token.transfer.estimateGas(other, 1n)) > 21000n));
  call("populate", async () => assert.equal((await token.transfer.populateTransaction(other, 1n)).to, await token.getAddress()));
  call("send and wait", async () => { sent = await token.transfer(other, 5n); receipt = await sent.wait(); assert.equal(receipt.status, 1); });
  call("receipt", async () => assert.equal((await provider.getTransactionReceipt(sent.hash)).hash, sent.hash));
  call("transaction", async () => assert.equal((await provider.getTransaction(sent.hash)).blockNumber, receipt.blockNumber));
  call("a transaction that is not there", async () => assert.equal(await provider.getTransaction("0x" + "99".repeat(32)), null));
  call("parse logs", async () => assert.equal(token.interface.parseLog(receipt.logs[0]).name, "Transfer"));
  call("query filter", async () => assert.equal((await token.queryFilter(token.filters.Transfer(me.address, other), 0)).length, 1));
  call("logs", async () => assert((await provider.getLogs({ address: await token.getAddress(), fromBlock: 0 })).length > 0));
  call("call at a past block", async () => assert.equal(await token.balanceOf(other, { blockTag: receipt.blockNumber - 1 }), 0n));
  call("a custom error", async () => {
    await assert.rejects(token.transfer.staticCall(other, 2n ** 200n), (error) => error.revert.name === "ERC20InsufficientBalance");
  });
  call("a block with its transactions", async () => assert.equal((await provider.getBlock(receipt.blockNumber, true)).prefetchedTransactions.length, 1));
  call("storage", async () => assert.equal((await provider.getStorage(await token.getAddress(), 0)).length, 66));
  call("a legacy transaction", async () => assert.equal((await (await me.sendTransaction({ to: other, value: 1n, type: 0, gasPrice: 0n })).wait()).type, 0));
  call("one with an access list", async () => assert.equal((await (await me.sendTransaction({ to: other, value: 1n, type: 1, gasPrice: 0n, accessList: [{ address: other, storageKeys: [] }] })).wait()).type, 1));
  call("sign in and recover", async () => assert.equal(ethers.verifyMessage("hello", await me.signMessage("hello")), me.address));
  call("typed data", async () => {
    const domain = { name: "a", chainId: 5 }, value = { to: other, text: "hi" };
    assert.equal(ethers.verifyTypedData(domain, TYPES, value, await me.signTypedData(domain, TYPES, value)), me.address);
  });
  call("an event is heard", async () => {
    const heard = hear(token, "Transfer");
    await new Promise((done) => setTimeout(done, 100));
    await (await token.transfer(other, 2n)).wait();
    assert.equal((await heard)[2], 2n);
  });
  call("a nonce manager", async () => {
    const manager = new ethers.NonceManager(me);
    const all = await Promise.all([1n, 2n, 3n].map((value) => manager.sendTransaction({ to: other, value, gasLimit: 21000n })));
    assert((await Promise.all(all.map((one) => one.wait()))).every((one) => one.status === 1));
  });
  call("a websocket's block", async () => {
    socket = new ethers.WebSocketProvider(url.replace("http", "ws"));
    const heard = hear(socket, "block");
    await new Promise((done) => setTimeout(done, 300));
    await (await me.sendTransaction({ to: other, value: 1n })).wait();
    assert((await heard)[0] > receipt.blockNumber);
  });
  call("a raw request", async () => assert.equal(await provider.send("net_version", []), "5"));
  return async () => { await socket?.destroy(); provider.destroy(); };
};

const withViem = () => {
  const viem = require("viem");
  const { privateKeyToAccount } = require("viem/accounts");
  const chain = viem.defineChain({ id: 5, name: "served", nativeCurrency: { name: "e", symbol: "e", decimals: 18 }, rpcUrls: { default: { http: [url] } } });
  const account = privateKeyToAccount(secret);
  const reader = viem.createPublicClient({ chain, transport: viem.http(), pollingInterval: 20, cacheTime: 0 });
  const wallet = viem.createWalletClient({ account, chain, transport: viem.http() });
  const live = viem.createPublicClient({ chain, transport: viem.webSocket(url.replace("http", "ws")) });
  let at, hash, receipt;
  const token = () => ({ address: at, abi });
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  const wait = (hash) => reader.waitForTransactionReceipt({ hash, pollingInterval: 20 });
  call("chain id", async () => assert.equal(await reader.getChainId(), 5));
  call("block number", async () => assert.equal(typeof (await reader.getBlockNumber()), "bigint"));
  call("block", async () => assert.equal((await reader.getBlock({ blockNumber: 0n })).number, 0n));
  call("a block that is not there", async () => assert.rejects(reader.getBlock({ blockNumber: 10n ** 6n }), { name: "BlockNotFoundError" }));
  call("pending block", async () => assert.equal((await reader.getBlock({ blockTag: "pending" })).hash, null));
  call("balance", async () => assert((await reader.getBalance({ address: account.address })) > 0n));
  call("count", async () => assert.equal(typeof (await reader.getTransactionCount({ address: account.address, blockTag: "pending" })), "number"));
  call("gas price", async () => assert.equal(await reader.getGasPrice(), 0n));
  call("fees", async () => assert.equal((await reader.estimateFeesPerGas()).maxPriorityFeePerGas, 0n));
  call("fee history", async () => assert.equal((await reader.getFeeHistory({ blockCount: 1, rewardPercentiles: [25, 75] })).gasUsedRatio.length, 1));
  call("blob base fee", async () => assert.equal(await reader.getBlobBaseFee(), 1n));
  call("estimate", async () => assert.equal(await reader.estimateGas({ account, to: other, value: 1n }), 21000n));
  call("deploy", async () => {
    receipt = await wait(await wallet.deployContract({ abi, bytecode, args: ARGUMENTS(account.address) }));
    at = receipt.contractAddress;
    assert.equal(receipt.status, "success");
  });
  call("code", async () => assert((await reader.getCode({ address: at })).length > 100));
  call("read", async () => assert((await reader.readContract({ ...token(), functionName: "totalSupply" })) > 0n));
  call("simulate and write", async () => {
    const { request } = await reader.simulateContract({ ...token(), account, functionName: "transfer", args: [other, 5n] });
    hash = await wallet.writeContract(request);
    receipt = await wait(hash);
    assert.equal(receipt.status, "success");
  });
  call("transaction", async () => assert.equal((await reader.getTransaction({ hash })).blockNumber, receipt.blockNumber));
  call("receipt", async () => assert.equal((await reader.getTransactionReceipt({ hash })).transactionHash, hash));
  call("a transaction that is not there", async () => assert.rejects(reader.getTransaction({ hash: "0x" + "99".repeat(32) }), { name: "TransactionNotFoundError" }));
  call("confirmations", async () => assert.equal(await reader.getTransactionConfirmations({ hash }), 1n));
  call("logs", async () => assert((await reader.getLogs({ address: at, fromBlock: 0n })).length > 0));
  call("contract events", async () => assert.equal((await reader.getContractEvents({ ...token(), eventName: "Transfer", args: { to: other }, fromBlock: 0n })).length, 1));
  call("a filter", async () => {
    const filter = await reader.createContractEventFilter({ ...token(), eventName: "Transfer" });
    await wait(await wallet.writeContract({ ...token(), functionName: "transfer", args: [other, 1n] }));
    assert.equal((await reader.getFilterChanges({ filter })).length, 1);
    assert.equal(await reader.uninstallFilter({ filter }), true);
  });
  call("a block filter", async () => {
    const filter = await reader.createBlockFilter();
    await wait(await wallet.sendTransaction({ to: other, value: 1n }));
    assert.equal((await reader.getFilterChanges({ filter })).length, 1);
  });
  call("a custom error", async () => {
    const asked = reader.simulateContract({ ...token(), account, functionName: "transfer", args: [other, 2n ** 200n] });
    await assert.rejects(asked, (error) => error.cause.data.errorName === "ERC20InsufficientBalance");
  });
  call("state override", async () => {
    const { data } = await reader.call({ to: other, stateOverride: [{ address: other, code: "0x475f5260205ff3", balance: 77n }] });
    assert.equal(BigInt(data), 77n);
  });
  call("access list", async () => {
    const data = viem.encodeFunctionData({ abi, functionName: "balanceOf", args: [other] });
    assert((await reader.createAccessList({ account, to: at, data })).gasUsed > 21000n);
  });
  call("storage", async () => assert.equal((await reader.getStorageAt({ address: at, slot: "0x0" })).length, 66));
  call("past", async () => assert.equal(await reader.readContract({ ...token(), functionName: "balanceOf", args: [other], blockNumber: receipt.blockNumber - 1n }), 0n));
  call("signatures", async () => {
    const signature = await wallet.signMessage({ message: "hello" });
    assert.equal(await reader.verifyMessage({ address: account.address, message: "hello", signature }), true);
  });
  call("watch blocks by polling", async () => {
    const heard = new Promise((done) => { const stop = reader.watchBlockNumber({ onBlockNumber: (n) => { if (n > receipt.blockNumber + 2n) { stop(); done(n); } }, emitOnBegin: false }); });
    await pause(60);
    await wait(await wallet.sendTransaction({ to: other, value: 1n }));
    await heard;
  });
  call("watch events over the websocket", async () => {
    const heard = new Promise((done) => { const stop = live.watchContractEvent({ ...token(), eventName: "Transfer", onLogs: (logs) => { stop(); done(logs); } }); });
    await pause(400);
    await wait(await wallet.writeContract({ ...token(), functionName: "transfer", args: [other, 3n] }));
    assert.equal((await heard)[0].args.value, 3n);
  });
  call("a batch over HTTP", async () => {
    const many = viem.createPublicClient({ chain, transport: viem.http(url, { batch: true }) });
    const answers = await Promise.all([...Array(20).keys()].map((n) => many.getBalance({ address: viem.pad(viem.toHex(n + 1), { size: 20 }) })));
    assert.equal(answers.length, 20);
  });
  return async () => { (await live.transport.getRpcClient?.())?.close(); };
};

const ARGUMENTS = (address) => [directory, address, address, address, [0n, 0n, 0n, 0n]];
const end = { ethers: withEthers, viem: withViem }[tool]();
run().then(end).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
