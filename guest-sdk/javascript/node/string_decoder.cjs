/** node:string_decoder: the `string_decoder` package. */
module.exports = require('string_decoder/')
