/**
 * wasi:filesystem: /tmp, which is the invocation's own and empty at its begin, and /var/task, the files that came with
 * the function's code. Nothing waits: all of it is in memory or in one local file.
 */
import { borrow, own } from './abi/handles.ts'
import { list } from './abi/lists.ts'
import { tuple } from './abi/records.ts'
import { string } from './abi/strings.ts'
import { option } from './abi/variants.ts'
import { descriptorMethods } from './filesystem-descriptor.ts'
import { pathMethods } from './filesystem-paths.ts'
import { newPreopen } from './filesystem-resources.ts'
import type { Descriptor } from './filesystem-resources.ts'
import { streamMethods } from './filesystem-streams.ts'
import { directoryEntry, errorCode, fallible } from './filesystem-types.ts'
import type { DirectoryEntryRecord } from './filesystem-types.ts'
import { preopenNames } from './fs/guest-files.ts'
import { define } from './state.ts'
import type { HostInterfaces } from './state.ts'

export const filesystem: HostInterfaces = {
  'wasi:filesystem/preopens': {
    resources: [],
    functions: {
      'get-directories': define([], list(tuple<[Descriptor, string]>([own('descriptor'), string])), () =>
        preopenNames.map((name): [Descriptor, string] => [newPreopen(name), name]),
      ),
    },
  },
  'wasi:filesystem/types': {
    resources: ['descriptor', 'directory-entry-stream'],
    functions: {
      ...descriptorMethods,
      ...pathMethods,
      ...streamMethods,
      '[method]directory-entry-stream.read-directory-entry': fallible(
        [borrow('directory-entry-stream')],
        option(directoryEntry),
        (_state, stream): DirectoryEntryRecord | undefined => {
          const entry = stream.directory.after(stream.position)
          if (entry === undefined) return undefined
          stream.position = entry.order
          return { type: entry.node.kind, name: entry.name }
        },
      ),
      'filesystem-error-code': define([borrow('error')], option(errorCode), (_state, error) => error.fileCode),
    },
  },
}
