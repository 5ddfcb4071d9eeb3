/** Tells of changes below a folder, at once and not per file: what changed is for the reader to find out. */
import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs'
import { join, relative } from 'node:path'

/** One save is several events, some before the content is there. */
const quietMs = 15

/**
 * Calls `onChange` with the path of the last file that changed, from the folder. What packages and tools have in
 * `node_modules` and in folders with a dot is not looked at.
 */
export function watchFolder(folder: string, onChange: (path: string) => void): Disposable {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined

  const add = (directory: string): void => {
    if (watchers.has(directory)) return
    try {
      const watcher = watch(directory, (_event, name) => changed(directory, name ?? ''))
      watcher.on('error', () => drop(directory))
      watchers.set(directory, watcher)
      for (const entry of readdirSync(directory, { withFileTypes: true }))
        if (entry.isDirectory() && !ignored(entry.name)) add(join(directory, entry.name))
    } catch {
      // It went away between being found and being watched.
      drop(directory)
    }
  }
  const drop = (directory: string): void => {
    watchers.get(directory)?.close()
    watchers.delete(directory)
  }
  const changed = (directory: string, name: string): void => {
    if (ignored(name)) return
    const path = join(directory, name)
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) add(path)
    else if (watchers.has(path)) drop(path)
    clearTimeout(timer)
    timer = setTimeout(() => onChange(relative(folder, path)), quietMs)
  }

  add(folder)
  return {
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
      watchers.clear()
    },
  }
}

const ignored = (name: string): boolean => name === 'node_modules' || name.startsWith('.')
