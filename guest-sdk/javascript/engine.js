/** What is the engine's own. */
export const engineVersion = { quickjs: 'ng' }
/** @returns {{ mallocSize: number, memoryUsedSize: number }} bytes */
export const engineMemory = globalThis.__cqjs.getMemoryUsage
