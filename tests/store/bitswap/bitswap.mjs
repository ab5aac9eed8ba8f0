// node bitswap.mjs ARCHIVE: one libp2p node has the archive's blocks; another asks it for each over Helia's Bitswap (TCP on
// this machine), and hashes what it got. Prints one line of JSON.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { createBitswap } from '@helia/bitswap'
import { CarReader } from '@ipld/car'
import { identify } from '@libp2p/identify'
import { defaultLogger } from '@libp2p/logger'
import { tcp } from '@libp2p/tcp'
import { MemoryBlockstore } from 'blockstore-core'
import { createLibp2p } from 'libp2p'

const nobody = { async * findProviders () {}, async provide () {} }

async function start (blockstore) {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })
  const bitswap = createBitswap({ libp2p, blockstore, logger: defaultLogger(), routing: nobody })
  await bitswap.start()
  return { libp2p, bitswap }
}

const reader = await CarReader.fromBytes(await readFile(process.argv[2]))
const full = new MemoryBlockstore()
const names = []
for await (const { cid, bytes } of reader.blocks()) {
  await full.put(cid, bytes)
  names.push(cid)
}
const giver = await start(full)
const asker = await start(new MemoryBlockstore())
await asker.libp2p.dial(giver.libp2p.getMultiaddrs())
let damaged = 0
for (const cid of names) {
  const bytes = await asker.bitswap.want(cid, { signal: AbortSignal.timeout(20_000) })
  if (!createHash('sha256').update(bytes).digest().equals(Buffer.from(cid.multihash.digest))) damaged++
}
console.log(JSON.stringify({ fetched: names.length, damaged }))
for (const one of [asker, giver]) {
  await one.bitswap.stop()
  await one.libp2p.stop()
}
