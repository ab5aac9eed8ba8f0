// Compiles packs of contracts and writes one artifact a contract, by pack: `src/core/Token.sol` to `artifacts/core/Token.json`.
//
//   node build.mjs [sources] [artifacts] [layouts] [only this contract]
//
// Without arguments: Klopf's own contracts, into the package. With a folder of yours it builds your pack: your sources may
// import Klopf's (`@klopf/core/IDirectory.sol`) and OpenZeppelin's. The same input gives the same bytes on every machine.
// A contract that may be upgraded must keep every variable where `layouts` says it is; new ones may follow.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const solc = require("solc");
const own = join(here, "src");
const sourceFolder = resolve(process.argv[2] ?? own);
const artifactFolder = resolve(process.argv[3] ?? join(here, "../src/klopf/ledger/artifacts"));
const layoutFolder = resolve(process.argv[4] ?? join(here, "layouts"));
const only = process.argv[5] ?? "*";
const upgradeable = ["Lens", "Snapshots"];

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const sources = {};
for (const file of readdirSync(sourceFolder, { recursive: true }).filter((f) => f.endsWith(".sol")).sort()) {
  sources[`src/${file}`] = { content: readFileSync(join(sourceFolder, file), "utf8") };
}
if (!Object.keys(sources).length) {
  console.error(`no .sol file in ${sourceFolder}: name the folder of your sources`);
  process.exit(1);
}
const libraries = {};
const readLibrary = (path) => {
  let file;
  if (path.startsWith("@klopf/")) file = join(own, path.slice("@klopf/".length));
  else if (path.startsWith("@openzeppelin/")) file = require.resolve(path);
  if (!file || !existsSync(file)) return { error: `unknown import ${path}` };
  const contents = readFileSync(file, "utf8");
  libraries[path] = sha256(contents);
  return { contents };
};
const settings = {
  evmVersion: "cancun",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { [only]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences", "storageLayout"] } },
};
const output = JSON.parse(solc.compile(
  JSON.stringify({ language: "Solidity", sources, settings }), { import: readLibrary }));
// a warning in our own sources stops the build; the library's are its authors' business, and whoever builds one contract
// alone tries something
const problems = (output.errors ?? []).filter((e) => e.severity === "error"
  || (only === "*" && e.severity === "warning" && e.sourceLocation?.file.startsWith("src/")));
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length) process.exit(1);

// A type with everything that it is made of: a struct whose members moved is another type.
const shape = (types, name, within = []) => {
  const type = { ...types[name], label: types[name].label.replace(/\b\w+\./g, "") }; // wherever it is declared
  if (within.includes(name)) return type.label;
  const inside = (other) => shape(types, other, [...within, name]);
  if (type.members) {
    const members = type.members.map((m) => `${inside(m.type)} ${m.label} @${m.slot}+${m.offset}`);
    return `${type.label} {${members.join("; ")}}`;
  }
  if (type.encoding === "mapping") return `mapping(${inside(type.key)} => ${inside(type.value)})`;
  if (type.base) return `${inside(type.base)}[]${type.encoding === "inplace" ? ` of ${type.numberOfBytes} bytes` : ""}`;
  return type.label;
};
const layoutOf = ({ storage, types }) => storage.map(({ label, offset, slot, type }) => ({
  label, offset, slot, type: shape(types, type) }));
const checkLayout = (name, layout) => {
  const file = join(layoutFolder, `${name}.json`);
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  kept.forEach((was, i) => {
    if (JSON.stringify(layout[i]) === JSON.stringify(was)) return;
    const is = layout[i] ? `${layout[i].type} ${layout[i].label}` : "nothing";
    console.error(`${name}: slot ${was.slot} holds ${was.type} ${was.label} behind its proxy, and would hold ${is}; `
      + "keep every variable in its place and add new ones after the last");
    process.exit(1);
  });
};

const hashes = {};
for (const [path, source] of Object.entries(sources)) hashes[path] = sha256(source.content);
for (const path of Object.keys(libraries).sort()) hashes[path] = libraries[path];
const { outputSelection, ...shown } = settings;
const built = [];
for (const path of Object.keys(sources)) {
  for (const [name, contract] of Object.entries(output.contracts[path] ?? {})) {
    const deployed = contract.evm?.deployedBytecode;
    // no interfaces, abstract contracts and libraries of internal functions: nothing of theirs can be called
    if (!contract.evm?.bytecode.object || contract.abi.length === 0) continue;
    const size = deployed.object.length / 2;
    if (size > 24576) throw new Error(`${name} has ${size} bytes; the limit of a chain is 24,576`);
    const storage = layoutOf(contract.storageLayout);
    if (upgradeable.includes(name)) checkLayout(name, storage);
    // where the values of immutables stand in the code, [start, length] each: all that two deployments differ in
    const immutable = Object.values(deployed.immutableReferences ?? {}).flat().map((r) => [r.start, r.length])
      .sort((a, b) => a[0] - b[0]);
    // the code that will be at its address stands within the code that creates it: [start, length]
    const start = contract.evm.bytecode.object.indexOf(deployed.object) / 2;
    if (!Number.isInteger(start) || start < 0) throw new Error(`${name} does not hold its own code`);
    built.push({ contract: name, source: path, abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}`,
      runtime: [start, size], immutable, storage });
    console.log(`${path.slice(4, -4).padEnd(24)} ${String(size).padStart(6)} bytes`);
  }
}

rmSync(artifactFolder, { recursive: true, force: true });
mkdirSync(artifactFolder, { recursive: true });
mkdirSync(layoutFolder, { recursive: true });
for (const artifact of built) {
  const folder = join(artifactFolder, dirname(artifact.source.slice("src/".length)));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${artifact.contract}.json`), `${JSON.stringify(artifact)}\n`);
  if (upgradeable.includes(artifact.contract)) {
    writeFileSync(join(layoutFolder, `${artifact.contract}.json`), `${JSON.stringify(artifact.storage, null, 1)}\n`);
  }
}
writeFileSync(join(artifactFolder, "build.json"),
  `${JSON.stringify({ compiler: solc.version(), settings: shown, sources: hashes }, null, 1)}\n`);
