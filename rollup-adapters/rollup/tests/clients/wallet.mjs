// What a wallet and an application do, with viem: `node wallet.mjs HTTP_URL WS_URL PRIVATE_KEY`.
// Whatever does not come out as it should throws.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { compile } from "./notebook.mjs";

const require = createRequire(new URL("../../../../light-client-contract/package.json", import.meta.url));
const viem = require("viem");
const { privateKeyToAccount } = require("viem/accounts");

const { getNodeError } = require("viem/utils");

const [http, ws, key] = process.argv.slice(2);
const account = privateKeyToAccount(key);
const node = viem.createPublicClient({ transport: viem.http(http), pollingInterval: 50 });
const live = viem.createPublicClient({ transport: viem.webSocket(ws) });

// A wallet learns of the chain.
const id = await node.getChainId();
const chain = viem.defineChain({
  id,
  name: "rollup",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [http], webSocket: [ws] } },
});
const wallet = viem.createWalletClient({ account, chain, transport: viem.http(http) });
assert.equal(await node.request({ method: "net_version" }), String(id));
assert.equal(await node.request({ method: "eth_syncing" }), false);

// It listens before it sends.
const heads = [];
const unwatchHeads = live.watchBlocks({
  onBlock: (block) => heads.push(block.number),
  onError: (error) => { throw error; },
});
const { abi, bytecode } = compile();
const notified = new Promise((resolve, reject) => {
  const unwatch = live.watchEvent({
    event: abi.find((item) => item.name === "Written"),
    onLogs: (logs) => { unwatch(); resolve(logs); },
    onError: reject,
  });
});

// Ether.
const to = viem.getAddress("0x00000000000000000000000000000000000b0b0b");
const before = await node.getBalance({ address: to });
const fees = await node.estimateFeesPerGas();
const history = await node.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] });
assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
const gas = await node.estimateGas({ account, to, value: 7n });
assert.equal(gas, 21000n);
const nonce = await node.getTransactionCount({ address: account.address, blockTag: "pending" });
const request = await wallet.prepareTransactionRequest({ to, value: 7n, gas, nonce, ...fees });
const hash = await wallet.sendRawTransaction({ serializedTransaction: await wallet.signTransaction(request) });
const sent = await node.waitForTransactionReceipt({ hash });
assert.equal(sent.status, "success");
assert.equal(await node.getBalance({ address: to }), before + 7n);
assert.equal((await node.getTransaction({ hash })).value, 7n);

// A contract.
const deployed = await node.waitForTransactionReceipt({
  hash: await wallet.deployContract({ abi, bytecode }),
});
const address = deployed.contractAddress;
const args = { address, abi };
const { request: write } = await node.simulateContract({ ...args, account, functionName: "write", args: ["from viem"] });
const written = await node.waitForTransactionReceipt({ hash: await wallet.writeContract(write) });
assert.equal(written.status, "success");
assert.equal(await node.readContract({ ...args, functionName: "total" }), 1n);
assert.equal(await node.readContract({ ...args, functionName: "written", args: [account.address] }), 1n);
const logs = await node.getContractEvents({ ...args, eventName: "Written", fromBlock: 0n });
assert.equal(logs.length, 1);
assert.equal(logs[0].args.text, "from viem");
const [told] = await notified;
assert.equal(told.transactionHash, written.transactionHash);
assert.equal(told.args.text, "from viem");

// What a contract refuses, by name.
await assert.rejects(
  node.simulateContract({ ...args, account, functionName: "write", args: [""] }),
  (error) => error.walk((cause) => cause instanceof viem.ContractFunctionRevertedError)?.data?.errorName === "Notebook_Empty",
);
await assert.rejects(
  node.simulateContract({ ...args, account, functionName: "write", args: ["x".repeat(65)] }),
  (error) => error.message.includes("too long"),
);

// What the node refuses, by the kinds that viem tells apart.
const bad = async (change, kind) => {
  const raw = await account.signTransaction({ ...request, type: "eip1559", chainId: id, ...change });
  await assert.rejects(
    wallet.request({ method: "eth_sendRawTransaction", params: [raw] }).catch((error) => {
      throw getNodeError(error, {});
    }),
    (error) => error instanceof kind,
  );
};
await bad({ nonce: 0 }, viem.NonceTooLowError);
await bad({ nonce: nonce + 500 }, viem.NonceTooHighError);
await bad({ nonce: nonce + 3, value: 10n ** 30n }, viem.InsufficientFundsError);
await bad({ nonce: nonce + 3, gas: 20000n }, viem.IntrinsicGasTooLowError);

// State, and the block as a whole.
const slot = await node.getStorageAt({ address, slot: "0x0" });
assert.equal(BigInt(slot), 1n);
const proof = await node.getProof({ address, storageKeys: [viem.pad("0x0")] });
assert.equal(proof.storageProof[0].value, 1n);
const block = await node.getBlock({ blockNumber: written.blockNumber, includeTransactions: true });
assert.equal(block.transactions[0].hash, written.transactionHash);
assert.equal(viem.keccak256(proof.accountProof[0]), (await node.getBlock()).stateRoot);
const deposits = (await node.getBlock({ blockNumber: 1n, includeTransactions: true })).transactions;
assert.equal(deposits[0].typeHex, "0x7e");
assert.equal((await node.getTransactionReceipt({ hash: deposits[0].hash })).status, "success");
for (const blockTag of ["safe", "finalized", "earliest", "pending"]) await node.getBlock({ blockTag });

// Every block since was told once, in order.
await new Promise((resolve, reject) => {
  const look = live.watchBlockNumber({
    emitOnBegin: true,
    onBlockNumber: (number) => { if (number >= written.blockNumber) { look(); resolve(); } },
    onError: reject,
    poll: true,
    pollingInterval: 50,
  });
});
assert.ok(heads.length > 0 && heads.every((number, at) => at === 0 || number === heads[at - 1] + 1n), String(heads));
unwatchHeads();
console.log("done");
process.exit(0);
