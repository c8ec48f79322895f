import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { isDelivery } from '../../core/delivery.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import type { World } from '../world.ts'

/** What is not acknowledged is delivered again, and what is acknowledged is not. */
export const acks: readonly Script[] = [
  {
    name: 'acks/once',
    title: 'settles a delivery once: the first ack counts, later calls have no effect and say so',
    needs: ['acks', 'groups'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const member = await world.read(broker, topic, { group: world.group('g') })
      await world.send(broker, topic, [0, 1])
      const [first, second] = await world.takeWork(member, 2)
      strictEqual(await first?.ack(), true, 'the first ack')
      strictEqual(await first?.ack(), false, 'a second ack')
      strictEqual(await first?.nak(), false, 'a nak after the ack')
      strictEqual(await first?.extend(), false, 'an extension after the ack')
      strictEqual(await second?.extend(), true, 'an extension of an open delivery')
      strictEqual(await second?.ack(), true, 'an ack after an extension')
      strictEqual(first?.attempt, 1, 'the first attempt')
    },
  },
  {
    name: 'acks/nak-delivers-again',
    title: 'delivers again what was returned, with the next attempt, and loses nothing',
    needs: ['acks', 'groups'],
    play: playNak,
  },
  {
    name: 'acks/many-errors',
    title: 'delivers everything to a member that works after others have returned all they got',
    needs: ['acks', 'groups'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const group = world.group('g')
      const member = await world.read(broker, topic, { group })
      const sent = numbers(20)
      await world.send(broker, topic, sent)
      for (let n = 0; n < 60; n++) {
        const [delivery] = await world.takeWork(member, 1)
        strictEqual(await delivery?.nak(), true, 'a nak')
      }
      member.close()
      const works = await world.listen(broker, topic, { group })
      await world.until(
        () => new Set(works.payloads).size === sent.length,
        () => `20 messages after 60 errors, got ${works.count}`,
      )
    },
  },
  {
    name: 'acks/nak-delay',
    title: 'delivers again what was returned with a delay, and not before',
    needs: ['acks', 'groups', 'nak-delay'],
    play: playNakDelay,
  },
  {
    name: 'acks/deadline',
    title: 'delivers again what was neither settled nor extended in time, and takes no late ack',
    needs: ['acks', 'groups'],
    ackDeadline: true,
    play: playDeadline,
  },
  {
    name: 'acks/extend',
    title: 'leaves a delivery alone whose deadline is extended in time, again and again',
    needs: ['acks', 'groups'],
    ackDeadline: true,
    play: playExtend,
  },
  {
    name: 'acks/member-leaves',
    title: 'gives what a member had not settled to another one',
    needs: ['acks', 'groups'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const group = world.group('g')
      const leaves = await world.read(broker, topic, { group })
      await world.send(broker, topic, numbers(5))
      const [first, ...rest] = await world.takeWork(leaves, 5)
      strictEqual(await first?.ack(), true, 'an ack')
      leaves.close()
      const stays = await world.read(broker, topic, { group })
      const again = await world.takeWork(stays, 4)
      deepStrictEqual(
        again.map(({ payload }) => payload as number).toSorted((a, b) => a - b),
        rest.map(({ payload }) => payload as number).toSorted((a, b) => a - b),
        'what the member that left had not settled',
      )
      for (const delivery of again) strictEqual(await delivery.ack(), true, 'an ack of the other member')
      strictEqual(await rest[0]?.ack(), false, 'a late ack of the member that left')
    },
  },
  {
    name: 'acks/saturated',
    title: 'delivers no more than maxInFlight before something is settled, then goes on',
    needs: ['acks', 'groups'],
    play: playSaturated,
  },
  {
    name: 'acks/out-of-order',
    title: 'takes acks in any order, and delivers again only what was not acked',
    needs: ['acks', 'groups'],
    play: playOutOfOrder,
  },
  {
    name: 'acks/handlers',
    title: 'acks what a handler returns from, and delivers again what it throws at or rejects',
    needs: ['acks', 'groups'],
    play: playHandlers,
  },
  {
    name: 'acks/absent',
    title: 'delivers messages without ack() where it is not provided',
    needs: ['groups'],
    lacks: ['acks'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const heard = await world.listen(broker, topic, { group: world.group('g') })
      await world.send(broker, topic, [0])
      await heard.reach(1)
      ok(!heard.messages.some(isDelivery), 'a message has ack() although "acks" is not declared')
    },
  },
  {
    name: 'acks/key',
    title: 'delivers the key that a message was published with',
    needs: ['acks', 'groups', 'keys'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('keyed')
      const member = await world.read(broker, topic, { group: world.group('g') })
      await world.send(broker, topic, ['a', 'ü', undefined], (key) =>
        key === undefined ? {} : { key: key as string },
      )
      for (const delivery of await world.takeWork(member, 3)) {
        strictEqual(delivery.key, delivery.payload, 'the key of a message')
        await delivery.ack()
      }
    },
  },
]

async function playNak(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('jobs')
  const member = await world.read(broker, topic, { group: world.group('g') })
  const sent = numbers(world.volume(50))
  await world.send(broker, topic, sent)
  const [acked, attempts]: [Set<unknown>, Map<unknown, number>] = [new Set(), new Map()]
  while (acked.size < sent.length) {
    const [delivery] = await world.takeWork(member, 1)
    if (delivery === undefined) break
    const { attempt, payload } = delivery
    ok(!acked.has(payload), `${String(payload)} was delivered again after its ack`)
    strictEqual(attempt, (attempts.get(payload) ?? 0) + 1, `attempt of ${String(payload)}`)
    attempts.set(payload, attempt)
    // The first two of every ten fail twice, as the first messages of a consumer that starts badly.
    if ((payload as number) % 10 < 2 && attempt < 3) strictEqual(await delivery.nak(), true, 'a nak')
    else if (await delivery.ack()) acked.add(payload)
  }
  strictEqual(attempts.get(0), 3, 'attempts of a message that failed twice')
  strictEqual(attempts.get(5), 1, 'attempts of a message that did not fail')
}

async function playNakDelay(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('later')
  const member = await world.read(broker, topic, { group: world.group('g') })
  const delayMs = world.stretch(120)
  await world.send(broker, topic, ['delayed'])
  const [first] = await world.takeWork(member, 1)
  const since = performance.now()
  strictEqual(await first?.nak({ delayMs }), true, 'a nak with a delay')
  await world.send(broker, topic, ['other'])
  const seen: unknown[] = []
  while (!seen.includes('delayed')) {
    const [delivery] = await world.takeWork(member, 1)
    seen.push(delivery?.payload)
    await delivery?.ack()
    if (delivery?.payload !== 'delayed') continue
    const tookMs = performance.now() - since
    // Timers may be early by less than a millisecond.
    ok(tookMs >= delayMs - 1, `delivered again after ${Math.round(tookMs)} ms, not ${delayMs}`)
    strictEqual(delivery.attempt, 2, 'attempt')
  }
  if (!seen.includes('other')) {
    const [other] = await world.takeWork(member, 1)
    strictEqual(other?.payload, 'other')
    await other.ack()
  }
}

async function playDeadline(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('slow')
  const ackDeadlineMs = world.stretch(150)
  const member = await world.read(broker, topic, { group: world.group('g'), ackDeadlineMs })
  await world.send(broker, topic, [0])
  const since = performance.now()
  const [first] = await world.takeWork(member, 1)
  const [again] = await world.takeWork(member, 1)
  const tookMs = performance.now() - since
  strictEqual(again?.payload, 0)
  strictEqual(again.attempt, 2, 'attempt after a deadline')
  // Servers may count from when they sent it, which is a little earlier.
  ok(tookMs >= ackDeadlineMs * 0.8, `delivered again after ${Math.round(tookMs)} ms, before its deadline`)
  strictEqual(await first?.ack(), false, 'an ack after the deadline, when it is with somebody again')
  strictEqual(await again.ack(), true, 'the ack of the second delivery')
}

async function playExtend(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('long')
  const ackDeadlineMs = world.stretch(200)
  const group = world.group('g')
  const member = await world.read(broker, topic, { group, ackDeadlineMs })
  await world.send(broker, topic, ['long'])
  const [long] = await world.takeWork(member, 1)
  const end = performance.now() + 2.5 * ackDeadlineMs
  const extensions = setInterval(() => {
    void long?.extend()
  }, ackDeadlineMs / 5)
  try {
    await world.until(() => performance.now() > end, 'two and a half deadlines pass')
  } finally {
    clearInterval(extensions)
  }
  strictEqual(member.poll(), undefined, 'a delivery that was extended in time was delivered again')
  strictEqual(await long?.ack(), true, 'the ack of a delivery that was extended')
}

async function playSaturated(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('window')
  const maxInFlight = 4
  const member = await world.read(broker, topic, { group: world.group('g'), maxInFlight })
  const probe = await world.listen(broker, topic)
  await world.send(broker, topic, numbers(12), (n) => ({ key: String(n) }))
  await probe.reach(12)
  const held = await world.takeWork(member, maxInFlight)
  strictEqual(member.poll(), undefined, 'a delivery beyond maxInFlight')
  const done = new Set<unknown>()
  for (let next = held.shift(); next !== undefined; next = held.shift()) {
    strictEqual(await next.ack(), true, 'an ack')
    done.add(next.payload)
    const missing = 12 - done.size - held.length
    if (missing > 0) held.push(...(await world.takeWork(member, 1)))
  }
  strictEqual(done.size, 12, 'messages settled')
}

async function playOutOfOrder(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('mixed')
  const group = world.group('g')
  const member = await world.read(broker, topic, { group })
  await world.send(broker, topic, numbers(10), (n) => ({ key: String(n) }))
  const all = await world.takeWork(member, 10)
  const order = [9, 3, 7, 0, 1, 8, 5]
  for (const n of order) {
    const delivery = all.find(({ payload }) => payload === n)
    strictEqual(await delivery?.ack(), true, `an ack of ${n}`)
  }
  member.close()
  const next = await world.read(broker, topic, { group })
  const again = new Set<unknown>()
  while (again.size < 3) {
    const [delivery] = await world.takeWork(next, 1)
    again.add(delivery?.payload)
    await delivery?.ack()
  }
  for (const n of [2, 4, 6]) ok(again.has(n), `${n} was not acked and is not delivered again`)
}

async function playHandlers(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('handled')
  const attempts = new Map<number, number>()
  await world.handle(
    broker,
    topic,
    ({ payload }) => {
      const attempt = (attempts.get(payload as number) ?? 0) + 1
      attempts.set(payload as number, attempt)
      if (payload === 1 && attempt === 1) throw new Error('thrown')
      return payload === 2 && attempt === 1 ? Promise.reject(new Error('rejected')) : undefined
    },
    { group: world.group('g') },
  )
  await world.send(broker, topic, numbers(4))
  await world.until(
    () => attempts.size === 4 && attempts.get(1) === 2 && attempts.get(2) === 2,
    () => `each message handled once, 1 and 2 twice; got ${JSON.stringify([...attempts])}`,
  )
  world.atEnd.push(() => {
    strictEqual(attempts.get(0), 1, 'calls for a message that was handled')
    strictEqual(attempts.get(3), 1, 'calls for a message that was handled')
  })
}
