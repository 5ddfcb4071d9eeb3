import { describe, expect, test } from 'vitest'
import {
  answerTo,
  breachOf,
  CanaryBreach,
  checkAnswer,
  constantAnswer,
  ID_DIGITS,
  idOf,
  requestBody,
} from '../../bench/canary.ts'

const id = idOf(7, 255)

describe('ids', () => {
  test('have one length, and are what the request carries', () => {
    expect(id).toBe('00000007000000ff')
    expect(id).toHaveLength(ID_DIGITS)
    expect(requestBody(id)).toBe('{"id":"00000007000000ff"}')
  })

  test('all answers are of one size, the constant one as well', () => {
    expect(constantAnswer).toHaveLength(answerTo(id).length)
  })
})

describe('a pristine answer', () => {
  test('has the id and says that it is the first', () => {
    expect(breachOf('pristine', id, `{"id":"${id}","count":1}`)).toBeUndefined()
  })

  test('that counts on shows state of earlier invocations', () => {
    expect(breachOf('pristine', id, `{"id":"${id}","count":3}`)).toBe('saw the state of 2 earlier invocations')
  })

  test("with another's id is a breach", () => {
    expect(breachOf('pristine', id, answerTo(idOf(7, 254)))).toContain('00000007000000fe')
  })

  test.each(['', '{}', `{"id":"${id}","count":}`, `{"id":"${id}","count":1}x`, 'null'])('is not %j', (answer) => {
    expect(breachOf('pristine', id, answer)).toContain('answered')
  })
})

test('a stateful answer may count on, but must have the id', () => {
  expect(breachOf('stateful', id, `{"id":"${id}","count":12345}`)).toBeUndefined()
  expect(breachOf('stateful', id, answerTo(idOf(0, 0)))).toBeDefined()
})

test('a constant answer is the constant one, whatever was asked', () => {
  expect(breachOf('constant', id, constantAnswer)).toBeUndefined()
  expect(breachOf('constant', id, answerTo(id))).toBeDefined()
})

test('a breach is thrown with the name of who it was', () => {
  expect(() => checkAnswer('js, reset:', 'pristine', id, '{}')).toThrow(CanaryBreach)
  expect(() => checkAnswer('js, reset:', 'pristine', id, '{}')).toThrow(/^js, reset: answered/)
})
