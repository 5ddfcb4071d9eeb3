/**
 * The functions of wasi:http and of wasi:io's streams and pollables, as the canonical ABI lowers them: handles are i32,
 * `result` is where an outcome goes that is more than one value. Those that a program does not reach are not imported.
 */

// @ts-ignore: decorator
@external("wasi:io/poll@0.2.0", "poll")
export declare function poll(pollables: usize, count: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/poll@0.2.0", "[resource-drop]pollable")
export declare function dropPollable(pollable: i32): void
// @ts-ignore: decorator
@external("wasi:io/error@0.2.0", "[resource-drop]error")
export declare function dropError(error: i32): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]input-stream.read")
export declare function readNow(stream: i32, most: u64, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]input-stream.blocking-read")
export declare function readBlocking(stream: i32, most: u64, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]input-stream.subscribe")
export declare function subscribeInput(stream: i32): i32
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[resource-drop]input-stream")
export declare function dropInput(stream: i32): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]output-stream.check-write")
export declare function checkWrite(stream: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]output-stream.write")
export declare function writeNow(stream: i32, bytes: usize, length: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]output-stream.blocking-flush")
export declare function flushBlocking(stream: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[method]output-stream.subscribe")
export declare function subscribeOutput(stream: i32): i32
// @ts-ignore: decorator
@external("wasi:io/streams@0.2.0", "[resource-drop]output-stream")
export declare function dropOutput(stream: i32): void

// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "http-error-code")
export declare function httpErrorCode(error: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[constructor]fields")
export declare function newFields(): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]fields.append")
export declare function appendField(fields: i32, name: usize, nameLength: i32, value: usize, valueLength: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]fields.entries")
export declare function fieldEntries(fields: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[resource-drop]fields")
export declare function dropFields(fields: i32): void

// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-request.method")
export declare function requestMethod(request: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-request.scheme")
export declare function requestScheme(request: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-request.authority")
export declare function requestAuthority(request: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-request.path-with-query")
export declare function requestPath(request: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-request.headers")
export declare function requestHeaders(request: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-request.consume")
export declare function consumeRequest(request: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-response.status")
export declare function responseStatus(response: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-response.headers")
export declare function responseHeaders(response: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-response.consume")
export declare function consumeResponse(response: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[resource-drop]incoming-response")
export declare function dropIncomingResponse(response: i32): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]incoming-body.stream")
export declare function inputOf(body: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[resource-drop]incoming-body")
export declare function dropIncomingBody(body: i32): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]future-incoming-response.subscribe")
export declare function subscribeResponse(future: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]future-incoming-response.get")
export declare function getResponse(future: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[resource-drop]future-incoming-response")
export declare function dropFuture(future: i32): void

// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[constructor]outgoing-request")
export declare function newRequest(headers: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-request.set-method")
export declare function setMethod(request: i32, kind: i32, other: usize, length: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-request.set-scheme")
export declare function setScheme(request: i32, some: i32, kind: i32, other: usize, length: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-request.set-authority")
export declare function setAuthority(request: i32, some: i32, at: usize, length: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-request.set-path-with-query")
export declare function setPath(request: i32, some: i32, at: usize, length: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-request.body")
export declare function requestBody(request: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[resource-drop]outgoing-request")
export declare function dropRequest(request: i32): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[constructor]request-options")
export declare function newOptions(): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]request-options.set-connect-timeout")
export declare function setConnectTimeout(options: i32, some: i32, nanoseconds: u64): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]request-options.set-first-byte-timeout")
export declare function setFirstByteTimeout(options: i32, some: i32, nanoseconds: u64): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]request-options.set-between-bytes-timeout")
export declare function setBetweenBytesTimeout(options: i32, some: i32, nanoseconds: u64): i32
// @ts-ignore: decorator
@external("wasi:http/outgoing-handler@0.2.0", "handle")
export declare function send(request: i32, hasOptions: i32, options: i32, result: usize): void

// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[constructor]outgoing-response")
export declare function newResponse(headers: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-response.set-status-code")
export declare function setStatus(response: i32, status: i32): i32
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-response.body")
export declare function responseBody(response: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[static]response-outparam.set")
export declare function setResponse(outparam: i32, isError: i32, response: i32, e1: i32, e2: i64, e3: i32, e4: i32, e5: i32, e6: i32): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[method]outgoing-body.write")
export declare function outputOf(body: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[static]outgoing-body.finish")
export declare function finishBody(body: i32, hasTrailers: i32, trailers: i32, result: usize): void
// @ts-ignore: decorator
@external("wasi:http/types@0.2.0", "[resource-drop]outgoing-body")
export declare function dropOutgoingBody(body: i32): void
