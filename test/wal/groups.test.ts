import { describe, expect, test } from 'vitest'
import { assertBalanced } from '../../src/index.ts'
import type { DurableBroker, GroupDelivery } from '../../src/wal/contract.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { range, until } from '../support/watch.ts'
import { directory, openInline } from '../support/undo.ts'

async function publish(broker: DurableBroker, topic: string, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) broker.topic(topic).append(n)
  await broker.flush()
}

interface Reader {
  poll(): unknown
  next(): Promise<IteratorResult<unknown, undefined>>
}

async function take(member: Reader, count: number): Promise<GroupDelivery[]> {
  const got: GroupDelivery[] = []
  while (got.length < count) {
    const { value } = await member.next()
    got.push(value as GroupDelivery)
  }
  return got
}

const payloads = (deliveries: readonly GroupDelivery[]): unknown[] => deliveries.map(({ payload }) => payload)

describe('groups on the log', () => {
  test('go on after what was acked when the log is opened again', async () => {
    const dir = directory()
    const first = await openInline(dir)
    await publish(first, 'jobs', 0, 10)
    const member = first.subscribe('jobs', { group: 'workers', from: 'start' })
    const got = await take(member, 6)
    expect(payloads(got)).toEqual(range(0, 6))
    for (const n of [0, 1, 2, 4]) expect(got[n]?.ack()).toBe(true)
    expect(got[0]?.ack()).toBe(false)
    expect(await first.groups()).toMatchObject([
      { name: 'workers', cursor: 3, lagMessages: 6, inFlight: 2, members: 1 },
    ])
    assertBalanced(first.ledger())
    await first.close()

    const second = await openInline(dir)
    expect(await second.groups()).toMatchObject([{ cursor: 3, lagMessages: 6, inFlight: 0, members: 0 }])
    const again = second.subscribe('jobs', { group: 'workers' })
    expect(payloads(await take(again, 6))).toEqual([3, 5, 6, 7, 8, 9])
    await publish(second, 'jobs', 10, 12)
    expect(payloads(await take(again, 2))).toEqual([10, 11])
  })

  test('count what is not acked, whatever lies between', async () => {
    const dir = directory()
    const broker = await openInline(dir)
    const member = broker.subscribe('jobs', { group: 'g', from: 'start' })
    for (let n = 0; n < 10; n++) {
      await publish(broker, 'jobs', n, n + 1)
      await publish(broker, 'other', n, n + 1)
    }
    const got = await take(member, 10)
    for (const n of [2, 3, 4, 8]) expect(got[n]?.ack()).toBe(true)
    expect(await broker.groups()).toMatchObject([{ lagMessages: 6, inFlight: 6 }])
    await broker.close()
    const again = await openInline(dir)
    expect(await again.groups()).toMatchObject([{ lagMessages: 6, inFlight: 0 }])
  })

  test.each([
    ['an offset', 4],
    ['so many from the end', -6],
    ['a time', new Date(1_700_000_000_500)],
  ] as const)('stay where they began, at %s, though nothing was read', async (_what, from) => {
    const clock = new ManualClock()
    const dir = directory()
    const first = await openInline(dir, { clock })
    await publish(first, 'jobs', 0, 4)
    clock.advance(1000)
    await publish(first, 'jobs', 4, 10)
    first.subscribe('jobs', { group: 'g', from })
    await until(() => first.ledger().log.appended > 10)
    await first.flush()
    await first.close()

    const second = await openInline(dir, { clock })
    await publish(second, 'jobs', 10, 12)
    expect(await second.groups()).toMatchObject([{ cursor: 4, lagMessages: 8 }])
    const member = second.subscribe('jobs', { group: 'g', from })
    expect(payloads(await take(member, 8))).toEqual(range(4, 12))
  })

  test('are remembered when they are closed, or moved, before anything was read', async () => {
    const dir = directory()
    const first = await openInline(dir)
    await publish(first, 'jobs', 0, 10)
    first.subscribe('jobs', { group: 'closed', from: -3 })
    first.subscribe('jobs', { group: 'moved', from: -3 })
    await first.seekGroup('moved', 'jobs', 5)
    await first.close()

    const second = await openInline(dir)
    await publish(second, 'jobs', 10, 12)
    expect(await second.groups()).toMatchObject([
      { name: 'closed', cursor: 7 },
      { name: 'moved', cursor: 5 },
    ])
  })

  test('share the work: each message goes to one member, and a member that leaves gives back what it had', async () => {
    const broker = await openInline(directory())
    const [one, two] = [1, 2].map(() => broker.subscribe('jobs', { group: 'g', from: 'start' }))
    await publish(broker, 'jobs', 0, 4)
    if (one === undefined || two === undefined) throw new Error('no members')
    const [first] = await take(one, 1)
    const others = await take(two, 3)
    expect(payloads([...others])).toEqual([1, 2, 3])
    expect(two.poll()).toBeUndefined()
    one.close()
    expect(first?.ack()).toBe(false)
    const [again] = await take(two, 1)
    expect(again).toMatchObject({ payload: 0, attempt: 2 })
  })

  test('deliver again after a nak, after its delay, and after the deadline', async () => {
    const clock = new ManualClock()
    const broker = await openInline(directory(), { clock })
    const member = broker.subscribe('jobs', {
      group: 'g',
      from: 'start',
      ackDeadlineMs: 1000,
      maxInFlight: 3,
    })
    await publish(broker, 'jobs', 0, 5)
    const [a, b, c] = await take(member, 3)
    expect(member.poll()).toBeUndefined() // three are in flight
    expect(a?.nak()).toBe(true)
    expect(b?.nak({ delayMs: 200 })).toBe(true)
    expect(await take(member, 1)).toMatchObject([{ payload: 0, attempt: 2 }])
    expect(payloads(await take(member, 1))).toEqual([3])
    clock.advance(199)
    expect(c?.extend(5000)).toBe(true)
    expect(member.poll()).toBeUndefined()
    clock.advance(801)
    // The deadlines of 0 and 3 have passed; 1 has been waiting for longer.
    expect(payloads(await take(member, 2))).toEqual([0, 1])
    expect(c?.ack()).toBe(true)
    expect(a?.ack()).toBe(false)
  })

  test('keep messages of one ordering key apart and in order', async () => {
    const broker = await openInline(directory())
    const member = broker.subscribe('jobs', {
      group: 'g',
      from: 'start',
      orderingKey: ({ payload }) => String((payload as number) % 2),
    })
    await publish(broker, 'jobs', 0, 6)
    const [zero, one] = await take(member, 2)
    expect(member.poll()).toBeUndefined()
    zero?.nak()
    const [again] = await take(member, 1)
    expect(again).toMatchObject({ payload: 0, attempt: 2 })
    one?.ack()
    expect(payloads(await take(member, 1))).toEqual([3])
    again?.ack()
    expect(payloads(await take(member, 1))).toEqual([2])
  })

  test('are moved while they run, paused and resumed', async () => {
    const broker = await openInline(directory())
    const member = broker.subscribe('jobs', { group: 'g', from: 'start' })
    await publish(broker, 'jobs', 0, 10)
    const [held] = await take(member, 5)
    await broker.seekGroup('g', 'jobs', 8)
    expect(held?.ack()).toBe(false)
    expect(payloads(await take(member, 2))).toEqual([8, 9])
    broker.pauseGroup('g', 'jobs')
    await broker.seekGroup('g', 'jobs', -3)
    expect(member.poll()).toBeUndefined()
    broker.resumeGroup('g', 'jobs')
    expect(payloads(await take(member, 3))).toEqual([7, 8, 9])
    member.close()
    await broker.seekGroup('g', 'jobs', 'start')
    expect(await broker.groups()).toMatchObject([{ cursor: 0, lagMessages: 10 }])
    await broker.removeGroup('g', 'jobs')
    expect(await broker.groups()).toEqual([])
    await expect(broker.seekGroup('nobody', 'jobs', 'start')).rejects.toMatchObject({ option: 'group' })
  })

  test('stay paused when they had no members, and until they are resumed', async () => {
    const dir = directory()
    const first = await openInline(dir)
    first.subscribe('jobs', { group: 'g', from: 'start' })
    await publish(first, 'jobs', 0, 2)
    await first.close()
    const broker = await openInline(dir)
    broker.pauseGroup('g', 'jobs')
    expect(await broker.groups()).toMatchObject([{ members: 0, paused: true }])
    const member = broker.subscribe('jobs', { group: 'g' })
    const handed: unknown[] = []
    void member.next().then(({ value }) => handed.push(value?.payload))
    await publish(broker, 'jobs', 2, 3)
    expect(await broker.groups()).toMatchObject([{ members: 1, paused: true, inFlight: 0 }])
    expect(handed).toEqual([])
    broker.resumeGroup('g', 'jobs')
    await until(() => handed.length === 1)
    expect(handed).toEqual([0])
  })

  test('a handler settles by returning, and gets again what it failed on', async () => {
    const clock = new ManualClock()
    const broker = await openInline(directory(), { clock })
    const errors: unknown[] = []
    broker.observe({ handlerError: ({ error }) => errors.push(error) })
    const seen: unknown[] = []
    const handler = async ({ payload, attempt }: GroupDelivery): Promise<void> => {
      seen.push(`${String(payload)}.${attempt}`)
      if (payload === 1 && attempt < 3) throw new Error('not yet')
    }
    broker.subscribe('jobs', handler, { group: 'g', from: 'start', concurrency: 2 })
    await publish(broker, 'jobs', 0, 3)
    await until(() => seen.length === 3)
    await until(() => errors.length === 1)
    clock.advance(100)
    await until(() => errors.length === 2)
    clock.advance(200)
    await until(() => seen.length === 5)
    expect(seen).toEqual(['0.1', '1.1', '2.1', '1.2', '1.3'])
    await until(() => broker.ledger().mailboxes[0]?.delivered === 5)
    expect(await broker.groups()).toMatchObject([{ lagMessages: 0, lagSeconds: 0 }])
  })

  test('hold retention back with keepFor, and are told what they lost without it', async () => {
    const keep = { segmentBytes: 8192, retention: { count: 100 } } as const
    const broker = await openInline(directory(), { ...keep, retention: { count: 100, keepFor: 'groups' } })
    broker.subscribe('jobs', { group: 'g', from: 'start' }).close()
    for (let n = 0; n < 2000; n += 50) await publish(broker, 'jobs', n, n + 50)
    await until(() => broker.ledger().log.segments > 3)
    expect(broker.ledger().log.evicted).toBe(0)

    const other = await openInline(directory(), keep)
    const warnings: string[] = []
    other.observe({ warning: ({ code }) => warnings.push(code) })
    const member = other.subscribe('jobs', { group: 'g', from: 'start' })
    for (let n = 0; n < 2000; n += 50) await publish(other, 'jobs', n, n + 50)
    await until(() => other.ledger().log.evicted > 0)
    const evicted = other.topics()[0]?.first
    const [first] = await take(member, 1)
    expect(first?.payload).toBe(evicted)
    expect(await other.groups()).toMatchObject([{ lost: evicted }])
    expect(warnings).toEqual(['group-overtaken'])
  })

  test('give a quick handler everything at hand, however much, without waiting for a clock', async () => {
    const broker = await openInline(directory(), { clock: new ManualClock() })
    let handled = 0
    broker.subscribe('jobs', () => void handled++, { group: 'workers', from: 'start' })

    await publish(broker, 'jobs', 0, 5000)

    await until(() => handled >= 5000)
    expect(handled).toBe(5000)
  })
})
