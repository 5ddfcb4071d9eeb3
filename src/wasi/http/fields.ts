/** wasi:http/types `fields`. */
import { borrow, own } from '../abi/handles.ts'
import { bool } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { ok, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { define } from '../state.ts'
import type { HostFunction } from '../state.ts'
import { fieldEntries, fieldValue, fieldValues, headerError, headerResult } from './abi.ts'
import type { HeaderError } from './field-map.ts'
import { newFields } from './resources.ts'
import type { Fields } from './resources.ts'

const self = borrow('fields')

/** Lifted bytes are the guest's memory; a byte string is a copy. */
export function byteString({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1')
}

export function bytesOf(value: string): Uint8Array {
  return Buffer.from(value, 'latin1')
}

function unit(error: HeaderError | undefined): Result<undefined, HeaderError> {
  return error === undefined ? ok(undefined) : { tag: 'err', val: error }
}

function change({ mutable }: Fields, apply: () => HeaderError | undefined): Result<undefined, HeaderError> {
  return unit(mutable ? apply() : 'immutable')
}

export const fields: Record<string, HostFunction> = {
  '[constructor]fields': define([], own('fields'), (state) => newFields(state.http.newFields())),
  '[static]fields.from-list': define(
    [fieldEntries],
    result<Fields, HeaderError>(own('fields'), headerError),
    (state, entries): Result<Fields, HeaderError> => {
      const map = state.http.newFields()
      for (const [name, value] of entries) {
        const error = map.append(name, byteString(value))
        if (error === undefined) continue
        map.release()
        return { tag: 'err', val: error }
      }
      return ok(newFields(map))
    },
  ),
  '[method]fields.get': define([self, string], fieldValues, (_state, { map }, name) => map.get(name).map(bytesOf)),
  '[method]fields.has': define([self, string], bool, (_state, { map }, name) => map.has(name)),
  '[method]fields.set': define([self, string, fieldValues], headerResult, (_state, fields, name, values) =>
    change(fields, () => fields.map.set(name, values.map(byteString))),
  ),
  '[method]fields.delete': define([self, string], headerResult, (_state, fields, name) =>
    change(fields, () => fields.map.delete(name)),
  ),
  '[method]fields.append': define([self, string, fieldValue], headerResult, (_state, fields, name, value) =>
    change(fields, () => fields.map.append(name, byteString(value))),
  ),
  '[method]fields.entries': define([self], fieldEntries, (_state, { map }) =>
    map.entries.map(([name, value]): [string, Uint8Array] => [name, bytesOf(value)]),
  ),
  '[method]fields.clone': define([self], own('fields'), (_state, { map }) => newFields(map.clone())),
}
