/** Methods and schemes as `wasi:http/types` has them, and the syntax of what a guest puts into a request line. */
import { isToken } from './field-map.ts'

type PlainMethod = 'get' | 'head' | 'post' | 'put' | 'delete' | 'connect' | 'options' | 'trace' | 'patch'
export type Method = { readonly tag: PlainMethod } | { readonly tag: 'other'; readonly val: string }
export type Scheme =
  | { readonly tag: 'HTTP' }
  | { readonly tag: 'HTTPS' }
  | { readonly tag: 'other'; readonly val: string }

const methods: ReadonlyMap<string, PlainMethod> = new Map(
  (['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'] as const).map((name) => [
    name.toUpperCase(),
    name,
  ]),
)

export function methodOf(name: string): Method {
  const tag = methods.get(name)
  return tag === undefined ? { tag: 'other', val: name } : { tag }
}

/** As on the wire. */
export function methodName(method: Method): string {
  return method.tag === 'other' ? method.val : method.tag.toUpperCase()
}

/** Ours: each part of a request's line. As much as servers commonly take of all of it. */
const MOST_CHARACTERS = 8_192

export function validMethod(method: Method): boolean {
  return method.tag !== 'other' || (isToken(method.val) && method.val.length <= MOST_CHARACTERS)
}

/** RFC 3986, section 3.1. */
export function validScheme(scheme: Scheme): boolean {
  return (
    scheme.tag !== 'other' || (/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme.val) && scheme.val.length <= MOST_CHARACTERS)
  )
}

/** RFC 9112, section 3.2: absolute path and query, a query alone, `*`, or nothing; no fragment, nothing but ASCII. */
export function validPath(path: string): boolean {
  return path.length <= MOST_CHARACTERS && /^(?:[/?][!"$-~]*|\*)?$/.test(path)
}

/** RFC 3986, section 3.2, without user information, which has no place in HTTP (RFC 9110, section 4.2.4). */
export function validAuthority(authority: string): boolean {
  if (authority.length > MOST_CHARACTERS) return false
  const port = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::(\d{1,5}))?$/.exec(authority)
  return port !== null && Number(port[1] ?? 0) <= 65_535
}
