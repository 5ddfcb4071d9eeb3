'use strict'
// A Lambda as it runs on AWS since years: CommonJS, a callback, a dependency in node_modules. Nothing in it knows Thaw.
const acorn = require('acorn')
const { countNodes } = require('./lib/count')

exports.handler = function (event, context, callback) {
  if (typeof event.source !== 'string') return callback(new TypeError('source is missing'))
  try {
    const program = acorn.parse(event.source, { ecmaVersion: 'latest', sourceType: 'module' })
    callback(null, { valid: true, nodes: countNodes(program), requestId: context.awsRequestId })
  } catch (error) {
    callback(null, { valid: false, message: error.message, line: error.loc.line, column: error.loc.column })
  }
}
