// Asynchronous consumers: a burst is published, then the publisher waits until every copy of it has been
// consumed.

import { compile } from './compile.mjs'
import { sink } from './handlers.mjs'
import { payloadMask, payloads, sumOfPayloads } from './payloads.mjs'

/** Opens when as many copies as expected have been consumed. */
export class Latch {
  left = 0
  open = undefined

  expect(copies) {
    this.left = copies
    return new Promise((resolve) => {
      this.open = resolve
    })
  }
}

/** What every consumer does with a copy. */
export function consume(latch, payload) {
  sink.sum = (sink.sum + payload.value) | 0
  if (--latch.left === 0) latch.open()
}

/**
 * A contestant with consumers that wait: publishes bursts by `publish(payload)`, which must return nothing
 * that needs to be awaited.
 */
export function burstContestant({ name, burst, subscribers, latch, publish }) {
  const loop = `return async (count) => {
    for (let sent = 0; sent < count; sent += burst) {
      const over = latch.expect(burst * subscribers)
      for (let i = 0; i < burst; i++) publish(payloads[i & ${payloadMask}])
      await over
    }
  }`
  const run = compile(loop, { burst, subscribers, latch, publish, payloads })
  const wants = (count) => Math.imul(sumOfPayloads(burst), Math.imul(count / burst, subscribers))
  return { name, run, wants, delivers: subscribers, step: burst }
}
