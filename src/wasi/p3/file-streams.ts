/** wasi:filesystem/types 0.3: files and folders as streams, each with a future of how it went. */
import { sourceOf, type BodyError } from '../../http/body.ts'
import { borrow } from '../abi/handles.ts'
import { tuple } from '../abi/records.ts'
import { u64 } from '../abi/scalars.ts'
import { ok } from '../abi/variants.ts'
import { StreamFlow } from '../async/flow.ts'
import { Future } from '../async/futures.ts'
import type { ByteStream } from '../async/streams.ts'
import { byteStream, futureOf, givenStream } from '../async/types.ts'
import { ValueStream } from '../async/value-stream.ts'
import type { Descriptor } from '../filesystem-resources.ts'
import { FileSink, FileSource } from '../filesystem-streams.ts'
import { FileError, FileStreamError } from '../fs/file-error.ts'
import type { FileErrorCode } from '../fs/file-error.ts'
import { directoryOf, nodeOf, readable, treeOf, writable } from '../fs/open-node.ts'
import { define } from '../state.ts'
import type { HostFunction, HostState } from '../state.ts'
import { failureOf, type DirectoryEntryRecord } from './file-types.ts'

type FileResult = Future<'file-result'>

const self = borrow('descriptor')
const resultFuture = futureOf('file-result')

function failed(code: FileErrorCode): { tag: 'err'; val: ReturnType<typeof failureOf> } {
  return { tag: 'err', val: failureOf(code) }
}

function outcomeOf(error: BodyError | undefined): ReturnType<typeof failed> | { tag: 'ok'; val: undefined } {
  if (error === undefined) return ok(undefined)
  return failed(error instanceof FileStreamError ? error.code : 'io')
}

/** What can be refused is refused by the future: undefined then. */
function attempt<T>(result: FileResult, open: () => T): T | undefined {
  try {
    return open()
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    result.resolve(failed(error.code))
    return undefined
  }
}

function readFile({ async, files }: HostState, open: Descriptor, offset: bigint): [ByteStream, FileResult] {
  const result: FileResult = new Future('file-result')
  const source = attempt(result, () => {
    const contents = readable(files, open)
    const [tree, node] = [treeOf(files, open), nodeOf(files, open)]
    tree.opened(node)
    return new FileSource(contents, offset, () => tree.closed(node))
  })
  const stream = async.newStream(source ?? sourceOf(new Uint8Array(0)))
  stream.onSourceEnd((error) => result.resolve(outcomeOf(error)))
  return [stream, result]
}

/** @param offset undefined: at whatever then is the end */
function writeFile(
  { async, files }: HostState,
  open: Descriptor,
  data: ByteStream,
  offset: bigint | undefined,
): FileResult {
  const result: FileResult = new Future('file-result')
  const file = attempt(result, () => writable(files, open))
  if (file === undefined) {
    data.dropReader()
    return result
  }
  const tree = treeOf(files, open)
  tree.opened(file)
  const flow = new StreamFlow(data, new FileSink(tree, file, offset))
  async.track(flow)
  flow.onDone(() => {
    tree.closed(file)
    result.resolve(outcomeOf(flow.error))
  })
  return result
}

type Entries = ValueStream<'directory-entry'>

function readDirectory({ files }: HostState, open: Descriptor): [Entries, FileResult] {
  const result: FileResult = new Future('file-result')
  const directory = attempt(result, () => directoryOf(files, open))
  let position = 0
  const next = (): DirectoryEntryRecord | undefined => {
    const entry = directory?.after(position)
    if (entry === undefined) return undefined
    position = entry.order
    return { type: { tag: entry.node.kind }, name: entry.name }
  }
  return [new ValueStream('directory-entry', next, () => result.resolve(ok(undefined))), result]
}

export const fileStreams: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.read-via-stream': define(
    [self, u64],
    tuple<[ByteStream, FileResult]>([byteStream, resultFuture]),
    readFile,
  ),
  '[method]descriptor.write-via-stream': define([self, byteStream, u64], resultFuture, writeFile),
  '[method]descriptor.append-via-stream': define([self, byteStream], resultFuture, (state, open, data) =>
    writeFile(state, open, data, undefined),
  ),
  '[method]descriptor.read-directory': define(
    [self],
    tuple<[Entries, FileResult]>([givenStream('directory-entry'), resultFuture]),
    readDirectory,
  ),
}
