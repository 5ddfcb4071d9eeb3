import { expect, test } from 'vitest'
import { LogBuffer } from '../../src/instance/log-buffer.ts'

test('keeps what fits and counts what does not', () => {
  const log = new LogBuffer(10)
  log.append(Buffer.from('12345678'))
  log.append(Buffer.from('9abcd'))
  log.append(Buffer.from('e'))
  expect(log.text()).toBe('123456789a')
  expect(log.droppedBytes).toBe(4)
  expect(log.heldBytes).toBe(10)
})

test('copies: the bytes may be guest memory', () => {
  const log = new LogBuffer(10)
  const bytes = Buffer.from('abc')
  log.append(bytes)
  bytes.fill(0)
  expect(log.text()).toBe('abc')
})

test('byte by byte is the same', () => {
  const log = new LogBuffer(2_000)
  for (let index = 0; index < 3_000; index++) log.append(Buffer.from(String(index % 10)))
  expect(log.text()).toBe('0123456789'.repeat(200))
  expect(log.droppedBytes).toBe(1_000)
})

test('nothing is nothing', () => {
  const log = new LogBuffer(10)
  log.append(new Uint8Array())
  expect(log.text()).toBe('')
})

test('what is no UTF-8 is shown as such', () => {
  const log = new LogBuffer(3)
  log.append(Buffer.from('aä€'))
  expect(log.text()).toBe('aä')
  const cut = new LogBuffer(2)
  cut.append(Buffer.from('a€'))
  expect(cut.text()).toBe('a\ufffd')
})
