/** node:url: the standard's classes, files' URLs, and the legacy functions. */
const { URL, URLSearchParams } = require('../web/url.js')
const { format, parse, resolve, Url } = require('./url_legacy.js')

/** What may not stand in a path as it is: Node's list. */
const encoded = { '%': '%25', '\\': '%5C', '\n': '%0A', '\r': '%0D', '\t': '%09', '?': '%3F', '#': '%23' }

function fileURLToPath(value) {
  const url = typeof value === 'string' ? new URL(value) : value
  if (url?.protocol !== 'file:') {
    throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' })
  }
  if (url.hostname !== '')
    throw Object.assign(new TypeError('File URL host must be "localhost" or empty'), {
      code: 'ERR_INVALID_FILE_URL_HOST',
    })
  if (/%2f/i.test(url.pathname))
    throw Object.assign(new TypeError('File URL path must not include encoded / characters'), {
      code: 'ERR_INVALID_FILE_URL_PATH',
    })
  return decodeURIComponent(url.pathname)
}

function pathToFileURL(path) {
  const { resolve } = require('./path.cjs')
  const whole = resolve(path) + (path.endsWith('/') && path !== '/' ? '/' : '')
  const url = new URL('file:///')
  url.pathname = whole.replaceAll(/[%\\\n\r\t?#]/g, (character) => encoded[character])
  return url
}

const domainToASCII = (domain) => {
  try {
    return new URL(`http://${domain}`).hostname
  } catch {
    return ''
  }
}

module.exports = {
  URL,
  URLSearchParams,
  Url,
  get URLPattern() {
    return globalThis.URLPattern
  },
  parse,
  format,
  resolve,
  fileURLToPath,
  pathToFileURL,
  domainToASCII,
  domainToUnicode: domainToASCII,
  urlToHttpOptions: (url) => ({
    protocol: url.protocol,
    hostname: url.hostname.replaceAll(/^\[|\]$/g, ''),
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: `${url.pathname}${url.search}`,
    href: url.href,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
  }),
}
