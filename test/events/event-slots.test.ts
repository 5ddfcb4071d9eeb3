import { expect, it } from 'vitest'
import { EventSlots } from '../../src/events/event-slots.ts'

it('gives as many as there are, then in the order of asking', async () => {
  const slots = new EventSlots(2)
  await slots.acquire()
  await slots.acquire()
  const order: string[] = []
  const first = slots.acquire().then(() => order.push('first'))
  const second = slots.acquire().then(() => order.push('second'))
  await Promise.resolve()
  expect(order).toEqual([])
  expect(slots.used).toBe(2)
  slots.release()
  await first
  expect(order).toEqual(['first'])
  slots.release()
  await second
  slots.release()
  slots.release()
  expect(slots.used).toBe(0)
})

it('gives none to who has gone away', async () => {
  const slots = new EventSlots(1)
  await slots.acquire()
  const gone = new AbortController()
  const aborted = slots.acquire(gone.signal)
  const next = slots.acquire()
  gone.abort(new Error('gone'))
  await expect(aborted).rejects.toThrow('gone')
  slots.release()
  await next
  expect(slots.used).toBe(1)
  slots.release()
  await expect(slots.acquire(gone.signal)).rejects.toThrow('gone')
  expect(slots.used).toBe(0)
})

it('keeps a slot that was given before the signal came', async () => {
  const slots = new EventSlots(1)
  await slots.acquire()
  const controller = new AbortController()
  const given = slots.acquire(controller.signal)
  slots.release()
  controller.abort()
  await given
  expect(slots.used).toBe(1)
})
