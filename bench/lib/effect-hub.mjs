// Effect's PubSub with real fibers: one per subscriber, taking in a loop that does not yield on purpose.

import { Effect, PubSub } from 'effect'

/** Starts fibers that run `receive(value)` on all that `take` returns; returns a function that publishes. */
export async function startEffectHub({ capacity, subscribers, take = PubSub.take, receive }) {
  const hub = Effect.runSync(PubSub.bounded(capacity))
  for (let i = 0; i < subscribers; i++) Effect.runFork(subscriber(hub, take, receive))
  await new Promise((resolve) => setTimeout(resolve, 20)) // until all fibers have subscribed and parked
  return (value) => PubSub.publishUnsafe(hub, value)
}

function subscriber(hub, take, receive) {
  const loop = Effect.flatMap(PubSub.subscribe(hub), (subscription) =>
    Effect.whileLoop({ while: () => true, body: () => take(subscription), step: receive }),
  )
  return Effect.scoped(loop)
}
