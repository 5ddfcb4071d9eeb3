/** HTTP components under test, from the toolchains of the tests. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  assemblyscriptHttpGuest,
  cHttpGuest,
  cHttpGuestOf,
  quickjsHttpGuest,
  watHttpGuest,
} from '../../test/support/http-guests.ts'
import type { Canary } from '../canary.ts'

export interface HttpGuest {
  name: string
  /** What every answer to a request for `/` must be; undefined where it is no constant. */
  canary: Canary | undefined
  memoryMb: number
  component(): Promise<Uint8Array>
}

const cSource = (name: string) => join(import.meta.dirname, 'sources', `${name}.c`)

/** `starling`: path of the component that `jco serve` serves as well. */
export function httpGuests(starling: string): HttpGuest[] {
  const guest = (name: string, canary: Canary | undefined, component: HttpGuest['component'], memoryMb = 128) => ({
    name,
    canary,
    memoryMb,
    component,
  })
  return [
    guest('http-c', 'constant', () => cHttpGuestOf(cSource('http-hello'))),
    guest('http-as', 'text:hello from assemblyscript\n', assemblyscriptHttpGuest),
    guest('http-wat', 'text:hello from wat\n', () => watHttpGuest('0.3', 'hello')),
    guest('http-qjs', 'text:hello from quickjs\n', () => quickjsHttpGuest('hello')),
    guest('http-sm', 'pristine', async () => readFileSync(starling), 512),
    guest('http-clock', undefined, () => cHttpGuestOf(cSource('http-clock'))),
    guest('http-routes', undefined, () => cHttpGuest('routes')),
    guest('http-echo-03', undefined, () => watHttpGuest('0.3', 'echo')),
    guest('http-through-03', undefined, () => watHttpGuest('0.3', 'echo-through')),
  ]
}
