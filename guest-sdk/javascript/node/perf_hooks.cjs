/** node:perf_hooks: the clock. */
const { performance } = require('../performance.js')

module.exports = { performance, constants: {} }
