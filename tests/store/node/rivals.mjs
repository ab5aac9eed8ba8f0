// node rivals.mjs ARCHIVE [SOURCE PROFILE]: reads an archive with @ipld/car, hashes every block again, reads the files in it
// with ipfs-unixfs-exporter, and imports SOURCE anew with ipfs-unixfs-importer. Prints one line of JSON.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CarReader } from '@ipld/car'
import { MemoryBlockstore } from 'blockstore-core'
import { exporter, recursive } from 'ipfs-unixfs-exporter'
import { importer } from 'ipfs-unixfs-importer'

const [,, archive, source, profile] = process.argv
const sha256 = (bytes) => createHash('sha256').update(bytes)

const reader = await CarReader.fromBytes(await readFile(archive))
const [root] = await reader.getRoots()
const blocks = new MemoryBlockstore()
let damaged = 0
let count = 0
for await (const { cid, bytes } of reader.blocks()) {
  if (!sha256(bytes).digest().equals(Buffer.from(cid.multihash.digest))) damaged++
  await blocks.put(cid, bytes)
  count++
}
const files = {}
for await (const entry of recursive(root, blocks)) {
  const found = await exporter(entry.cid, blocks)
  if (found.type !== 'file' && found.type !== 'raw') continue
  const hash = createHash('sha256')
  for await (const piece of found.content()) hash.update(piece)
  files[entry.path.split('/').slice(1).join('/')] = hash.digest('hex')
}

async function * walk (folder, path) {
  for (const name of await readdir(folder)) {
    const place = join(folder, name)
    if ((await stat(place)).isDirectory()) yield * walk(place, path + '/' + name)
    else yield { path: path + '/' + name, content: createReadStream(place) }
  }
}
let imported = null
if (source) {
  const folder = (await stat(source)).isDirectory()
  const entries = folder ? walk(source, 'root') : [{ path: 'root', content: createReadStream(source) }]
  for await (const entry of importer(entries, new MemoryBlockstore(), { profile })) imported = String(entry.cid)
}
console.log(JSON.stringify({ root: String(root), count, damaged, files, imported }))
