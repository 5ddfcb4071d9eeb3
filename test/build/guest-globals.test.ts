import { expect, test } from 'vitest'
import { mentionedGlobals } from '../../src/build/languages/guest-globals.ts'

const cases: [name: string, code: string, files: string[]][] = [
  ['a call', 'new URL("x")', ['web/url.js']],
  ['typeof', 'if (typeof fetch === "function") go()', ['web/fetch.js']],
  ['a property of globalThis', 'const { Headers } = globalThis', ['web/headers.js']],
  ['by name', 'globalThis["Blob"]', ['web/blob.js']],
  ['a shorthand property', 'go({ Buffer })', ['node/buffer.cjs']],
  ['through Function', 'const root = Function("return this")(); root.Buffer', ['node/buffer.cjs']],
  ['crypto.subtle', 'crypto.subtle.digest("SHA-256", data)', ['web/subtle.js']],
  ['several', 'new Response(new FormData())', ['web/response.js', 'web/form-data.js']],
  ['a property of something else', 'event.Request + event["URL"]', []],
  ['a key', 'go({ Response: 1 })', []],
  ['a string', 'go("fetch")', []],
  ['a comment', '// new URL()\ngo()', []],
  ["the module's own", 'class Request {}\nnew Request()', []],
  ['a method', 'class A { fetch() {} }', []],
  ['what cannot be parsed', 'new URL(', ['web/url.js']],
]

test.each(cases)('%s', (_, code, files) => {
  expect([...mentionedGlobals([code])].sort()).toEqual([...files].sort())
})
