/** What a guest may do with wasi:http and wasi:io, as steps of a fuzz: functions with arguments made of random numbers. */
import { POLL, STREAMS, TYPES } from './http-support.ts'

export const HANDLER = 'wasi:http/outgoing-handler'

/** What the random numbers of one step stand for. */
export interface Dice {
  readonly choice: number
  readonly handles: readonly [number, number]
  readonly value: number
}

/** Whoever knows handles by their type. */
export interface Handles {
  handle(type: string, dice: number): number
}

interface Argument {
  (player: Handles, dice: Dice): unknown
  /** The type of handle that it is. */
  needs?: string
}

const texts = ['', 'a', '/a?b', 'content-length', '3', 'host', 'example.com:80', 'x\n', 'é', 'x'.repeat(400)]
export const textOf = (value: number): string => texts[value % texts.length] ?? ''
const text: Argument = (_player, { value }) => textOf(value)
const optionalText: Argument = (_player, { value }) => (value % 4 === 0 ? undefined : textOf(value))
const bytes: Argument = (_player, { value }) => Buffer.from(textOf(value >> 4), 'latin1')
const size: Argument = (_player, { value }) => [0n, 1n, 3n, 4_096n, 2n ** 64n - 1n][value % 5]
const status: Argument = (_player, { value }) => [200, 204, 103, 404, 0, 65_535][value % 6]
const method: Argument = (_player, { value }) =>
  [{ tag: 'get' }, { tag: 'head' }, { tag: 'other', val: textOf(value) }][value % 3]
const scheme: Argument = (_player, { value }) =>
  [undefined, { tag: 'HTTP' }, { tag: 'HTTPS' }, { tag: 'other', val: textOf(value) }][value % 4]
const duration: Argument = (_player, { value }) => [undefined, 0n, 10n ** 9n, 2n ** 64n - 1n][value % 4]
function of(type: string, which: 0 | 1 = 0): Argument {
  const argument: Argument = (player, { handles }) => player.handle(type, handles[which])
  argument.needs = type
  return argument
}
const optionally =
  (argument: Argument): Argument =>
  (player, dice) =>
    dice.value % 3 === 0 ? undefined : argument(player, dice)

export interface Move {
  readonly iface: string
  readonly func: string
  readonly args: readonly Argument[]
  /** What an answer with a handle is. */
  readonly makes?: string
}

function moves(iface: string, table: Record<string, readonly [args: readonly Argument[], makes?: string]>): Move[] {
  return Object.entries(table).map(([func, [args, makes]]) =>
    makes === undefined ? { iface, func, args } : { iface, func, args, makes },
  )
}

/** A method's name has its own argument in it. */
function method_(type: string, table: Record<string, readonly [args: readonly Argument[], makes?: string]>) {
  return Object.fromEntries(
    Object.entries(table).map(([name, [args, makes]]): [string, readonly [readonly Argument[], string?]] => [
      `[method]${type}.${name}`,
      makes === undefined ? [[of(type), ...args]] : [[of(type), ...args], makes],
    ]),
  )
}

const timeouts = ['connect-timeout', 'first-byte-timeout', 'between-bytes-timeout']

export const table: readonly Move[] = [
  ...moves(TYPES, {
    'http-error-code': [[of('error')]],
    '[constructor]fields': [[], 'fields'],
    '[static]fields.from-list': [[(player, dice) => [[text(player, dice), bytes(player, dice)]]], 'fields'],
    ...method_('fields', {
      get: [[text]],
      has: [[text]],
      set: [[text, (player, dice) => [bytes(player, dice)]]],
      delete: [[text]],
      append: [[text, bytes]],
      entries: [[]],
      clone: [[], 'fields'],
    }),
    ...method_('incoming-request', {
      method: [[]],
      'path-with-query': [[]],
      scheme: [[]],
      authority: [[]],
      headers: [[], 'fields'],
      consume: [[], 'incoming-body'],
    }),
    '[constructor]outgoing-request': [[of('fields')], 'outgoing-request'],
    ...method_('outgoing-request', {
      body: [[], 'outgoing-body'],
      method: [[]],
      'set-method': [[method]],
      'path-with-query': [[]],
      'set-path-with-query': [[optionalText]],
      scheme: [[]],
      'set-scheme': [[scheme]],
      authority: [[]],
      'set-authority': [[optionalText]],
      headers: [[], 'fields'],
    }),
    '[constructor]request-options': [[], 'request-options'],
    ...method_(
      'request-options',
      Object.fromEntries(
        timeouts.flatMap((name): [string, readonly [readonly Argument[]]][] => [
          [name, [[]]],
          [`set-${name}`, [[duration]]],
        ]),
      ),
    ),
    '[method]response-outparam.send-informational': [[of('response-outparam'), status, of('fields', 1)]],
    '[static]response-outparam.set': [
      [
        of('response-outparam'),
        (player, dice) =>
          dice.value % 5 === 0
            ? { tag: 'err', val: { tag: 'internal-error', val: textOf(dice.value) } }
            : { tag: 'ok', val: of('outgoing-response', 1)(player, dice) },
      ],
    ],
    ...method_('incoming-response', { status: [[]], headers: [[], 'fields'], consume: [[], 'incoming-body'] }),
    ...method_('incoming-body', { stream: [[], 'input-stream'] }),
    '[static]incoming-body.finish': [[of('incoming-body')], 'future-trailers'],
    ...method_('future-trailers', { subscribe: [[], 'pollable'], get: [[], 'fields'] }),
    '[constructor]outgoing-response': [[of('fields')], 'outgoing-response'],
    ...method_('outgoing-response', {
      'status-code': [[]],
      'set-status-code': [[status]],
      headers: [[], 'fields'],
      body: [[], 'outgoing-body'],
    }),
    ...method_('outgoing-body', { write: [[], 'output-stream'] }),
    '[static]outgoing-body.finish': [[of('outgoing-body'), optionally(of('fields', 1))]],
    ...method_('future-incoming-response', { subscribe: [[], 'pollable'], get: [[], 'incoming-response'] }),
  }),
  ...moves(HANDLER, {
    handle: [[of('outgoing-request'), optionally(of('request-options', 1))], 'future-incoming-response'],
  }),
  ...moves('wasi:io/error', { '[method]error.to-debug-string': [[of('error')]] }),
  ...moves(STREAMS, {
    ...method_('input-stream', {
      read: [[size]],
      'blocking-read': [[size]],
      skip: [[size]],
      'blocking-skip': [[size]],
      subscribe: [[], 'pollable'],
    }),
    ...method_('output-stream', {
      'check-write': [[]],
      write: [[bytes]],
      'blocking-write-and-flush': [[bytes]],
      flush: [[]],
      'blocking-flush': [[]],
      subscribe: [[], 'pollable'],
      'write-zeroes': [[size]],
      'blocking-write-zeroes-and-flush': [[size]],
      splice: [[of('input-stream', 1), size]],
      'blocking-splice': [[of('input-stream', 1), size]],
    }),
  }),
  ...moves(POLL, {
    ...method_('pollable', { ready: [[]], block: [[]] }),
    poll: [[(player, dice) => [of('pollable')(player, dice), of('pollable', 1)(player, dice)]]],
  }),
]
