/** In place of javascript/random.js. */
export const { crypto } = globalThis
