/** In place of javascript/output.js: the engine's own console writes lines. */
import { decodeUtf8 } from './bytes.js'

const { error, log } = globalThis.console
const line = (data) => (typeof data === 'string' ? data : decodeUtf8(data)).replace(/\n$/, '')

/** @param {string | Uint8Array} data */
export const writeOut = (data) => log(line(data))
/** @param {string | Uint8Array} data */
export const writeError = (data) => error(line(data))
