/** What the guest SDK has for a function that asks for it: globals by name, Node's modules by name, and its own packages. */
import { realpathSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { guestSdk } from '../guest-sdk.ts'

/** By file: the globals it defines. */
const globalsByFile: Readonly<Record<string, readonly string[]>> = {
  'web/text.js': ['TextEncoder', 'TextDecoder'],
  'web/structured-clone.js': ['structuredClone'],
  'web/url.js': ['URL', 'URLSearchParams'],
  'web/url-pattern.js': ['URLPattern'],
  'web/events.js': ['Event', 'EventTarget', 'CustomEvent'],
  'web/abort.js': ['AbortController', 'AbortSignal'],
  'web/streams.js': [
    'ReadableStream',
    'ReadableStreamDefaultReader',
    'ReadableStreamBYOBReader',
    'ReadableStreamDefaultController',
    'ReadableByteStreamController',
    'ReadableStreamBYOBRequest',
    'WritableStream',
    'WritableStreamDefaultWriter',
    'WritableStreamDefaultController',
    'TransformStream',
    'TransformStreamDefaultController',
    'ByteLengthQueuingStrategy',
    'CountQueuingStrategy',
  ],
  'web/text-streams.js': ['TextEncoderStream', 'TextDecoderStream'],
  'web/blob.js': ['Blob', 'File'],
  'web/form-data.js': ['FormData'],
  'web/headers.js': ['Headers'],
  'web/request.js': ['Request'],
  'web/response.js': ['Response'],
  'web/fetch.js': ['fetch'],
  'web/subtle.js': ['CryptoKey', 'SubtleCrypto'],
  'web/navigator.js': ['navigator'],
  'web/report-error.js': ['reportError'],
  'node/buffer.cjs': ['Buffer'],
  'awslambda.js': ['awslambda'],
}

/** Global name to file. */
export const globalFiles: ReadonlyMap<string, string> = new Map(
  Object.entries(globalsByFile).flatMap(([file, names]) => names.map((name): [string, string] => [name, file])),
)

/** Properties that a file adds to what is there, `crypto.subtle`, and a handler's mark that it gives a meaning to. */
export const propertyFiles: ReadonlyMap<string, string> = new Map([
  ['subtle', 'web/subtle.js'],
  ['aws\\.lambda\\.runtime\\.handler\\.streaming', 'awslambda.js'],
])

export const asyncContextFile = 'async-context.js'
export const serveFile = 'web/serve.js'
export const rejectionsFile = 'rejections.js'

/** Node's modules, without `node:`. */
const nodeFiles: ReadonlyMap<string, string> = new Map(
  [
    'assert',
    'assert/strict',
    'async_hooks',
    'buffer',
    'console',
    'crypto',
    'events',
    'module',
    'os',
    'path',
    'path/posix',
    'perf_hooks',
    'process',
    'querystring',
    'stream',
    'stream/promises',
    'stream/web',
    'string_decoder',
    'timers',
    'timers/promises',
    'url',
    'util',
    'util/types',
  ].map((name) => [name, `node/${name.replace('/', '_')}.cjs`]),
)

/** The SDK's file for `path` or `node:path`; undefined if there is none. */
export function nodeModuleFile(source: string): string | undefined {
  const file = nodeFiles.get(source.replace(/^node:/, ''))
  return file === undefined ? undefined : join(guestSdk.javascript, file)
}

/** Thaw's own modules, by name. */
export const thawModules: ReadonlyMap<string, string> = new Map([['thaw:hooks', join(guestSdk.javascript, 'hooks.js')]])

/** What the SDK's packages import for an engine that has less than this SDK gives. */
const replacements: ReadonlyMap<string, string> = new Map([
  ['process/', 'node/process.cjs'],
  ['abort-controller', 'web/abort.js'],
])

export const replacementFile = (source: string): string | undefined => {
  const file = replacements.get(source)
  return file === undefined ? undefined : join(guestSdk.javascript, file)
}

/** Packages that the SDK is made with. */
export const sdkPackages: readonly string[] = [
  '@noble/hashes',
  ...['aes', 'binary', 'constant-time', 'ctr', 'gcm', 'int', 'wipe'].map((name) => `@stablelib/${name}`),
  'base64-js',
  'buffer',
  'core-js',
  'events',
  'ieee754',
  'path-browserify',
  'readable-stream',
  'safe-buffer',
  'string_decoder',
  'urlpattern-polyfill',
  'web-streams-polyfill',
]

/** Real paths of the SDK's packages, wherever npm has put them. One that another carries inside itself is in its folder. */
export function sdkPackageFolders(): string[] {
  const from = join(guestSdk.javascript, 'prelude.js')
  return sdkPackages.flatMap((name) => {
    const path = findPackageJSON(name, from)
    return path === undefined ? [] : [dirname(realpathSync(path))]
  })
}
