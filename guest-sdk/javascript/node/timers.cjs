/** node:timers. */
const timers = require('../timers.js')

module.exports = {
  setTimeout: timers.setTimeout,
  setInterval: timers.setInterval,
  setImmediate: timers.setImmediate,
  clearTimeout: timers.clearTimeout,
  clearInterval: timers.clearTimeout,
  clearImmediate: timers.clearTimeout,
  get promises() {
    return require('./timers_promises.cjs')
  },
}
