/** What every hostile guest is held to: its own error for its own caller, and a neighbour that notices nothing. */
import { expect } from 'vitest'
import type { FunctionFailure, FunctionSpec } from '../../src/invocation.ts'
import { watGuest } from '../support/guests.ts'
import {
  failureOf,
  payloadText,
  testRuntime,
  type InvokeOptions,
  type TestRuntime,
  type TestRuntimeOptions,
} from '../support/runtime.ts'

const canary = 'neighbour'.padEnd(64, '.')
/** What canary.wat answers when it finds everything as its snapshot has it. */
const pristine = `00010003${canary}`

export interface HostileRuntime extends TestRuntime {
  neighbour: FunctionSpec
  /** Asserts that the neighbour answers, correctly and pristine. */
  assertNeighbour(): Promise<void>
  /** Invokes the guest, which must fail; then the neighbour must answer, and the guest itself again in the same way. */
  contained(guest: FunctionSpec, payload?: string, options?: InvokeOptions): Promise<FunctionFailure>
}

export async function hostileRuntime(options: TestRuntimeOptions = {}): Promise<HostileRuntime> {
  const test = await testRuntime(options)
  const neighbour = await test.deploy(await watGuest('canary', { canary, variant: '0', own: '3' }))
  const assertNeighbour = async (): Promise<void> => {
    expect(payloadText(await test.invoke(neighbour, 'an event'))).toBe(pristine)
  }
  await assertNeighbour()
  return Object.assign(test, {
    neighbour,
    assertNeighbour,
    async contained(guest: FunctionSpec, payload = '', options: InvokeOptions = {}) {
      const first = failureOf(await test.invoke(guest, payload, options))
      await assertNeighbour()
      expect(test.impurities).toEqual([])
      expect(test.runtime.stats().live).toBe(0)
      return first
    },
  })
}

/** Without the request's id, which differs. */
export function reason(failure: FunctionFailure): string {
  return `${failure.errorType}: ${failure.errorMessage.replace(/^RequestId: [0-9a-f-]{36} Error: /, '')}`
}
