/** node:path: path-browserify, whose paths are POSIX ones. */
const path = require('path-browserify')

module.exports = { ...path, toNamespacedPath: (value) => value }
module.exports.posix = module.exports
module.exports.win32 = module.exports
