'use strict'

exports.countNodes = function countNodes(value) {
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + countNodes(item), 0)
  if (value === null || typeof value !== 'object') return 0
  return (typeof value.type === 'string' ? 1 : 0) + countNodes(Object.values(value))
}
