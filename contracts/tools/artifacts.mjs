#!/usr/bin/env node
// Builds the contracts and writes the parts that clients need to artifacts/, in Foundry's format.
// With --check it writes nothing and fails if a file differs.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const CONTRACTS = [
  "Artifacts", "Blobs", "Core", "Governance", "Identity", "Mapper", "Security", "Stake", "Templates", "Timelock",
  "Topology",
];
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "artifacts");

// The compiler names immutables by syntax tree ids, which depend on the other files of the build. This numbers them by
// position instead.
function immutables(references) {
  const positions = Object.values(references ?? {}).sort((a, b) => a[0].start - b[0].start);
  return Object.fromEntries(positions.map((position, index) => [index, position]));
}

// Bindings do not know Solidity's enums, contracts and interface scopes: this writes the types of the encoding instead.
function plainTypes(key, value) {
  if (key !== "internalType") return value;
  return value
    .replace(/^enum \S+?(\[\d*\])*$/, "uint8$1")
    .replace(/^contract \S+?(\[\d*\])*$/, "address$1")
    .replace(/^struct \w+\./, "struct ");
}

function artifact(name) {
  const built = JSON.parse(readFileSync(join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));
  for (const code of [built.bytecode, built.deployedBytecode]) {
    if (Object.keys(code.linkReferences).length > 0) throw new Error(`${name} needs linking`);
  }
  return JSON.stringify(
    {
      contractName: name,
      abi: JSON.parse(JSON.stringify(built.abi, plainTypes)),
      bytecode: { object: built.bytecode.object },
      deployedBytecode: {
        object: built.deployedBytecode.object,
        immutableReferences: immutables(built.deployedBytecode.immutableReferences),
      },
    },
    null,
    2,
  ) + "\n";
}

const check = process.argv.includes("--check");
// The tests are skipped: they do not affect the artifacts.
const forge = join(root, "tools", "forge");
execFileSync(forge, ["build", "--root", root, "--skip", "test", "--quiet"], { stdio: "inherit" });
mkdirSync(target, { recursive: true });

const files = Object.fromEntries(CONTRACTS.map((name) => [`${name}.json`, artifact(name)]));
const stale = Object.keys(files).filter((file) => {
  const path = join(target, file);
  return !existsSync(path) || readFileSync(path, "utf8") !== files[file];
});
const stray = readdirSync(target).filter((file) => !(file in files));
if (stray.length > 0) {
  console.error(`not an artifact: ${stray.join(", ")}`);
  process.exit(1);
}
if (check && stale.length > 0) {
  console.error(`stale: ${stale.join(", ")}; run contracts/tools/artifacts.mjs`);
  process.exit(1);
}
if (!check) for (const file of stale) writeFileSync(join(target, file), files[file]);
