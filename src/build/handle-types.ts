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

/** `body`: the glue's function for the export. Errors: `Build`. */
export function assertArguments(body: string): void {
  if (layout(body, stores) !== argumentLayout) throw new ThawError('Build', otherTypes)
}

/** The same, for a synchronous lift's result. */
export function assertResult(body: string): void {
  if (layout(body, loads) !== resultLayout) throw new ThawError('Build', otherTypes)
}

/** `lift`: the glue's expression for the value that `task.return` takes. */
export function assertFlatResult(lift: string): void {
  if (!flatResult.test(lift.replaceAll(/\s+/g, ''))) throw new ThawError('Build', otherTypes)
}

function layout(body: string, accesses: RegExp): string {
  const found = [...body.matchAll(accesses)].map(([, type, offset]) => `${offset}:${type}`)
  return [...new Set(found)].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).join(' ')
}
