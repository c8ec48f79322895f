import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Message } from '../../core/message.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { rejectionOf } from '../wait.ts'
import type { World } from '../world.ts'

/** The ways to consume agree, and what a consumer does wrong stays with it. */
export const consuming: readonly Script[] = [
  {
    name: 'consuming/forms',
    title: 'hands the same messages to for await, batches, poll, next and a handler',
    play: playForms,
  },
  {
    name: 'consuming/break',
    title: 'closes a subscription whose loop ends, and leaves the others alone',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('loop')
      const reader = await world.read(broker, topic)
      const heard = await world.listen(broker, topic)
      const loop = (async () => {
        for await (const message of reader) return message.payload
        return undefined
      })()
      await world.send(broker, topic, [0, 1, 2])
      ok([0, 1, 2].includes((await world.within(loop, 'the first message')) as number))
      strictEqual(reader.closed, true, 'break did not close the subscription')
      await heard.exactlyTheSet([0, 1, 2], 'the other subscription')
    },
  },
  {
    name: 'consuming/handler-errors',
    title: 'reports what a handler throws or rejects with, and goes on',
    play: playHandlerErrors,
  },
  {
    name: 'consuming/concurrency',
    title: 'calls an async handler as often at once as was asked for, and no more',
    play: playConcurrency,
  },
  {
    name: 'consuming/signal',
    title: 'ends a subscription normally when its signal aborts, also one that has aborted before',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('abort')
      const stop = new AbortController()
      const heard = await world.listen(broker, topic, { signal: stop.signal })
      await world.send(broker, topic, [0])
      await heard.reach(1)
      stop.abort()
      await world.until(() => heard.ended, 'the loop of an aborted subscription ends')
      strictEqual(heard.failure, undefined, 'an abort is no error')
      const late = await world.read(broker, topic, { signal: stop.signal })
      strictEqual(late.closed, true, 'a signal that has aborted before makes a closed subscription')
    },
  },
  {
    name: 'consuming/aborted-publish',
    title: 'rejects a publish whose signal has aborted with its reason, and delivers nothing',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('abort')
      const heard = await world.listen(broker, topic)
      const reason = new Error('changed my mind')
      const publish = broker.publish(topic, 0, { signal: AbortSignal.abort(reason) })
      strictEqual(await rejectionOf(world.within(publish, 'a rejection'), 'an aborted publish'), reason)
      await world.send(broker, topic, [1])
      await heard.exactly([1], 'what was aborted is not delivered')
    },
  },
]

async function playForms(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('forms')
  const looped = await world.listen(broker, topic)
  const [batched, polled, asked] = [
    await world.read(broker, topic),
    await world.read(broker, topic),
    await world.read(broker, topic),
  ]
  const called: unknown[] = []
  await world.handle(broker, topic, ({ payload }) => called.push(payload))
  const sent = numbers(world.volume(60))
  const batches = (async () => {
    const got: Message[] = []
    for await (const batch of batched.batches({ max: 7 })) {
      ok(batch.length >= 1 && batch.length <= 7, `a batch of ${batch.length}`)
      got.push(...batch)
      if (got.length >= sent.length) break
    }
    return got
  })()
  await world.send(broker, topic, sent)
  await looped.reach(sent.length)
  const order = looped.payloads
  const taken: unknown[] = []
  await world.until(
    () => {
      for (let next = polled.poll(); next !== undefined; next = polled.poll()) taken.push(next.payload)
      return taken.length >= sent.length
    },
    () => `poll() takes ${sent.length} messages, got ${taken.length}`,
  )
  await world.until(() => called.length >= sent.length, 'the handler is called for every message')
  const asOne = (messages: readonly Message[]): unknown[] => messages.map(({ payload }) => payload)
  const inBatches = asOne(await world.within(batches, 'batches'))
  const byNext = asOne(await world.take(asked, sent.length))
  await looped.exactlyTheSet(sent, 'for await')
  // Where the order is promised it is the same for all of them.
  const ordered = broker.capabilities.provides.includes('order')
  const shape = (payloads: readonly unknown[]): readonly unknown[] =>
    ordered ? payloads : payloads.toSorted((a, b) => Number(a) - Number(b))
  for (const [form, payloads] of Object.entries({
    batches: inBatches,
    next: byNext,
    poll: taken,
    handler: called,
  }))
    deepStrictEqual(shape(payloads), shape(order), form)
}

async function playHandlerErrors(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('faulty')
  const seen: number[] = []
  await world.handle(broker, topic, ({ payload }) => {
    seen.push(payload as number)
    if (payload === 1) throw new Error('thrown')
    return payload === 2 ? Promise.reject(new Error('rejected')) : undefined
  })
  await world.send(broker, topic, [1, 2, 3, 4])
  await world.until(() => [1, 2, 3, 4].every((n) => seen.includes(n)), 'a handler that failed gets the rest')
  const texts = (): unknown[] =>
    world
      .reports(broker)
      .flatMap(({ event, kind }) => (kind === 'handlerError' ? [event.error] : []))
      .map(String)
  await world.until(
    () => ['Error: thrown', 'Error: rejected'].every((text) => texts().includes(text)),
    () => `handlerError reports what was thrown and what it rejected with; reported: ${String(texts())}`,
  )
}

async function playConcurrency(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('parallel')
  const settle: (() => void)[] = []
  let [running, most] = [0, 0]
  const handler = async (): Promise<void> => {
    running++
    most = Math.max(most, running)
    await new Promise<void>((resolve) => {
      settle.push(resolve)
    })
    running--
  }
  await world.handle(broker, topic, handler, { concurrency: 3 })
  await world.send(broker, topic, numbers(9))
  let done = 0
  while (done < 9) {
    const want = Math.min(3, 9 - done)
    await world.until(() => running === want && settle.length === want, `${want} calls at once`)
    done += want
    for (const resolve of settle.splice(0)) resolve()
  }
  await world.until(() => running === 0, 'every call has settled')
  strictEqual(most, 3, 'calls at once')
}
