/** wasi:filesystem by its WIT: folders, names and links. */
import { bytes, f, links, long, rows } from './filesystem.support.ts'
import type { FileGuest } from './filesystem.support.ts'

rows('directories', [
  ['create', (g) => [g.on(g.tmp, 'create-directory-at', 'd'), g.kind(g.tmp, 'd')], [undefined, 'directory 0']],
  [
    'create with a slash',
    (g) => [g.on(g.tmp, 'create-directory-at', 'd/'), g.kind(g.tmp, 'd')],
    [undefined, 'directory 0'],
  ],
  ['create where a folder is', f((g) => g.on(g.tmp, 'create-directory-at', 'dir')), 'exist'],
  ['create where a file is', f((g) => g.on(g.tmp, 'create-directory-at', 'file')), 'exist'],
  [
    'create where a link is, though it leads nowhere',
    f((g) => g.on(g.tmp, 'create-directory-at', 'to-nothing')),
    'exist',
  ],
  ['create in nothing', (g) => g.on(g.tmp, 'create-directory-at', 'a/b'), 'no-entry'],
  ['create in a file', f((g) => g.on(g.tmp, 'create-directory-at', 'file/b')), 'not-directory'],
  ['create the folder itself', (g) => g.on(g.tmp, 'create-directory-at', '.'), 'exist'],
  ['create without a path', (g) => g.on(g.tmp, 'create-directory-at', ''), 'no-entry'],
  ['create with a long name', (g) => g.on(g.tmp, 'create-directory-at', long), 'name-too-long'],
  ['create in the package', (g) => g.on(g.task, 'create-directory-at', 'new'), 'read-only'],
  ['create in the package what is there', (g) => g.on(g.task, 'create-directory-at', 'data'), 'exist'],
  ['create relative to a file', f((g) => g.on(g.opened(g.tmp, 'file'), 'create-directory-at', 'x')), 'not-directory'],
  [
    'create in a folder that was opened',
    f((g) => [g.on(g.opened(g.tmp, 'dir'), 'create-directory-at', 'x'), g.kind(g.tmp, 'dir/x')]),
    [undefined, 'directory 0'],
  ],
  [
    'create in a folder that was removed',
    f((g) => {
      const sub = g.opened(g.tmp, 'dir/sub')
      g.on(g.tmp, 'remove-directory-at', 'dir/sub')
      return [g.on(sub, 'create-directory-at', 'x'), g.open(sub, 'y', ['create'], ['write'])]
    }),
    ['no-entry', 'no-entry'],
  ],
  [
    'remove',
    f((g) => [g.on(g.tmp, 'remove-directory-at', 'dir/sub'), g.kind(g.tmp, 'dir/sub')]),
    [undefined, 'no-entry'],
  ],
  ['remove with a slash', f((g) => g.on(g.tmp, 'remove-directory-at', 'dir/sub/')), undefined],
  ['remove what is not empty', f((g) => g.on(g.tmp, 'remove-directory-at', 'dir')), 'not-empty'],
  ['remove a file', f((g) => g.on(g.tmp, 'remove-directory-at', 'file')), 'not-directory'],
  ['remove a link to a folder', f((g) => g.on(g.tmp, 'remove-directory-at', 'to-dir')), 'not-directory'],
  ['remove nothing', (g) => g.on(g.tmp, 'remove-directory-at', 'none'), 'no-entry'],
  ['remove the folder itself', (g) => g.on(g.tmp, 'remove-directory-at', '.'), 'invalid'],
  ['remove in the package', (g) => g.on(g.task, 'remove-directory-at', 'data'), 'not-empty'],
  ['list', f((g) => g.list(g.opened(g.tmp, 'dir'))), ['sub directory', 'file regular-file']],
  ['list with links', (g) => [g.on(g.tmp, 'symlink-at', 'x', 'l'), g.list(g.tmp)], [undefined, ['l symbolic-link']]],
  ['list nothing', (g) => g.list(g.tmp), []],
  ['list a file', f((g) => g.list(g.opened(g.tmp, 'file'))), 'not-directory'],
  ['list the package', (g) => g.list(g.task), ['config.json regular-file', 'data directory']],
  [
    'two listings do not interfere',
    f((g) => {
      const dir = g.opened(g.tmp, 'dir')
      const [a, b] = [Number(g.on(dir, 'read-directory')), Number(g.on(dir, 'read-directory'))]
      return [g.next(a), g.next(a), g.next(b), g.next(a), g.next(b), g.next(b)]
    }),
    ['sub directory', 'file regular-file', 'sub directory', undefined, 'file regular-file', undefined],
  ],
  [
    'a listing goes on while its folder changes',
    (g) => {
      for (const name of ['a', 'b', 'c']) g.put(name)
      const stream = Number(g.on(g.tmp, 'read-directory'))
      const first = g.next(stream)
      g.on(g.tmp, 'unlink-file-at', 'a')
      g.on(g.tmp, 'unlink-file-at', 'b')
      g.put('d')
      return [first, g.next(stream), g.next(stream), g.next(stream)]
    },
    ['a regular-file', 'c regular-file', 'd regular-file', undefined],
  ],
])

rows('unlink-file-at', [
  ['a file', f((g) => [g.on(g.tmp, 'unlink-file-at', 'file'), g.kind(g.tmp, 'file')]), [undefined, 'no-entry']],
  [
    'a link, not what it leads to',
    f((g) => [g.on(g.tmp, 'unlink-file-at', 'to-file'), g.read(g.tmp, 'dir/file')]),
    [undefined, 'inside'],
  ],
  ['a folder', f((g) => g.on(g.tmp, 'unlink-file-at', 'dir')), 'is-directory'],
  ['the folder itself', (g) => g.on(g.tmp, 'unlink-file-at', '.'), 'is-directory'],
  ['nothing', (g) => g.on(g.tmp, 'unlink-file-at', 'none'), 'no-entry'],
  ['a file with a slash', f((g) => g.on(g.tmp, 'unlink-file-at', 'file/')), 'not-directory'],
  ['in the package', (g) => g.on(g.task, 'unlink-file-at', 'config.json'), 'read-only'],
  [
    'what is open goes on',
    f((g) => {
      const file = g.opened(g.tmp, 'file', [], ['read', 'write'])
      g.on(g.tmp, 'unlink-file-at', 'file')
      g.on(file, 'write', bytes('J'), 0n)
      return [g.contents(file), g.kind(g.tmp, 'file')]
    }),
    ['Jello world', 'no-entry'],
  ],
])

rows('rename-at', [
  [
    'a file',
    f((g) => [g.on(g.tmp, 'rename-at', 'file', g.tmp, 'new'), g.read(g.tmp, 'new'), g.kind(g.tmp, 'file')]),
    [undefined, 'hello world', 'no-entry'],
  ],
  [
    'over a file',
    f((g) => [g.on(g.tmp, 'rename-at', 'file', g.tmp, 'dir/file'), g.read(g.tmp, 'dir/file')]),
    [undefined, 'hello world'],
  ],
  [
    'a folder with what is in it',
    f((g) => [g.on(g.tmp, 'rename-at', 'dir', g.tmp, 'new'), g.read(g.tmp, 'new/file')]),
    [undefined, 'inside'],
  ],
  [
    'over an empty folder',
    f((g) => [
      g.on(g.tmp, 'create-directory-at', 'e'),
      g.on(g.tmp, 'rename-at', 'dir', g.tmp, 'e'),
      g.read(g.tmp, 'e/file'),
    ]),
    [undefined, undefined, 'inside'],
  ],
  [
    'over a folder that is not empty',
    f((g) => [g.on(g.tmp, 'create-directory-at', 'e'), g.on(g.tmp, 'rename-at', 'e', g.tmp, 'dir')]),
    [undefined, 'not-empty'],
  ],
  ['a file over a folder', f((g) => g.on(g.tmp, 'rename-at', 'file', g.tmp, 'dir/sub')), 'is-directory'],
  ['a folder over a file', f((g) => g.on(g.tmp, 'rename-at', 'dir', g.tmp, 'file')), 'not-directory'],
  ['a folder into itself', f((g) => g.on(g.tmp, 'rename-at', 'dir', g.tmp, 'dir/sub/dir')), 'invalid'],
  [
    'a folder into itself, through a folder that is open',
    f((g) => g.on(g.tmp, 'rename-at', 'dir', g.opened(g.tmp, 'dir/sub'), 'dir')),
    'invalid',
  ],
  [
    'to its own name',
    f((g) => [g.on(g.tmp, 'rename-at', 'file', g.tmp, 'file'), g.read(g.tmp, 'file')]),
    [undefined, 'hello world'],
  ],
  ['nothing', (g) => g.on(g.tmp, 'rename-at', 'none', g.tmp, 'x'), 'no-entry'],
  ['to a folder that is not there', f((g) => g.on(g.tmp, 'rename-at', 'file', g.tmp, 'none/x')), 'no-entry'],
  ['a file to a name with a slash', f((g) => g.on(g.tmp, 'rename-at', 'file', g.tmp, 'new/')), 'not-directory'],
  [
    'a folder to a name with a slash',
    f((g) => [g.on(g.tmp, 'rename-at', 'dir', g.tmp, 'new/'), g.kind(g.tmp, 'new/file')]),
    [undefined, 'regular-file 6'],
  ],
  ['the folder itself', (g) => g.on(g.tmp, 'rename-at', '.', g.tmp, 'x'), 'invalid'],
  ['to the folder itself', f((g) => g.on(g.tmp, 'rename-at', 'file', g.tmp, '.')), 'invalid'],
  [
    'a link, not what it leads to',
    f((g) => [g.on(g.tmp, 'rename-at', 'to-file', g.tmp, 'l'), g.kind(g.tmp, 'l', false)]),
    [undefined, 'symbolic-link 8'],
  ],
  [
    'to a long name',
    f((g) => [g.on(g.tmp, 'rename-at', 'file', g.tmp, long), g.read(g.tmp, 'file')]),
    ['name-too-long', 'hello world'],
  ],
  ['from one tree to the other', f((g) => g.on(g.tmp, 'rename-at', 'file', g.task, 'file')), 'cross-device'],
  ['out of the package', (g) => g.on(g.task, 'rename-at', 'config.json', g.tmp, 'x'), 'cross-device'],
  ['in the package', (g) => g.on(g.task, 'rename-at', 'config.json', g.task, 'x'), 'read-only'],
  [
    'what is open stays open',
    f((g) => {
      const file = g.opened(g.tmp, 'file')
      g.on(g.tmp, 'rename-at', 'file', g.tmp, 'new')
      g.put('file', 'another')
      return [g.contents(file), g.read(g.tmp, 'file')]
    }),
    ['hello world', 'another'],
  ],
])

const hard = (g: FileGuest, from: string, to: string, follow = false) =>
  g.on(g.tmp, 'link-at', links(follow), from, g.tmp, to)

const linkCount = (g: FileGuest, path: string) => {
  const stat = g.stat(g.tmp, path)
  return typeof stat === 'object' && stat !== null && 'linkCount' in stat ? stat.linkCount : stat
}

rows('link-at', [
  [
    'is the same file',
    f((g) => [hard(g, 'file', 'other'), g.read(g.tmp, 'other'), linkCount(g, 'file')]),
    [undefined, 'hello world', 2n],
  ],
  [
    'what is written to one is read from the other',
    f((g) => {
      hard(g, 'file', 'other')
      g.on(g.opened(g.tmp, 'other', [], ['write']), 'write', bytes('J'), 0n)
      return g.read(g.tmp, 'file')
    }),
    'Jello world',
  ],
  [
    'one name less',
    f((g) => [
      hard(g, 'file', 'other'),
      g.on(g.tmp, 'unlink-file-at', 'file'),
      g.read(g.tmp, 'other'),
      linkCount(g, 'other'),
    ]),
    [undefined, undefined, 'hello world', 1n],
  ],
  [
    'renaming one over the other changes nothing',
    f((g) => [hard(g, 'file', 'other'), g.on(g.tmp, 'rename-at', 'file', g.tmp, 'other'), linkCount(g, 'file')]),
    [undefined, undefined, 2n],
  ],
  ['to nothing', (g) => hard(g, 'none', 'other'), 'no-entry'],
  ['where something is', f((g) => hard(g, 'file', 'dir')), 'exist'],
  ['of a folder', f((g) => hard(g, 'dir', 'other')), 'not-permitted'],
  ['of a symbolic link', f((g) => hard(g, 'to-file', 'other')), 'not-permitted'],
  [
    'through a symbolic link',
    f((g) => [hard(g, 'to-file', 'other', true), g.read(g.tmp, 'other')]),
    [undefined, 'inside'],
  ],
  ['with a slash', f((g) => hard(g, 'file', 'other/')), 'no-entry'],
  ['into the package', f((g) => g.on(g.tmp, 'link-at', links(false), 'file', g.task, 'x')), 'cross-device'],
  ['in the package', (g) => g.on(g.task, 'link-at', links(false), 'config.json', g.task, 'x'), 'read-only'],
])

rows('symlink-at and readlink-at', [
  [
    'says what it was made with',
    (g) => [g.on(g.tmp, 'symlink-at', '../any/thing', 'l'), g.on(g.tmp, 'readlink-at', 'l')],
    [undefined, '../any/thing'],
  ],
  ['where something is', f((g) => g.on(g.tmp, 'symlink-at', 'x', 'file')), 'exist'],
  ['where a link is that leads nowhere', f((g) => g.on(g.tmp, 'symlink-at', 'x', 'to-nothing')), 'exist'],
  ['to nothing', (g) => g.on(g.tmp, 'symlink-at', '', 'l'), 'no-entry'],
  ['with a slash', (g) => g.on(g.tmp, 'symlink-at', 'x', 'l/'), 'no-entry'],
  ['to more than 4,096 bytes', (g) => g.on(g.tmp, 'symlink-at', 'x'.repeat(4_097), 'l'), 'name-too-long'],
  ['in the package', (g) => g.on(g.task, 'symlink-at', 'x', 'l'), 'read-only'],
  ['reading what is no link', f((g) => g.on(g.tmp, 'readlink-at', 'file')), 'invalid'],
  ['reading a folder', f((g) => g.on(g.tmp, 'readlink-at', 'dir')), 'invalid'],
  ['reading nothing', (g) => g.on(g.tmp, 'readlink-at', 'none'), 'no-entry'],
  [
    'reading through a link on the way',
    f((g) => [g.on(g.tmp, 'symlink-at', 'x', 'dir/l'), g.on(g.tmp, 'readlink-at', 'to-dir/l')]),
    [undefined, 'x'],
  ],
])
