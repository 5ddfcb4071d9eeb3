/** In place of javascript/performance.js. */
export const { performance } = globalThis
