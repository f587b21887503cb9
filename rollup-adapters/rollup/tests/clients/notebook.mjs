// Compiles the contract that the tests deploy. On its own it writes what `notebook.json` has to be.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../../../../light-client-contract/package.json", import.meta.url));
const solc = require("solc");

export function compile() {
  const content = readFileSync(new URL("Notebook.sol", import.meta.url), "utf8");
  const input = {
    language: "Solidity",
    sources: { "Notebook.sol": { content } },
    settings: {
      evmVersion: "prague",
      optimizer: { enabled: true },
      metadata: { appendCBOR: false },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors) throw new Error(JSON.stringify(output.errors));
  const { abi, evm } = output.contracts["Notebook.sol"].Notebook;
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(compile(), null, 1));
}
