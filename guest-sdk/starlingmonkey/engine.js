/** In place of javascript/engine.js. */
export const engineVersion = { starlingmonkey: '0.22' }
export const engineMemory = () => ({ mallocSize: 0, memoryUsedSize: 0 })
