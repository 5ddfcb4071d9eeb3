/** The WASI interfaces a guest may import: these and nothing else. */
import { cli } from './cli.ts'
import { clocks } from './clocks.ts'
import { filesystem } from './filesystem.ts'
import { outgoingHandler } from './http/outgoing-handler.ts'
import { crypto } from './function/crypto.ts'
import { httpLoop } from './function/http-loop.ts'
import { outgoingHttp } from './function/outgoing-http.ts'
import { responseStream } from './function/response-stream.ts'
import { httpTypes } from './http/types.ts'
import { client } from './http3/client.ts'
import { serviceTypes } from './http3/types.ts'
import { third } from './p3/interfaces.ts'
import { poll } from './poll.ts'
import { random } from './random.ts'
import type { ResourceName } from './resources.ts'
import { sockets } from './sockets.ts'
import type { HostFunction, HostInterfaces } from './state.ts'
import { streams } from './streams.ts'

const interfaces: HostInterfaces = {
  ...cli,
  ...clocks,
  ...crypto,
  ...filesystem,
  ...httpTypes,
  ...outgoingHandler,
  ...poll,
  ...random,
  ...sockets,
  ...streams,
  ...responseStream,
  ...outgoingHttp,
  ...httpLoop,
  ...serviceTypes,
  ...client,
  ...third,
}

/** The newest patch of WASI 0.2 whose WIT was compared with ours. */
const NEWEST_PATCH = 12
const DROP = '[resource-drop]'

/** Which versions of what are offered, and by which suffix the interfaces of the same name are told apart. */
const generations = [
  { of: /^wasi:.*@0\.2\./, suffix: '', versions: /^0\.2\.(?:\d|1[0-2])$/, said: `0.2.0 to 0.2.${NEWEST_PATCH}` },
  { of: /^wasi:.*@0\.3\./, suffix: '@0.3', versions: /^0\.3\.0$/, said: '0.3.0' },
  { of: /^thaw:function\//, suffix: '', versions: /^0\.1\.\d+$/, said: '0.1.0' },
]

export function findFunction(iface: string, func: string): HostFunction | undefined {
  const found = Object.hasOwn(interfaces, iface) ? interfaces[iface]?.functions : undefined
  return found !== undefined && Object.hasOwn(found, func) ? found[func] : undefined
}

export function findResource(iface: string, resource: string): ResourceName | undefined {
  const found = Object.hasOwn(interfaces, iface) ? interfaces[iface]?.resources : undefined
  return found?.find((name) => name === resource)
}

/**
 * Why an import cannot be had, or undefined if it can. `iface` without version (`wasi:io/streams`), `version` as in
 * `0.2.6`, `func` as a core module imports it, `[resource-drop]pollable` included.
 */
export function refusal(iface: string, version: string, func: string): string | undefined {
  const name = `${iface}@${version}`
  const generation = generations.find(({ of }) => of.test(name))
  const key = iface + (generation?.suffix ?? '')
  if (!Object.hasOwn(interfaces, key)) return `${name} is not offered; offered are ${offeredInterfaces().join(', ')}`
  if (generation?.versions.test(version) !== true)
    return `${name} is not offered in this version; offered are ${generation?.said ?? `0.2.0 to 0.2.${NEWEST_PATCH} and 0.3.0`}`
  const found = func.startsWith(DROP) ? findResource(key, func.slice(DROP.length)) : findFunction(key, func)
  return found === undefined ? `${name} offers no ${func}` : undefined
}

export function offered(iface: string, version: string, func: string): boolean {
  return refusal(iface, version, func) === undefined
}

/** Every function as [interface, name], drops (`[resource-drop]pollable`) included. */
export function offeredFunctions(): readonly (readonly [iface: string, func: string])[] {
  return Object.entries(interfaces).flatMap(([iface, { functions, resources }]) =>
    [...Object.keys(functions), ...resources.map((name) => DROP + name)].map((func) => [iface, func] as const),
  )
}

export function offeredInterfaces(): readonly string[] {
  return Object.keys(interfaces).toSorted()
}
