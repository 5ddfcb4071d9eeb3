/** URLPattern: urlpattern-polyfill, which needs URL to be there. */
import './url.js'
import { URLPattern } from 'urlpattern-polyfill/urlpattern'
import { defineGlobals } from './define.js'

export { URLPattern }
defineGlobals({ URLPattern })
