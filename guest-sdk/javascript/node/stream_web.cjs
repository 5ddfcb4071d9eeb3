/** node:stream/web. */
const { isDisturbed: _, ...streams } = require('../web/streams.js')

module.exports = { ...streams, ...require('../web/text-streams.js') }
