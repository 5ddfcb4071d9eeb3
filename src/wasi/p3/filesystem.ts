/** wasi:filesystem 0.3: what 0.2 does, with other types for errors and times. All of it answers at once. */
import { own } from '../abi/handles.ts'
import { tuple } from '../abi/records.ts'
import { string } from '../abi/strings.ts'
import type { AbiType } from '../abi/type.ts'
import { result } from '../abi/variants.ts'
import { descriptorMethods } from '../filesystem-descriptor.ts'
import { filesystem } from '../filesystem.ts'
import { pathMethods } from '../filesystem-paths.ts'
import { descriptorFlags, metadataHashValue, pathFlags } from '../filesystem-types.ts'
import { fileErrorCodes } from '../fs/file-error.ts'
import type { FileErrorCode } from '../fs/file-error.ts'
import type { HostFunction, HostInterface, HostInterfaces } from '../state.ts'
import { borrow } from '../abi/handles.ts'
import { descriptorType, failureOf, fileError, newTimestamp, stat3 } from './file-types.ts'
import { fileStreams } from './file-streams.ts'

const self = borrow('descriptor')
const methods: Readonly<Record<string, HostFunction>> = { ...descriptorMethods, ...pathMethods }

interface Changes {
  /** The parameters, where they are not those of 0.2. */
  readonly params?: AbiType<unknown[]>
  /** Makes of the value of 0.2 that of 0.3. */
  readonly value?: (value: unknown) => unknown
}

/** The method of 0.2 as one of 0.3. `okType`: of what it answers with if it succeeds. */
function adapted(name: string, okType?: AbiType<unknown>, { params, value = same }: Changes = {}): HostFunction {
  const before = methods[name]
  if (before === undefined) throw new TypeError(`wasi:filesystem 0.2 has no ${name}`)
  return {
    params: params ?? before.params,
    result: result(okType, fileError),
    mayBlock: false,
    call(state, ...args) {
      const answer = before.call(state, ...args)
      if (!isAnswer(answer)) throw new TypeError(`${name} gives no result`)
      return answer.tag === 'ok'
        ? { tag: 'ok', val: value(answer.val) }
        : { tag: 'err', val: failureOf(codeOf(answer.val)) }
    },
  }
}

const same = (value: unknown): unknown => value

/** An enum in 0.2, a variant in 0.3. */
const typed = (tag: unknown): unknown => ({ tag })

const statted = (stat: unknown): unknown =>
  typeof stat === 'object' && stat !== null && 'type' in stat ? { ...stat, type: typed(stat.type) } : stat

function isAnswer(value: unknown): value is { readonly tag: 'ok' | 'err'; readonly val: unknown } {
  return typeof value === 'object' && value !== null && 'tag' in value && 'val' in value
}

function codeOf(value: unknown): FileErrorCode {
  return fileErrorCodes.find((code) => code === value) ?? 'io'
}

const timesParams = [newTimestamp, newTimestamp] as const

const adaptedMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.get-flags': adapted('[method]descriptor.get-flags', descriptorFlags),
  '[method]descriptor.get-type': adapted('[method]descriptor.get-type', descriptorType, { value: typed }),
  '[method]descriptor.set-times': adapted('[method]descriptor.set-times', undefined, {
    params: tuple([self, ...timesParams]),
  }),
  '[method]descriptor.stat': adapted('[method]descriptor.stat', stat3, { value: statted }),
  '[method]descriptor.stat-at': adapted('[method]descriptor.stat-at', stat3, { value: statted }),
  '[method]descriptor.set-times-at': adapted('[method]descriptor.set-times-at', undefined, {
    params: tuple([self, pathFlags, string, ...timesParams]),
  }),
  '[method]descriptor.open-at': adapted('[method]descriptor.open-at', own('descriptor')),
  '[method]descriptor.readlink-at': adapted('[method]descriptor.readlink-at', string),
  '[method]descriptor.metadata-hash': adapted('[method]descriptor.metadata-hash', metadataHashValue),
  '[method]descriptor.metadata-hash-at': adapted('[method]descriptor.metadata-hash-at', metadataHashValue),
}

const unitMethods =
  'advise sync-data sync set-size create-directory-at link-at remove-directory-at rename-at symlink-at unlink-file-at'

const isSame = methods['[method]descriptor.is-same-object']
const nothing: HostInterface = { resources: [], functions: {} }

export const filesystem3: HostInterfaces = {
  'wasi:filesystem/preopens@0.3': filesystem['wasi:filesystem/preopens'] ?? nothing,
  'wasi:filesystem/types@0.3': {
    resources: ['descriptor'],
    functions: {
      ...adaptedMethods,
      ...Object.fromEntries(
        unitMethods.split(' ').map((name) => [`[method]descriptor.${name}`, adapted(`[method]descriptor.${name}`)]),
      ),
      ...(isSame && { '[method]descriptor.is-same-object': isSame }),
      ...fileStreams,
    },
  },
}
