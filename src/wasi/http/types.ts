/** wasi:http/types. */
import { borrow } from '../abi/handles.ts'
import { option } from '../abi/variants.ts'
import { define } from '../state.ts'
import type { HostInterfaces } from '../state.ts'
import { errorCode } from './abi.ts'
import { fields } from './fields.ts'
import { incoming } from './incoming.ts'
import { outgoing } from './outgoing.ts'
import { responseOutparam } from './response-outparam.ts'

export const httpTypes: HostInterfaces = {
  'wasi:http/types': {
    resources: [
      'fields',
      'incoming-request',
      'outgoing-request',
      'request-options',
      'response-outparam',
      'incoming-response',
      'incoming-body',
      'future-trailers',
      'outgoing-response',
      'outgoing-body',
      'future-incoming-response',
    ],
    functions: {
      'http-error-code': define([borrow('error')], option(errorCode), (_state, { code }) => code),
      ...fields,
      ...incoming,
      ...outgoing,
      ...responseOutparam,
    },
  },
}
