// Handlers that all do the same and are yet different functions to V8: a call site that has seen many of them
// can neither inline nor guess, as in a real program. Handlers made by one function expression would be one
// function. There are 32 of them, repeated as often as needed: with a thousand the cost of fetching their
// code would hide ours.

import { compile } from './compile.mjs'

/** Keeps results alive. Every handler adds the value of what it was given. */
export const sink = { sum: 0 }

/** Handlers for our messages: the value is in the payload. */
export function messageHandlers(count, same = false) {
  return makeHandlers(count, same, 'message.payload.value')
}

/** Handlers for peers that pass the payload itself. */
export function payloadHandlers(count, same = false) {
  return makeHandlers(count, same, 'message.value')
}

/** Handlers for EventTarget. */
export function eventHandlers(count, same = false) {
  return makeHandlers(count, same, 'message.detail.value')
}

const different = 32

function makeHandlers(count, same, value) {
  const pool = Array.from({ length: same ? 1 : Math.min(count, different) }, () => makeHandler(value))
  return Array.from({ length: count }, (_, i) => pool[i % pool.length])
}

function makeHandler(value) {
  return compile(`return (message) => { sink.sum = (sink.sum + ${value}) | 0 }`, { sink })
}
