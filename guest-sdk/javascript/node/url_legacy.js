/** url.parse, url.format and url.resolve as they were before the URL class: no error for what is no URL. */
import { URL } from '../web/url.js'
import querystring from './querystring.cjs'

/** Schemes whose URLs have `//` whether it is written or not, and a path. */
const slashed = new Set(['http:', 'https:', 'ftp:', 'file:', 'ws:', 'wss:', 'gopher:'])

export class Url {
  protocol = null
  slashes = null
  auth = null
  host = null
  port = null
  hostname = null
  hash = null
  search = null
  query = null
  pathname = null
  path = null
  href = ''
  format() {
    return format(this)
  }
  resolve(to) {
    return resolve(this.href, to)
  }
}

export function parse(text, parseQuery = false, slashesDenoteHost = false) {
  if (text instanceof Url) return text
  if (typeof text !== 'string') {
    throw Object.assign(new TypeError(`The "url" argument must be of type string. Received ${typeof text}`), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  }
  const url = new Url()
  let rest = text.trim()
  // Backslashes before the query are slashes.
  const mark = rest.search(/[?#]/)
  rest = mark === -1 ? rest.replaceAll('\\', '/') : rest.slice(0, mark).replaceAll('\\', '/') + rest.slice(mark)
  const protocol = /^[a-z0-9.+-]+:/i.exec(rest)?.[0]
  if (protocol !== undefined) {
    url.protocol = protocol.toLowerCase()
    rest = rest.slice(protocol.length)
  }
  const leading =
    rest.startsWith('//') && (url.protocol !== null || slashesDenoteHost || /^\/\/[^@/]+@[^@/]+/.test(rest))
  if (leading && url.protocol !== 'javascript:') url.slashes = true
  // `mailto:a@b` has a host, `http:a` has none.
  const hosted = url.slashes || (url.protocol !== null && url.protocol !== 'javascript:' && !slashed.has(url.protocol))
  if (hosted) rest = readHost(url, url.slashes ? rest.slice(2) : rest)
  const hash = rest.indexOf('#')
  if (hash !== -1) {
    url.hash = escaped(rest.slice(hash))
    rest = rest.slice(0, hash)
  }
  const search = rest.indexOf('?')
  if (search !== -1) {
    url.search = escaped(rest.slice(search))
    url.query = url.search.slice(1)
    rest = rest.slice(0, search)
  } else if (parseQuery) url.search = ''
  if (parseQuery) url.query = querystring.parse(url.query ?? '')
  if (rest !== '') url.pathname = escaped(rest)
  else if (slashed.has(url.protocol) && url.hostname) url.pathname = '/'
  if (url.pathname !== null || url.search) url.path = (url.pathname ?? '') + (url.search ?? '')
  url.href = format(url)
  return url
}

/** Takes the authority off the front of a URL; gives what follows it. */
function readHost(url, rest) {
  const end = rest.search(/[/?#]/)
  let authority = end === -1 ? rest : rest.slice(0, end)
  const at = authority.lastIndexOf('@')
  if (at !== -1) {
    url.auth = decodeURIComponent(authority.slice(0, at))
    authority = authority.slice(at + 1)
  }
  const port = /:(\d*)$/.exec(authority)
  if (port !== null) {
    if (port[1] !== '') url.port = port[1]
    authority = authority.slice(0, port.index)
  }
  const name = authority.toLowerCase()
  url.hostname = name.startsWith('[') ? name.slice(1, -1) : name
  url.host = (name.startsWith('[') ? name : url.hostname) + (url.port === null ? '' : `:${url.port}`)
  return end === -1 ? '' : rest.slice(end)
}

const escaped = (text) =>
  text.replaceAll(
    /[\t\n\r "'<>\\^`{|}]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  )

export function format(value, options = {}) {
  if (typeof value === 'string') return parse(value).href
  if (value instanceof URL) return formatUrl(value, options)
  let protocol = value.protocol ?? ''
  if (protocol !== '' && !protocol.endsWith(':')) protocol += ':'
  const auth = value.auth ? `${encodeURIComponent(value.auth).replace(/%3A/i, ':')}@` : ''
  const named =
    value.hostname?.includes(':') && !value.hostname.startsWith('[') ? `[${value.hostname}]` : value.hostname
  const host = value.host ? auth + value.host : named ? auth + named + (value.port ? `:${value.port}` : '') : false
  const query = value.query !== null && typeof value.query === 'object' ? querystring.stringify(value.query) : ''
  let search = value.search || (query === '' ? '' : `?${query}`)
  if (search !== '' && !search.startsWith('?')) search = `?${search}`
  let hash = value.hash ?? ''
  if (hash !== '' && !hash.startsWith('#')) hash = `#${hash}`
  let pathname = (value.pathname ?? '').replaceAll('?', '%3F').replaceAll('#', '%23')
  let authority = host === false ? '' : host
  if (value.slashes || ((protocol === '' || slashed.has(protocol)) && host !== false)) {
    authority = `//${authority}`
    if (pathname !== '' && !pathname.startsWith('/')) pathname = `/${pathname}`
  }
  return protocol + authority + pathname + search.replaceAll('#', '%23') + hash
}

function formatUrl(url, { auth = true, fragment = true, search = true }) {
  const copy = new URL(url.href)
  if (!auth) copy.username = copy.password = ''
  if (!fragment) copy.hash = ''
  if (!search) copy.search = ''
  return copy.href
}

export function resolve(from, to) {
  const base = new URL(from, 'resolve://nowhere')
  const target = new URL(to, base)
  if (target.protocol !== 'resolve:') return target.href
  const path = target.pathname + target.search + target.hash
  return from.startsWith('/') || to.startsWith('/') ? path : path.slice(1)
}
