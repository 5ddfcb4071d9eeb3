import { expect, test } from 'vitest'
import { ThawError } from '../../src/errors.ts'
import { failureOf, GuestAborted, GuestTimeout, type RunFacts } from '../../src/instance/guest-errors.ts'
import { GuestExit, GuestLimit, GuestTrap } from '../../src/wasi/errors.ts'

const run: RunFacts = { requestId: 'id', timeoutMs: 1_500, memoryMb: 128, memoryRefused: false }

test.each([
  [new GuestTimeout(), 'Sandbox.Timedout', 'Task timed out after 1.50 seconds'],
  [new GuestAborted(), 'Runtime.Aborted', 'The caller closed the connection'],
  [new GuestExit(0), 'Runtime.ExitError', 'Runtime exited without providing a reason'],
  [new GuestExit(3), 'Runtime.ExitError', 'Runtime exited with error: exit status 1'],
  [new GuestLimit('handles', 'too many'), 'Runtime.LimitExceeded', 'too many (limit handles)'],
  [new GuestTrap('bad pointer'), 'Runtime.Trap', 'Runtime exited with error: wasm trap: bad pointer'],
  [new RangeError('Maximum call stack size exceeded'), 'Runtime.StackOverflow', 'Maximum call stack size exceeded'],
])('%s', (error, errorType, message) => {
  expect(failureOf(error, run)).toEqual({ errorType, errorMessage: `RequestId: id Error: ${message}` })
})

test('a trap after memory was refused is for want of memory', () => {
  expect(failureOf(new WebAssembly.RuntimeError('unreachable'), { ...run, memoryRefused: true })).toEqual({
    errorType: 'Runtime.OutOfMemory',
    errorMessage: 'RequestId: id Error: Memory limit exceeded: MemorySize is 128 MB (unreachable)',
  })
  expect(failureOf(new GuestTimeout(), { ...run, memoryRefused: true }).errorType).toBe('Sandbox.Timedout')
})

test('what no guest can cause is a defect, not the function’s error', () => {
  const cause = new TypeError('undefined is not a function')
  const failing = () => failureOf(cause, run)
  expect(failing).toThrow(ThawError)
  expect(failing).toThrow(expect.objectContaining({ code: 'Service', cause }))
})
