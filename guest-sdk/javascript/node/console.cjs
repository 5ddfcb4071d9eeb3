module.exports = require('../console.js').console
