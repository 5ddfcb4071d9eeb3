/** URL and URLSearchParams: core-js, which defines them as globals. */
import './unmarked-begin.js'
import 'core-js/web/url.js'
import './unmarked-end.js'
import { defineGlobals } from './define.js'

export const { URL, URLSearchParams } = globalThis
defineGlobals({ URL, URLSearchParams })
