/** TextEncoderStream and TextDecoderStream (Encoding Standard, 7). */
import { encodeUtf8 } from '../bytes.js'
import { defineGlobals, webInterface } from './define.js'
import { TransformStream } from './streams.js'
import { TextDecoder } from './text.js'

export class TextEncoderStream {
  #transform
  constructor() {
    /** A surrogate that may get its other half with the next chunk. */
    let high = ''
    this.#transform = new TransformStream({
      transform(chunk, controller) {
        let text = high + String(chunk)
        const last = text.charCodeAt(text.length - 1)
        high = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : ''
        if (high !== '') text = text.slice(0, -1)
        if (text !== '') controller.enqueue(encodeUtf8(text))
      },
      flush(controller) {
        if (high !== '') controller.enqueue(encodeUtf8(high))
      },
    })
  }
  get encoding() {
    return 'utf-8'
  }
  get readable() {
    return this.#transform.readable
  }
  get writable() {
    return this.#transform.writable
  }
}

export class TextDecoderStream {
  #transform
  #decoder
  constructor(label = 'utf-8', options = {}) {
    const decoder = new TextDecoder(label, options)
    this.#decoder = decoder
    this.#transform = new TransformStream({
      transform(chunk, controller) {
        if (chunk === undefined) throw new TypeError('A chunk must be an ArrayBuffer or a view of one')
        const text = decoder.decode(chunk, { stream: true })
        if (text !== '') controller.enqueue(text)
      },
      flush(controller) {
        const text = decoder.decode()
        if (text !== '') controller.enqueue(text)
      },
    })
  }
  get encoding() {
    return this.#decoder.encoding
  }
  get fatal() {
    return this.#decoder.fatal
  }
  get ignoreBOM() {
    return this.#decoder.ignoreBOM
  }
  get readable() {
    return this.#transform.readable
  }
  get writable() {
    return this.#transform.writable
  }
}

webInterface(TextEncoderStream, 'TextEncoderStream', ['encoding', 'readable', 'writable'])
webInterface(TextDecoderStream, 'TextDecoderStream', ['encoding', 'fatal', 'ignoreBOM', 'readable', 'writable'])
defineGlobals({ TextEncoderStream, TextDecoderStream })
