// A core module for WASI preview 1 (clang, TinyGo, Zig…) to a component of Thaw's world, with the tools of this
// repository: node component.mjs core.wasm component.wasm. The same with wasm-tools:
//   wasm-tools component embed guest-sdk/wit --world function core.wasm -o embedded.wasm
//   wasm-tools component new embedded.wasm --adapt wasi_snapshot_preview1=wasi_snapshot_preview1.reactor.wasm -o component.wasm
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew, preview1AdapterReactorPath } from '@bytecodealliance/jco'

const [input, output] = process.argv.slice(2)
if (output === undefined) throw new Error('usage: node component.mjs core.wasm component.wasm')
const embedded = await componentEmbed({
  binary: await readFile(input),
  witPath: fileURLToPath(new URL('../../guest-sdk/wit', import.meta.url)),
  world: 'function',
})
const adapter = await readFile(fileURLToPath(preview1AdapterReactorPath()))
await writeFile(output, await componentNew(embedded, [['wasi_snapshot_preview1', adapter]]))
