/** wasi:filesystem by its WIT: open-at, and that no way leads out. */
import { f, links, long, now, outside, rows } from './filesystem.support.ts'
import type { FileGuest } from './filesystem.support.ts'

rows('open-at', [
  ['a file', f((g) => g.read(g.tmp, 'file')), 'hello world'],
  ['a file below', f((g) => g.read(g.tmp, 'dir/file')), 'inside'],
  ['dots and slashes on the way', f((g) => g.read(g.tmp, './dir//./sub/../file')), 'inside'],
  ['through a link to a folder', f((g) => g.read(g.tmp, 'to-dir/file')), 'inside'],
  ['a link at the end, followed', f((g) => g.read(g.tmp, 'to-file')), 'inside'],
  ['a link at the end, not followed', f((g) => g.open(g.tmp, 'to-file', [], ['read'], false)), 'loop'],
  ['a link that leads nowhere', f((g) => g.open(g.tmp, 'to-nothing')), 'no-entry'],
  [
    'creating through a link that leads nowhere',
    f((g) => [typeof g.open(g.tmp, 'to-nothing', ['create'], ['write']), g.kind(g.tmp, 'nowhere')]),
    ['number', 'regular-file 0'],
  ],
  [
    'creating a file exclusively does not follow links',
    f((g) => g.open(g.tmp, 'to-nothing', ['create', 'exclusive'], ['write'])),
    'exist',
  ],
  ['a file that is not there', (g) => g.open(g.tmp, 'none'), 'no-entry'],
  ['a folder on the way that is not there', (g) => g.open(g.tmp, 'none/file', ['create'], ['write']), 'no-entry'],
  ['a file on the way', f((g) => g.open(g.tmp, 'file/x')), 'not-directory'],
  ['a file with a slash', f((g) => g.open(g.tmp, 'file/')), 'not-directory'],
  ['a file with a dot below', f((g) => g.open(g.tmp, 'file/.')), 'not-directory'],
  ['no path', (g) => g.open(g.tmp, ''), 'no-entry'],
  ['the folder itself', (g) => g.on(g.opened(g.tmp, '.'), 'get-type'), 'directory'],
  ['a file where a folder is wanted', f((g) => g.open(g.tmp, 'file', ['directory'])), 'not-directory'],
  ['a folder where one is wanted', f((g) => g.on(g.opened(g.tmp, 'dir/', ['directory']), 'get-type')), 'directory'],
  ['a folder to be written', f((g) => g.open(g.tmp, 'dir', [], ['write'])), 'is-directory'],
  ['a folder to be truncated', f((g) => g.open(g.tmp, 'dir', ['truncate'], ['read'])), 'is-directory'],
  ['a folder to be created as a file', f((g) => g.open(g.tmp, 'dir', ['create'])), 'is-directory'],
  ['a folder cannot be created so', (g) => g.open(g.tmp, 'dir', ['create', 'directory']), 'invalid'],
  ['a file created with a slash', (g) => g.open(g.tmp, 'new/', ['create'], ['write']), 'is-directory'],
  ['create makes an empty file', (g) => [g.put('new'), g.kind(g.tmp, 'new')], [undefined, 'regular-file 0']],
  [
    'create leaves a file as it is',
    f((g) => [g.open(g.tmp, 'file', ['create']), g.read(g.tmp, 'file')][1]),
    'hello world',
  ],
  ['create exclusively where a file is', f((g) => g.open(g.tmp, 'file', ['create', 'exclusive'])), 'exist'],
  ['create exclusively where none is', (g) => typeof g.open(g.tmp, 'x', ['create', 'exclusive'], ['write']), 'number'],
  [
    'truncate empties a file',
    f((g) => [g.opened(g.tmp, 'file', ['truncate'], ['write']), g.kind(g.tmp, 'file')][1]),
    'regular-file 0',
  ],
  ['truncate makes no file', (g) => g.open(g.tmp, 'x', ['truncate'], ['write']), 'no-entry'],
  ['a name of 255 bytes', (g) => typeof g.open(g.tmp, 'n'.repeat(255), ['create'], ['write']), 'number'],
  ['a name of 256 bytes', (g) => g.open(g.tmp, long, ['create'], ['write']), 'name-too-long'],
  ['a name of 256 bytes on the way', (g) => g.open(g.tmp, `${long}/x`), 'name-too-long'],
  ['a path of more than 4,096 bytes', (g) => g.open(g.tmp, './'.repeat(2_049)), 'name-too-long'],
  ['names count in bytes', (g) => g.open(g.tmp, 'é'.repeat(128), ['create'], ['write']), 'name-too-long'],
  ['a NUL in a path', (g) => g.open(g.tmp, 'a\0b', ['create'], ['write']), 'invalid'],
  ['relative to a folder that was opened', f((g) => g.read(g.opened(g.tmp, 'dir'), 'file')), 'inside'],
  ['relative to a file', f((g) => g.open(g.opened(g.tmp, 'file'), 'x')), 'not-directory'],
  ['a file of the package', (g) => g.read(g.task, 'config.json'), '{"stage":"test"}'],
  ['a file of the package, below', (g) => g.read(g.task, 'data/words.txt'), 'one two three'],
  ['the package is no host', (g) => g.open(g.task, 'package.json'), 'no-entry'],
  ['writing to the package', (g) => g.open(g.task, 'config.json', [], ['write']), 'read-only'],
  ['truncating in the package', (g) => g.open(g.task, 'config.json', ['truncate'], ['read']), 'read-only'],
  ['creating in the package', (g) => g.open(g.task, 'new', ['create'], ['write']), 'read-only'],
  ['asking to change a folder of the package', (g) => g.open(g.task, 'data', [], ['mutate-directory']), 'read-only'],
  ['writing to what the package does not have', (g) => g.open(g.task, 'none', [], ['write']), 'no-entry'],
])

rows('no way leads out', [
  ['..', (g) => g.open(g.tmp, '..'), outside],
  ['../', (g) => g.open(g.tmp, '../'), outside],
  ['../tmp', (g) => g.open(g.tmp, '../tmp'), outside],
  ['a way that would come back', f((g) => g.open(g.tmp, 'dir/../../tmp/file')), outside],
  ['an absolute path', (g) => g.open(g.tmp, '/etc/passwd'), outside],
  ['an absolute path to what is there', f((g) => g.open(g.tmp, '/tmp/file')), outside],
  ['a link to the parent', f((g) => g.open(g.tmp, 'to-parent')), outside],
  ['below a link to the parent', f((g) => g.open(g.tmp, 'to-parent/etc/passwd')), outside],
  ['a link to a file of the host', f((g) => g.open(g.tmp, 'to-host')), outside],
  ['a link to a file of the host, not followed', f((g) => g.kind(g.tmp, 'to-host', false)), 'symbolic-link 16'],
  ['links in a circle', f((g) => g.open(g.tmp, 'loop-a')), 'loop'],
  ['links in a circle on the way', f((g) => g.open(g.tmp, 'loop-a/x')), 'loop'],
  ['a link to itself', (g) => [g.on(g.tmp, 'symlink-at', 'me', 'me'), g.open(g.tmp, 'me/me')], [undefined, 'loop']],
  ['a chain of 40 links', (g) => [chain(g, 40), g.read(g.tmp, 'link-40')], [undefined, 'end']],
  ['a chain of 41 links', (g) => [chain(g, 41), g.read(g.tmp, 'link-41')], [undefined, 'loop']],
  [
    'a folder that was opened is an end of the world too',
    f((g) => {
      const dir = g.opened(g.tmp, 'dir')
      return [g.open(dir, '../file'), g.open(dir, 'sub/../../file'), g.read(dir, 'sub/../file')]
    }),
    [outside, outside, 'inside'],
  ],
  [
    'a link out of a folder that was opened, inside of /tmp',
    f((g) => {
      g.on(g.tmp, 'symlink-at', '../file', 'dir/up')
      return [g.read(g.tmp, 'dir/up'), g.open(g.opened(g.tmp, 'dir'), 'up')]
    }),
    ['hello world', outside],
  ],
  [
    'a folder that was moved does not take its surroundings along',
    f((g) => {
      const sub = g.opened(g.tmp, 'dir/sub')
      g.on(g.tmp, 'rename-at', 'dir/sub', g.tmp, 'moved')
      return [g.open(sub, '../file'), g.kind(g.tmp, 'moved/../file')]
    }),
    [outside, 'regular-file 11'],
  ],
  ['out of the package', (g) => g.open(g.task, '../tmp'), outside],
  ['out of the package from below', (g) => g.open(g.task, 'data/../../config.json'), outside],
  ['stat', (g) => g.stat(g.tmp, '../x'), outside],
  ['create-directory', (g) => g.on(g.tmp, 'create-directory-at', '../x'), outside],
  ['remove-directory', (g) => g.on(g.tmp, 'remove-directory-at', '..'), outside],
  ['unlink', (g) => g.on(g.tmp, 'unlink-file-at', '/etc/passwd'), outside],
  ['rename from', f((g) => g.on(g.tmp, 'rename-at', '../x', g.tmp, 'y')), outside],
  ['rename to', f((g) => g.on(g.tmp, 'rename-at', 'file', g.tmp, '../y')), outside],
  ['link from', f((g) => g.on(g.tmp, 'link-at', links(false), '/etc/passwd', g.tmp, 'y')), outside],
  ['link to', f((g) => g.on(g.tmp, 'link-at', links(false), 'file', g.tmp, '../y')), outside],
  ['symlink at', (g) => g.on(g.tmp, 'symlink-at', 'x', '../y'), outside],
  ['symlink to an absolute path', (g) => g.on(g.tmp, 'symlink-at', '/etc/passwd', 'y'), outside],
  ['readlink', (g) => g.on(g.tmp, 'readlink-at', '../x'), outside],
  ['set-times', (g) => g.on(g.tmp, 'set-times-at', links(true), '../x', now, now), outside],
  ['metadata-hash', (g) => g.on(g.tmp, 'metadata-hash-at', links(true), '../x'), outside],
])

function chain(g: FileGuest, length: number): void {
  g.put('link-0', 'end')
  for (let at = 1; at <= length; at++) g.on(g.tmp, 'symlink-at', `link-${at - 1}`, `link-${at}`)
}
