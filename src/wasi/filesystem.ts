/**
 * wasi:filesystem, because every component made with wasi-libc imports it: there are no preopened folders, hence no
 * descriptor can come to exist, hence every method ends at its unknown `self`, which is all it needs to lift.
 */
import { borrow, own } from './abi/handles.ts'
import { list } from './abi/lists.ts'
import { tuple } from './abi/records.ts'
import { string } from './abi/strings.ts'
import { enumeration, option } from './abi/variants.ts'
import { GuestTrap } from './errors.ts'
import { define } from './state.ts'
import type { HostFunction, HostInterfaces } from './state.ts'

const DESCRIPTOR_METHODS =
  'read-via-stream write-via-stream append-via-stream advise sync-data get-flags get-type set-size set-times read ' +
  'write read-directory sync create-directory-at stat stat-at set-times-at link-at open-at readlink-at ' +
  'remove-directory-at rename-at symlink-at unlink-file-at is-same-object metadata-hash metadata-hash-at'

function neverReached(): never {
  throw new GuestTrap('wasi:filesystem has no files')
}

const descriptorMethod = define([borrow('descriptor')], undefined, neverReached)

function descriptorMethods(): Record<string, HostFunction> {
  return Object.fromEntries(
    DESCRIPTOR_METHODS.split(' ').map((name) => [`[method]descriptor.${name}`, descriptorMethod]),
  )
}

// Only none is ever returned; the cases give the type its shape (37 of them fit one byte).
const errorCode = option(enumeration('access'))

export const filesystem: HostInterfaces = {
  'wasi:filesystem/preopens': {
    resources: [],
    functions: {
      'get-directories': define([], list(tuple<[never, string]>([own('descriptor'), string])), () => []),
    },
  },
  'wasi:filesystem/types': {
    resources: ['descriptor', 'directory-entry-stream'],
    functions: {
      ...descriptorMethods(),
      '[method]directory-entry-stream.read-directory-entry': define(
        [borrow('directory-entry-stream')],
        undefined,
        neverReached,
      ),
      'filesystem-error-code': define([borrow('error')], errorCode, () => undefined),
    },
  },
}
