import * as crypto from 'thaw:function/crypto@0.1.0'

export default crypto
