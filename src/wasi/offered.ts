/** The WASI interfaces a guest may import: these and nothing else. */
import { cli } from './cli.ts'
import { clocks } from './clocks.ts'
import { filesystem } from './filesystem.ts'
import { poll } from './poll.ts'
import { random } from './random.ts'
import type { ResourceName } from './resources.ts'
import type { HostFunction, HostInterfaces } from './state.ts'
import { streams } from './streams.ts'

const interfaces: HostInterfaces = { ...cli, ...clocks, ...filesystem, ...poll, ...random, ...streams }

/** The newest patch of WASI 0.2 whose WIT was compared with ours. */
const NEWEST_PATCH = 12
const DROP = '[resource-drop]'

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
  if (!Object.hasOwn(interfaces, iface)) return `${name} is not offered; offered are ${offeredInterfaces().join(', ')}`
  const patch = /^0\.2\.(0|[1-9]\d?)$/.exec(version)?.[1]
  if (patch === undefined || Number(patch) > NEWEST_PATCH) {
    return `${name} is not offered in this version; offered are 0.2.0 to 0.2.${NEWEST_PATCH}`
  }
  const found = func.startsWith(DROP) ? findResource(iface, func.slice(DROP.length)) : findFunction(iface, func)
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
