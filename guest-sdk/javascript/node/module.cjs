/**
 * node:module. What `createRequire` gives is asked for literals by the bundler, at build (src/build/languages/create-require.ts);
 * what comes here are names that only show when the function runs.
 */
const names = [
  'assert',
  'async_hooks',
  'buffer',
  'console',
  'crypto',
  'events',
  'module',
  'os',
  'path',
  'perf_hooks',
  'process',
  'querystring',
  'stream',
  'string_decoder',
  'timers',
  'url',
  'util',
]

function notFound(name) {
  const reason =
    'in Thaw all modules are bundled, and a require made by createRequire finds what is written as a literal'
  return Object.assign(new Error(`Cannot find module '${name}': ${reason}`), { code: 'MODULE_NOT_FOUND' })
}

function createRequire(filename) {
  if (typeof filename !== 'string' && !(filename !== null && typeof filename === 'object' && 'href' in filename)) {
    const message = 'The argument "filename" must be a file URL object, file URL string, or absolute path string.'
    throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' })
  }
  const require = (name) => {
    throw notFound(name)
  }
  require.resolve = require
  require.cache = {}
  return require
}

const isBuiltin = (name) =>
  names.includes(
    String(name)
      .replace(/^node:/, '')
      .split('/')[0],
  )

module.exports = { createRequire, isBuiltin, builtinModules: names }
