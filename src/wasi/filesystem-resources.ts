/** The resources of wasi:filesystem/types. */
import { pathOf } from './fs/guest-files.ts'
import type { GuestFiles, PreopenName } from './fs/guest-files.ts'
import type { Directory, FileNode } from './fs/nodes.ts'
import { openPreopen, treeOf } from './fs/open-node.ts'
import type { OpenNode } from './fs/open-node.ts'
import { held } from './io/held.ts'
import type { Held } from './io/held.ts'

export interface Descriptor extends Held, OpenNode {
  readonly type: 'descriptor'
  readonly parent: undefined
  /** As the guest knows it, for people. */
  path(): string
}

export interface DirectoryEntryStream extends Held {
  readonly type: 'directory-entry-stream'
  readonly parent: undefined
  readonly directory: Directory
  /** The `order` of the entry that was read last. */
  position: number
}

export interface FileResourceTypes {
  descriptor: Descriptor
  'directory-entry-stream': DirectoryEntryStream
}

/** Precondition: its tree counts it as open (`Tree.opened`); dropped, it no longer does. */
export function newDescriptor(files: GuestFiles, open: OpenNode & { readonly node: FileNode }): Descriptor {
  return {
    type: 'descriptor',
    ...held(undefined),
    ...open,
    path: () => `${open.preopen}/${pathOf(treeOf(files, open).root, open.node) ?? ''}`,
    release: () => treeOf(files, open).closed(open.node),
  }
}

/** A folder that is open from the begin. It names the folder, so a snapshot can hold it. */
export function newPreopen(preopen: PreopenName): Descriptor {
  return { type: 'descriptor', ...held(undefined), ...openPreopen(preopen), path: () => preopen }
}

export function newDirectoryEntryStream(directory: Directory): DirectoryEntryStream {
  return { type: 'directory-entry-stream', ...held(undefined), directory, position: 0 }
}
