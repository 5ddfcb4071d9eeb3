/** thaw:function/http-loop: when the wait of a guest is over. */
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { HttpLoop } from '../../src/wasi/function/http-loop.ts'
import { OutgoingCalls } from '../../src/wasi/function/outgoing-http.ts'
import type { HostState } from '../../src/wasi/state.ts'
import { Waits } from '../../src/wasi/waits.ts'

function opened() {
  const waits = new Waits()
  waits.begin({ signal: undefined })
  onTestFinished(() => waits.end())
  const loop = new HttpLoop()
  const state = { waits, outgoingCalls: new OutgoingCalls() } as unknown as HostState
  const ended: string[] = []
  const wait = (name: string, ms: number) => loop.wait(ms).onValue(() => ended.push(name))
  return { loop, state, ended, wait, waits }
}

test('not while the guest has work, though others have their turns', async () => {
  const { loop, state, ended, wait } = opened()
  wait('now', 0)
  await turn()
  await turn()
  expect(ended).toEqual([])
  loop.guestWaits(state)
  expect(ended).toEqual([])
  await turn()
  await turn()
  expect(ended).toEqual(['now'])
})

test('a new wait ends the one before, and what that waited for is given up', async () => {
  const { loop, state, ended, wait, waits } = opened()
  wait('long', 60_000)
  loop.guestWaits(state)
  expect(waits.pending).toBe(1)
  wait('now', 0)
  expect([ended, waits.pending]).toEqual([['long'], 0])
  loop.guestWaits(state)
  loop.guestWaits(state)
  expect(waits.pending).toBe(1)
  await turn()
  await turn()
  expect(ended).toEqual(['long', 'now'])
})

test('what the guest says of its end first counts, until the invocation is over', () => {
  const { loop } = opened()
  const failure = { errorType: 'a', errorMessage: 'b' }
  loop.finish(failure)
  loop.finish(undefined)
  expect([loop.isOver, loop.failure]).toEqual([true, failure])
  loop.end()
  expect([loop.isOver, loop.failure]).toEqual([false, undefined])
})
