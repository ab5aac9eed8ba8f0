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
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
