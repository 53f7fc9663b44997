// node compile.mjs: writes Probe.hex, the creation code of Probe.sol, with the pinned solc.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
const require = createRequire(new URL("../../../../contracts/package.json", import.meta.url));
const solc = require("solc");
const here = (name) => new URL(name, import.meta.url);
const input = {
  language: "Solidity",
  sources: { "Probe.sol": { content: readFileSync(here("Probe.sol"), "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "osaka",
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
writeFileSync(here("Probe.hex"), output.contracts["Probe.sol"].Probe.evm.bytecode.object + "\n");
