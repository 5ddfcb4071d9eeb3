/**
 * Whether the glue of a component's `handle` moves the bytes that `instance/handle-abi.ts` does. jco's declarations
 * (world.ts) show names and order, but neither the width of a number, nor a character from a text, nor an error's type.
 */
import { ThawError } from '../errors.ts'

const otherTypes = 'The component exports thaw:function/handler with other types than guest-sdk/wit/function.wit has'

/** `dataView(memory0).setUint32(ptr0 + 8, …)`: what the arguments, in memory, are written with. */
const stores = /\.set(\w+)\(ptr0 \+ (\d+),/g
const argumentLayout =
  '0:Uint32 4:Uint32 8:Uint32 12:Uint32 16:Uint32 20:Uint32 24:Uint32 28:Uint32 32:Uint32 36:Uint32 40:Int32 ' +
  '44:Uint32 48:Uint32 52:Uint32 56:Uint32 64:BigInt64 72:Int8 76:Uint32 80:Uint32 84:Int8 88:Uint32 92:Uint32 ' +
  '96:Int8 100:Uint32 104:Uint32'

/** `dataView(memory0).getUint32(ret + 4, …)`: what a result is read with that a synchronous lift points to. */
const loads = /\.get(\w+)\(ret \+ (\d+),/g
const resultLayout = '0:Uint8 4:Uint32 8:Uint32 12:Uint32 16:Uint32 20:Uint32 24:Uint32'

/** What `task.return` of an asynchronous lift makes of its flat values. */
const flatResult =
  /^_liftFlatResult\(\{caseMetas:\[\['ok',_liftFlatList\(\{elemLiftFn:_liftFlatU8,.*\['err',_liftFlatRecord\(\{fieldMetas:\[\['errorType',_liftFlatString\w+,8,4\],\['errorMessage',_liftFlatString\w+,8,4\],\['trace',_liftFlatList\(\{elemLiftFn:_liftFlatString/

/** The same, of `wasi:http/handler`: result<response, error-code>. */
const flatResponse =
  /^_liftFlatResult\(\{caseMetas:\[\['ok',_liftFlatOwn\(\{.*classNameFn:\(\)=>Response,.*\['err',_liftFlatVariant\(\{caseMetas:\[\['DNS-timeout',/

/** Errors: `Build`. */
export function assertFlatResponse(lift: string): void {
  if (!flatResponse.test(lift.replaceAll(/\s+/g, '')))
    throw new ThawError('Build', 'The component exports wasi:http/handler with other types than WASI 0.3.0 has')
}

/** `body`: the glue's function for the export. Errors: `Build`. */
export function assertArguments(body: string): void {
  if (layout(body, stores) !== argumentLayout) throw new ThawError('Build', otherTypes)
}

/** The same, for a synchronous lift's result. */
export function assertResult(body: string): void {
  if (layout(body, loads) !== resultLayout) throw new ThawError('Build', otherTypes)
}

/** Whether it is the result of `handle` of an event, which `load` has too (guest-sdk/wit/javascript-http.wit). */
export function isFlatResult(lift: string): boolean {
  return flatResult.test(lift.replaceAll(/\s+/g, ''))
}

/** `lift`: the glue's expression for the value that `task.return` takes. Errors: `Build`. */
export function assertFlatResult(lift: string): void {
  if (!isFlatResult(lift)) throw new ThawError('Build', otherTypes)
}

function layout(body: string, accesses: RegExp): string {
  const found = [...body.matchAll(accesses)].map(([, type, offset]) => `${offset}:${type}`)
  return [...new Set(found)].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).join(' ')
}

const requests = {
  'http-0.2': ['IncomingRequest', 'ResponseOutparam'],
  'http-0.3': ['Request'],
}

/** `body`: the glue's function for `handle` of `wasi:http`: which resources it takes. Errors: `Build`. */
export function assertRequest(body: string, entry: 'http-0.2' | 'http-0.3'): void {
  const taken = Array.from(body.matchAll(/\(arg\d+ instanceof (\w+)\)/g), ([, name]) => name)
  if (taken.join() !== requests[entry].join())
    throw new ThawError('Build', `The component exports a handler of wasi:http with other types than WASI has`)
}
