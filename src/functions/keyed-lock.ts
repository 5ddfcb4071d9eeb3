/** Runs tasks of one key one after the other, tasks of different keys side by side. Holds nothing while idle. */
export interface KeyedLock {
  run<T>(key: string, task: () => Promise<T>): Promise<T>
}

export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>()
  return {
    async run(key, task) {
      const before = tails.get(key) ?? Promise.resolve()
      // The outcome of the task before is its own caller's business.
      const mine = before.then(task, task)
      tails.set(key, mine)
      try {
        return await mine
      } finally {
        if (tails.get(key) === mine) tails.delete(key)
      }
    },
  }
}
