import { ok } from 'node:assert/strict'
import type { Broker } from '../../core/contract.ts'
import { type Heard, numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { turn, until } from '../wait.ts'
import type { World } from '../world.ts'

/** What happens outside: servers die, networks fail. A message is delivered, or refused, or its loss is reported. */
export const faults: readonly Script[] = [
  {
    name: 'faults/server-killed',
    title: 'loses nothing unreported when its server is killed three times, and goes on by itself',
    needs: ['remote', 'reconnect'],
    hooks: ['server'],
    play: (world) =>
      noUnreportedLoss(world, 3, async () => {
        await world.transport.server?.kill()
        await turn()
        await world.transport.server?.start()
      }),
  },
  {
    name: 'faults/server-keeps',
    title: 'keeps what was acknowledged when its server is killed and started again',
    mode: 'publish-first',
    needs: ['remote', 'durable', 'replay', 'reconnect'],
    hooks: ['server'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('kept')
      await world.send(broker, topic, numbers(50))
      await world.transport.server?.kill()
      await world.transport.server?.start()
      const heard = await world.listen(await reconnected(world, broker), topic, { from: 'start' })
      await heard.exactly(numbers(50), 'what was acknowledged before')
    },
  },
  {
    name: 'faults/link-cut',
    title: 'loses nothing unreported when its connections are cut for a while',
    needs: ['remote', 'reconnect'],
    hooks: ['link'],
    play: (world) =>
      noUnreportedLoss(world, 2, async (broker) => {
        world.transport.link?.cut()
        await noticed(world, broker)
        world.transport.link?.heal()
      }),
  },
  {
    name: 'faults/link-half-open',
    title: 'loses nothing unreported when no byte comes through for a while and no connection ends',
    needs: ['remote', 'reconnect'],
    hooks: ['link'],
    play: (world) =>
      noUnreportedLoss(world, 2, async (broker) => {
        world.transport.link?.stall()
        await noticed(world, broker)
        world.transport.link?.heal()
      }),
  },
  {
    name: 'faults/link-reset',
    title: 'loses nothing unreported when its connections are reset again and again',
    needs: ['remote', 'reconnect'],
    hooks: ['link'],
    play: (world) =>
      noUnreportedLoss(world, 3, async () => {
        world.transport.link?.reset()
        await turn()
      }),
  },
  {
    name: 'faults/link-slow',
    title: 'delivers everything over a slow link',
    needs: ['remote'],
    hooks: ['link'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('slow')
      const heard = await world.listen(broker, topic)
      world.transport.link?.delay(world.stretch(15))
      try {
        await world.send(broker, topic, numbers(30))
        await heard.exactlyTheSet(numbers(30), 'over a slow link')
      } finally {
        world.transport.link?.heal()
      }
    },
  },
]

/** A fault lasts until the broker has noticed it, or as long as a short pause in a network may last. */
async function noticed(world: World, broker: Broker): Promise<void> {
  const before = disconnects(world, broker)
  const end = performance.now() + world.stretch(300)
  await world.until(() => disconnects(world, broker) > before || performance.now() > end, 'a fault')
}

function disconnects(world: World, broker: Broker): number {
  const reports = world.reports(broker)
  return reports.filter(({ event, kind }) => kind === 'connection' && event.state === 'disconnected').length
}

/** Resolves when the broker publishes again. */
async function reconnected(world: World, broker: Broker): Promise<Broker> {
  const topic = await world.topic('back')
  let back = false
  const attempt = (): void => {
    broker.publish(topic, 'back').then(
      () => {
        back = true
      },
      () => undefined,
    )
  }
  await repeatUntil(world, attempt, () => back, 'a publish is taken again')
  return broker
}

/** Does something now and then until a condition holds. */
async function repeatUntil(
  world: World,
  attempt: () => void,
  condition: () => boolean,
  what: string,
): Promise<void> {
  const everyMs = 50
  const end = performance.now() + world.deadlineMs
  while (!condition()) {
    attempt()
    try {
      await until(condition, everyMs, what)
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}

/** Publishes before, during and after each fault, then asks for every message what became of it. */
async function noUnreportedLoss(
  world: World,
  times: number,
  disturb: (broker: Broker) => Promise<void>,
): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('troubled')
  const acks = broker.capabilities.provides.includes('acks')
  const heard = await world.listen(broker, topic, acks ? { group: world.group('g') } : {})
  const each = world.volume(40)
  const publishes: Promise<boolean>[] = []
  const publish = (n: number): void => {
    publishes.push(
      broker.publish(topic, n).then(
        () => true,
        () => false,
      ),
    )
  }
  try {
    for (let time = 0; time < times; time++) {
      for (let n = 0; n < each / 2; n++) publish(publishes.length)
      const over = disturb(broker)
      for (let n = 0; n < each / 2; n++) publish(publishes.length)
      await over
      await recovered(world, broker, topic, heard, `after-${time}`)
    }
  } finally {
    world.transport.link?.heal()
  }
  const taken = await world.within(Promise.all(publishes), 'every publish settles')
  const missing = (): number[] =>
    numbers(taken.length).filter((n) => taken[n] === true && !heard.payloads.includes(n))
  if (broker.capabilities.delivery === 'best-effort' && missing().length > 0) {
    ok(
      disconnects(world, broker) > 0,
      `${missing().length} messages are gone, and no disconnect was reported`,
    )
    return
  }
  await world.until(
    () => missing().length === 0,
    () => `messages whose publish resolved are delivered; missing are ${missing().slice(0, 20).join(' ')}`,
  )
}

/** Resolves when the subscription hears something that was published after the fault. */
async function recovered(
  world: World,
  broker: Broker,
  topic: string,
  heard: Heard,
  mark: string,
): Promise<void> {
  const attempt = (): void => {
    broker.publish(topic, mark).catch(() => undefined)
  }
  await repeatUntil(world, attempt, () => heard.payloads.includes(mark), `a message comes again ${mark}`)
}
