/** In place of javascript/bytes.js: the engine has UTF-8 both ways. */
const encoder = new TextEncoder()
const lossy = new TextDecoder('utf-8', { ignoreBOM: true })
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** @param {string} text @returns {Uint8Array} */
export const encodeUtf8 = (text) => encoder.encode(text)

/** @param {Uint8Array} bytes @returns {string} */
export const decodeUtf8 = (bytes, fatal = false) => (fatal ? strict : lossy).decode(bytes)
