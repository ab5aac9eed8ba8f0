#!/usr/bin/env node
// The compiler of package.json under the name and options that crytic-compile expects (see slither.py).
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const near = createRequire(join(__dirname, "build.mjs"));
const solc = near("solc");
if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  const said = JSON.parse(solc.compile(readFileSync(0, "utf8")));
  const none = { object: "", sourceMap: "" }; // crytic-compile reads it, also where no code was asked for
  for (const file of Object.values(said.contracts ?? {})) {
    for (const one of Object.values(file)) one.evm = { bytecode: none, deployedBytecode: none, ...one.evm };
    for (const one of Object.values(file)) one.metadata ??= "";
  }
  process.stdout.write(JSON.stringify(said));
}
