// Compiles src/*.sol and writes one artifact a contract to ../src/klopf/ledger/artifacts.
// `node build.mjs [sources] [artifacts]`; the same input gives the same bytes on every machine.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const solc = require("solc");
const sourceFolder = resolve(process.argv[2] ?? join(here, "src"));
const artifactFolder = resolve(process.argv[3] ?? join(here, "../src/klopf/ledger/artifacts"));

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const sources = {};
for (const file of readdirSync(sourceFolder).filter((f) => f.endsWith(".sol")).sort()) {
  sources[`src/${file}`] = { content: readFileSync(join(sourceFolder, file), "utf8") };
}
const libraries = {};
const readLibrary = (path) => {
  if (!path.startsWith("@openzeppelin/")) return { error: `unknown import ${path}` };
  const contents = readFileSync(require.resolve(path), "utf8");
  libraries[path] = sha256(contents);
  return { contents };
};
const settings = {
  evmVersion: "cancun",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object",
    "storageLayout"] } },
};
const output = JSON.parse(solc.compile(
  JSON.stringify({ language: "Solidity", sources, settings }), { import: readLibrary }));
// a warning in our own sources stops the build; the library's are its authors' business
const problems = (output.errors ?? []).filter((e) => e.severity === "error"
  || (e.severity === "warning" && e.sourceLocation?.file.startsWith("src/")));
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length) process.exit(1);

const hashes = {};
for (const [path, source] of Object.entries(sources)) hashes[path] = sha256(source.content);
for (const path of Object.keys(libraries).sort()) hashes[path] = libraries[path];
const { outputSelection, ...shown } = settings;

rmSync(artifactFolder, { recursive: true, force: true });
mkdirSync(artifactFolder, { recursive: true });
for (const path of Object.keys(sources)) {
  for (const [name, contract] of Object.entries(output.contracts[path] ?? {})) {
    const bytecode = contract.evm.bytecode.object;
    if (!bytecode || name === "Fixed" || name === "Schedule" || name === "Ballot") continue; // interfaces and libraries of internal functions
    const size = contract.evm.deployedBytecode.object.length / 2;
    if (size > 24576) throw new Error(`${name} has ${size} bytes; the limit of a chain is 24,576`);
    const storage = contract.storageLayout.storage.map(({ label, offset, slot, type }) => ({
      label, offset, slot, type: contract.storageLayout.types[type].label }));
    const artifact = { contract: name, source: path, abi: contract.abi, bytecode: `0x${bytecode}`,
      storage };
    writeFileSync(join(artifactFolder, `${name}.json`), `${JSON.stringify(artifact)}\n`);
    console.log(`${name.padEnd(12)} ${String(size).padStart(6)} bytes`);
  }
}
writeFileSync(join(artifactFolder, "build.json"),
  `${JSON.stringify({ compiler: solc.version(), settings: shown, sources: hashes }, null, 1)}\n`);
