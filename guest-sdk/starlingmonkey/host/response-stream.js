import * as responseStream from 'thaw:function/response-stream@0.1.0'

export default responseStream
