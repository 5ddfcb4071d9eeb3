/** wasi:filesystem/types: the methods of a descriptor that take a path below it. */
import { borrow, own } from './abi/handles.ts'
import { string } from './abi/strings.ts'
import { newDescriptor } from './filesystem-resources.ts'
import {
  descriptorFlags,
  fallible,
  metadataHashValue,
  newTimestamp,
  openFlags,
  pathFlags,
  stat,
} from './filesystem-types.ts'
import { FileError } from './fs/file-error.ts'
import type { GuestFiles } from './fs/guest-files.ts'
import type { FileNode } from './fs/nodes.ts'
import { openAt } from './fs/open-at.ts'
import { directoryOf, metadataHash, setTimes, statOf, treeOf } from './fs/open-node.ts'
import type { OpenNode } from './fs/open-node.ts'
import type { HostFunction } from './state.ts'

const self = borrow('descriptor')

type PathFlags = ReadonlySet<'symlink-follow'>

const follows = (flags: PathFlags) => flags.has('symlink-follow')

function find(files: GuestFiles, open: OpenNode, flags: PathFlags, path: string): FileNode {
  return treeOf(files, open).find(directoryOf(files, open), path, follows(flags))
}

export const pathMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.open-at': fallible(
    [self, pathFlags, string, openFlags, descriptorFlags],
    own('descriptor'),
    ({ files }, open, flags, path, how, wanted) =>
      newDescriptor(files, openAt(files, open, follows(flags), path, how, wanted)),
  ),
  '[method]descriptor.create-directory-at': fallible([self, string], undefined, ({ files }, open, path) =>
    treeOf(files, open).createDirectory(directoryOf(files, open), path),
  ),
  '[method]descriptor.stat-at': fallible([self, pathFlags, string], stat, ({ files }, open, flags, path) =>
    statOf(find(files, open, flags, path)),
  ),
  '[method]descriptor.set-times-at': fallible(
    [self, pathFlags, string, newTimestamp, newTimestamp],
    undefined,
    ({ files }, open, flags, path, accessed, modified) =>
      setTimes(treeOf(files, open), find(files, open, flags, path), accessed, modified),
  ),
  '[method]descriptor.link-at': fallible(
    [self, pathFlags, string, self, string],
    undefined,
    ({ files }, open, flags, oldPath, other, newPath) => {
      const [from, to] = [directoryOf(files, open), directoryOf(files, other)]
      assertSameTree(open, other)
      treeOf(files, open).link(from, oldPath, follows(flags), to, newPath)
    },
  ),
  '[method]descriptor.rename-at': fallible(
    [self, string, self, string],
    undefined,
    ({ files }, open, oldPath, other, newPath) => {
      const [from, to] = [directoryOf(files, open), directoryOf(files, other)]
      assertSameTree(open, other)
      treeOf(files, open).rename(from, oldPath, to, newPath)
    },
  ),
  '[method]descriptor.symlink-at': fallible([self, string, string], undefined, ({ files }, open, target, path) =>
    treeOf(files, open).createSymbolicLink(directoryOf(files, open), path, target),
  ),
  '[method]descriptor.readlink-at': fallible([self, string], string, ({ files }, open, path) => {
    const node = treeOf(files, open).find(directoryOf(files, open), path, false)
    if (node.kind === 'symbolic-link') return node.target
    throw new FileError('invalid')
  }),
  '[method]descriptor.remove-directory-at': fallible([self, string], undefined, ({ files }, open, path) =>
    treeOf(files, open).removeDirectory(directoryOf(files, open), path),
  ),
  '[method]descriptor.unlink-file-at': fallible([self, string], undefined, ({ files }, open, path) =>
    treeOf(files, open).unlink(directoryOf(files, open), path),
  ),
  '[method]descriptor.metadata-hash-at': fallible(
    [self, pathFlags, string],
    metadataHashValue,
    ({ files }, open, flags, path) => metadataHash(open.preopen, find(files, open, flags, path)),
  ),
}

function assertSameTree(open: OpenNode, other: OpenNode): void {
  if (open.preopen !== other.preopen) throw new FileError('cross-device')
}
