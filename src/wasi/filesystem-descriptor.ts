/** wasi:filesystem/types: the methods of a descriptor that take no path. */
import { borrow, own } from './abi/handles.ts'
import { bytes } from './abi/lists.ts'
import { tuple } from './abi/records.ts'
import { bool, u64 } from './abi/scalars.ts'
import { newDirectoryEntryStream } from './filesystem-resources.ts'
import {
  advice,
  descriptorFlags,
  descriptorType,
  fallible,
  metadataHashValue,
  newTimestamp,
  stat,
} from './filesystem-types.ts'
import {
  directoryOf,
  metadataHash,
  nodeOf,
  readAt,
  readable,
  resize,
  setTimes,
  statOf,
  treeOf,
  writeAt,
} from './fs/open-node.ts'
import { define } from './state.ts'
import type { HostFunction } from './state.ts'

const self = borrow('descriptor')

// There is no disk to write to, and none to read ahead from that would be worth it.
const nothing = () => undefined

export const descriptorMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.advise': fallible([self, u64, u64, advice], undefined, nothing),
  '[method]descriptor.sync-data': fallible([self], undefined, nothing),
  '[method]descriptor.sync': fallible([self], undefined, nothing),
  '[method]descriptor.get-flags': fallible([self], descriptorFlags, (_state, { flags }) => flags),
  '[method]descriptor.get-type': fallible([self], descriptorType, ({ files }, open) => nodeOf(files, open).kind),
  '[method]descriptor.set-size': fallible([self, u64], undefined, ({ files }, open, size) => resize(files, open, size)),
  '[method]descriptor.set-times': fallible(
    [self, newTimestamp, newTimestamp],
    undefined,
    ({ files }, open, accessed, modified) => setTimes(treeOf(files, open), nodeOf(files, open), accessed, modified),
  ),
  '[method]descriptor.read': fallible(
    [self, u64, u64],
    tuple<[Uint8Array, boolean]>([bytes, bool]),
    ({ files, limits }, open, length, offset): [Uint8Array, boolean] => {
      const most = length < limits.hostCallBytes ? Number(length) : limits.hostCallBytes
      const read = readAt(readable(files, open), offset, most)
      return [read.bytes, read.end]
    },
  ),
  '[method]descriptor.write': fallible([self, bytes, u64], u64, ({ files, limits }, open, contents, offset) => {
    const written = contents.subarray(0, limits.hostCallBytes)
    writeAt(files, open, offset, written)
    return BigInt(written.length)
  }),
  '[method]descriptor.read-directory': fallible([self], own('directory-entry-stream'), ({ files }, open) =>
    newDirectoryEntryStream(directoryOf(files, open)),
  ),
  '[method]descriptor.stat': fallible([self], stat, ({ files }, open) => statOf(nodeOf(files, open))),
  '[method]descriptor.is-same-object': define(
    [self, self],
    bool,
    ({ files }, open, other) => nodeOf(files, open) === nodeOf(files, other),
  ),
  '[method]descriptor.metadata-hash': fallible([self], metadataHashValue, ({ files }, open) =>
    metadataHash(open.preopen, nodeOf(files, open)),
  ),
}
