import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name: 'typed-event', packages: ['zod'] })
})
afterAll(() => server[Symbol.asyncDispose]())

const order = {
  orderId: '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d',
  customer: 'ann@example.com',
  items: [{ sku: 'tea', quantity: 2, priceCents: 450 }],
}

test('an order is taken', async () => {
  expect((await server.invoke('typed-event', order)).payload).toEqual({ orderId: order.orderId, totalCents: 900 })
})

test('what is none is an error that says why', async () => {
  const { functionError, payload } = await server.invoke('typed-event', { ...order, customer: 'ann', items: [] })
  expect(functionError).toBe('Unhandled')
  expect(payload).toMatchObject({ errorType: 'InvalidOrder', errorMessage: expect.stringContaining('at customer') })
  expect(payload).toMatchObject({ errorMessage: expect.stringContaining('at items') })
})
