/** node:stream: readable-stream, which is Node's own. It looks for AbortController as it loads. */
require('../web/abort.js')
const { Stream } = require('readable-stream')
const promises = require('readable-stream/lib/stream/promises')

// `require('stream')` is the legacy constructor, and all else its properties.
Object.defineProperty(Stream, 'promises', { value: promises, configurable: true, enumerable: true })
module.exports = Stream
