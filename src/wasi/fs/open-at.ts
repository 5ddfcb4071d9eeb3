/** Opening by a path below something that is open. */
import { FileError } from './file-error.ts'
import type { GuestFiles } from './guest-files.ts'
import type { FileNode } from './nodes.ts'
import { directoryOf, treeOf } from './open-node.ts'
import type { DescriptorFlag, OpenNode } from './open-node.ts'
import { resolve } from './resolve.ts'

/** `open-flags`, in the order of the WIT. */
export const openFlagNames = ['create', 'directory', 'exclusive', 'truncate'] as const
export type OpenFlag = (typeof openFlagNames)[number]

/**
 * The caller tells the tree when it is closed. A folder may be changed if that which it was found in may: libc does not
 * ask for it by itself.
 */
export function openAt(
  files: GuestFiles,
  base: OpenNode,
  follow: boolean,
  path: string,
  how: ReadonlySet<OpenFlag>,
  flags: ReadonlySet<DescriptorFlag>,
): OpenNode & { readonly node: FileNode } {
  const folder = directoryOf(files, base)
  const create = how.has('create')
  const directory = how.has('directory')
  if (directory && (create || how.has('truncate'))) throw new FileError('invalid')
  const mutable = base.flags.has('mutate-directory')
  const changes = create || how.has('truncate') || flags.has('write') || flags.has('mutate-directory')
  if (changes && !mutable) {
    const { node } = resolve(folder, path, follow)
    throw new FileError(node === undefined && !create ? 'no-entry' : 'read-only')
  }
  const tree = treeOf(files, base)
  // Before it is opened, for that may make or truncate it.
  if (flags.has('write') && resolve(folder, path, follow).node?.kind === 'directory')
    throw new FileError('is-directory')
  const exclusive = how.has('exclusive')
  const node = tree.open(folder, path, { follow, create, exclusive, truncate: how.has('truncate'), directory })
  tree.opened(node)
  return { preopen: base.preopen, node, flags: flagsOf(node, flags, mutable) }
}

function flagsOf(node: FileNode, flags: ReadonlySet<DescriptorFlag>, mutable: boolean): ReadonlySet<DescriptorFlag> {
  const given = new Set(flags)
  if (node.kind === 'directory' && mutable) given.add('mutate-directory')
  else given.delete('mutate-directory')
  return given
}
