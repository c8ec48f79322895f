import { describe, expect, it } from 'vitest'
import type { ProducerDriver, SendResult } from '../../src/kafka/driver.ts'
import type { SendSettings } from '../../src/kafka/options.ts'
import { SendLane } from '../../src/kafka/send-lane.ts'
import { failedSend, neverSent } from '../../src/kafka/send-errors.ts'
import { Sending } from '../../src/kafka/sending.ts'
import { ManualClock } from '../support/manual-clock.ts'

const settings: SendSettings = {
  deadlineMs: 1000,
  lingerMs: 0,
  batchMessages: 4,
  batchBytes: 1e6,
  windowMessages: 100,
  windowBytes: 1e6,
}

/** A lane whose server answers when, and what, the test says. */
function setUp(sendsAtOnce = 1, given: Partial<SendSettings> = {}) {
  const clock = new ManualClock()
  const sends: { readonly keys: readonly string[]; answer(result: SendResult | 'ok'): void }[] = []
  let next = 0
  const producer: ProducerDriver = {
    sendsAtOnce,
    send: (_, records) =>
      new Promise((resolve) => {
        sends.push({
          keys: records.map(({ key }) => key ?? ''),
          answer: (result) =>
            resolve(records.map(() => (result === 'ok' ? { partition: 0, offset: next++ } : result))),
        })
      }),
    close: () => Promise.resolve(),
  }
  const released: string[] = []
  const topic: { exists: boolean | 'unknown'; asked: number } = { exists: true, asked: 0 }
  const lane = new SendLane({
    topic: 't',
    clock,
    settings: { ...settings, ...given },
    producer,
    exists() {
      topic.asked++
      return topic.exists === 'unknown' ? Promise.reject(new Error('away')) : Promise.resolve(topic.exists)
    },
    hold: () => undefined,
    missing: () => undefined,
    released: (sent) => released.push(...sent.map(({ record }) => record.key ?? '')),
    up: () => undefined,
    down: () => undefined,
  })
  const outcomes = new Map<string, unknown>()
  const push = (...keys: readonly string[]): void => {
    for (const key of keys) {
      const record = { key, value: new Uint8Array(10), headers: {}, time: 0 }
      const sending = new Sending('t', record, clock.now(), settings.deadlineMs, () => undefined)
      sending.promise.then(
        ({ offset }) => outcomes.set(key, offset),
        (error: { readonly code: string }) => outcomes.set(key, error.code),
      )
      lane.push(sending)
    }
  }
  return { clock, lane, outcomes, push, released, sends, topic }
}

async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve()
}

describe('what is sent to one topic', () => {
  it('gathers while a request is under way, and goes in order', async () => {
    const { outcomes, push, sends } = setUp()

    push('a')
    await turns()
    push('b', 'c')
    await turns()
    push('d', 'e', 'f')
    await turns()
    expect(sends.map(({ keys }) => keys)).toEqual([['a']])
    sends[0]?.answer('ok')
    await turns()
    expect(sends[1]?.keys).toEqual(['b', 'c', 'd', 'e'])
    sends[1]?.answer('ok')
    await turns()
    sends[2]?.answer('ok')
    await turns()

    expect([...outcomes]).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
      ['d', 3],
      ['e', 4],
      ['f', 5],
    ])
  })

  it('waits for others as long as it is told to, and no longer than a full request needs', async () => {
    const { clock, push, sends } = setUp(1, { lingerMs: 50 })

    push('a')
    await turns()
    expect(sends).toHaveLength(0)
    clock.advance(50)
    await turns()

    expect(sends.map(({ keys }) => keys)).toEqual([['a']])
  })

  it('that could certainly not be sent is tried again, before what came later', async () => {
    const { clock, outcomes, push, sends } = setUp()
    push('a')
    await turns()
    push('b')
    sends[0]?.answer(neverSent(new Error('no connection')))
    await turns()
    expect([sends.length, outcomes.size]).toEqual([1, 0])

    clock.advance(200)
    await turns()
    sends[1]?.answer('ok')
    await turns()

    expect(sends[1]?.keys).toEqual(['a', 'b'])
    expect([...outcomes]).toEqual([
      ['a', 0],
      ['b', 1],
    ])
  })

  it('that the server may have is not sent again', async () => {
    const { outcomes, push, sends } = setUp()
    push('a')
    await turns()

    sends[0]?.answer(failedSend({ name: 'KafkaJSConnectionClosedError', message: 'closed' }))
    await turns()

    expect([...outcomes]).toEqual([['a', 'SPW_PUBLISH_UNCONFIRMED']])
    expect(sends).toHaveLength(1)
  })

  it('that the server refuses is told so; beside others each is tried alone', async () => {
    const { outcomes, push, released, sends } = setUp()
    const tooLarge = failedSend({ type: 'MESSAGE_TOO_LARGE', message: 'too large' })
    push('a', 'b')
    await turns()
    sends[0]?.answer(tooLarge)
    await turns()
    push('c')
    await turns()
    expect(sends[1]?.keys).toEqual(['a'])
    sends[1]?.answer(tooLarge)
    await turns()
    expect(sends[2]?.keys).toEqual(['b'])
    sends[2]?.answer('ok')
    await turns()
    sends[3]?.answer('ok')
    await turns()

    expect([...outcomes]).toEqual([
      ['a', 'SPW_PUBLISH_REJECTED'],
      ['b', 0],
      ['c', 1],
    ])
    expect(released).toEqual(['a', 'b', 'c'])
  })

  it('waits until it is known that the topic exists', async () => {
    const { clock, outcomes, push, sends, topic } = setUp()
    topic.exists = 'unknown'
    push('a')
    await turns()
    expect([topic.asked, sends.length]).toEqual([1, 0])
    topic.exists = true
    clock.advance(200)
    await turns()
    sends[0]?.answer('ok')
    await turns()
    topic.exists = false
    push('b')
    await turns()
    sends[1]?.answer('ok')
    await turns()

    expect([...outcomes]).toEqual([
      ['a', 0],
      ['b', 1],
    ]) // it asks once
  })

  it('leaves out what was given up while it waited', async () => {
    const { push, released, sends } = setUp()
    const { outcomes } = { outcomes: new Map<string, unknown>() }
    push('a')
    await turns()
    push('b')
    const record = { key: 'c', value: null, headers: {}, time: 0 }
    const given = new Sending('t', record, 0, 10, () => undefined)
    given.promise.catch((error: unknown) => outcomes.set('c', error))
    given.fail('failed', 'given up')
    sends[0]?.answer('ok')
    await turns()

    expect(sends[1]?.keys).toEqual(['b'])
    expect(released).toEqual(['a'])
  })

  it('has as many requests under way as its client can keep in order', async () => {
    const { push, sends } = setUp(2)
    push('a')
    await turns()
    push('b')
    await turns()
    push('c')
    await turns()

    expect(sends.map(({ keys }) => keys)).toEqual([['a'], ['b']])
  })
})
