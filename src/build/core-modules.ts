/**
 * The core modules inside a component, checked by V8 before jco sees them: jco takes for granted that they are valid, and
 * code that is not leaves its process poisoned and the owner without a reason. Component Model, Binary.md, "Component".
 */
import { ThawError } from '../errors.ts'

const preambleBytes = 8
const coreModuleSection = 1
const componentSection = 4

/** Errors: `Build`, with V8's reason. */
export function assertCoreModules(component: Uint8Array): void {
  for (const module of coreModules(component)) {
    const bytes = new Uint8Array(module)
    if (WebAssembly.validate(bytes)) continue
    throw new ThawError('Build', `The file is not a valid component: a core module in it: ${reasonOf(bytes)}`)
  }
}

function* coreModules(component: Uint8Array): Generator<Uint8Array> {
  let at = preambleBytes
  while (at < component.length) {
    const id = component[at]
    let size = 0
    let byte = 0x80
    at += 1
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = component[at] ?? 0
      at += 1
      size += (byte & 0x7f) * 2 ** shift
      if (shift > 28) throw new ThawError('Build', 'The file is not a valid component: a section has no size')
    }
    const content = component.subarray(at, at + size)
    if (id === coreModuleSection) yield content
    if (id === componentSection) yield* coreModules(content)
    at += size
  }
}

function reasonOf(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    void new WebAssembly.Module(bytes)
    return 'it does not validate'
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^WebAssembly\.Module\(\): /, '') : 'it does not validate'
  }
}
