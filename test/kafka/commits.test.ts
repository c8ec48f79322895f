import { describe, expect, it } from 'vitest'
import { Commits } from '../../src/kafka/commits.ts'
import type { ConsumerDriver, PartitionOffset } from '../../src/kafka/driver.ts'
import { PartitionLane } from '../../src/kafka/partition-lane.ts'
import { Wire } from '../../src/remote/wire.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** A lane with `count` records, of which `ack` acks one. */
function setUp(verify: boolean): {
  readonly clock: ManualClock
  readonly commits: Commits
  readonly sent: PartitionOffset[][]
  readonly refused: unknown[]
  readonly lane: PartitionLane
  readonly server: { accepts: boolean; answers: boolean; has: number | undefined }
  readonly ack: () => void
} {
  const clock = new ManualClock()
  const sent: PartitionOffset[][] = []
  const refused: unknown[] = []
  const server: { accepts: boolean; answers: boolean; has: number | undefined } = {
    accepts: true,
    answers: true,
    has: undefined,
  }
  const driver: Pick<ConsumerDriver, 'commit' | 'committed'> = {
    commit(places) {
      sent.push([...places])
      if (!server.answers) return new Promise(() => undefined)
      if (server.accepts) server.has = places[0]?.offset
      return Promise.resolve()
    },
    committed: (parts) => Promise.resolve(parts.map(() => server.has)),
  }
  const lane: PartitionLane = new PartitionLane({ topic: 't', partition: 0, offset: 0 }, -1, {
    clock,
    events: { work: () => undefined, acked: () => commits.acked() },
    limits: { messages: 100, bytes: 1e6 },
    settings: { ackDeadlineMs: Number.POSITIVE_INFINITY, maxInFlight: 100, orderingKey: undefined },
  })
  const records = Array.from({ length: 20 }, (_, n) => ({
    offset: String(n),
    key: null,
    value: Buffer.from('1'),
    timestamp: '0',
  }))
  lane.push(records, new Wire(undefined))
  const commits: Commits = new Commits({
    clock,
    settings: { commitMs: 100, commitMessages: 5, verify },
    lanes: () => [lane],
    driver: () => driver as ConsumerDriver,
    refused: (place, has) => refused.push({ ...place, has }),
  })
  const ack = (): void => {
    const delivery = lane.state.take({})
    if (delivery !== undefined) lane.state.ack(delivery)
  }
  return { clock, commits, sent, refused, lane, server, ack }
}

/** Lets promises that are ready go on. */
async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve()
}

describe('commits', () => {
  it('gather for a while, or until there are enough', async () => {
    const { ack, clock, sent } = setUp(false)

    ack()
    ack()
    clock.advance(99)
    expect(sent).toEqual([])
    clock.advance(1)
    await turns()
    expect(sent).toEqual([[{ topic: 't', partition: 0, offset: 2 }]])
    for (let n = 0; n < 5; n++) ack()
    await turns()
    expect(sent.at(-1)).toEqual([{ topic: 't', partition: 0, offset: 7 }])
  })

  it('that are not answered count as failed and are sent again', async () => {
    const { ack, clock, commits, sent, server } = setUp(false)
    server.answers = false
    ack()
    clock.advance(100)
    await turns()

    clock.advance(5000)
    await turns()
    expect(commits.counts).toEqual({ committed: 0, failed: 1, mismatched: 0 })
    server.answers = true
    clock.advance(100)
    await turns()

    expect(sent).toHaveLength(2)
    expect(commits.counts).toEqual({ committed: 1, failed: 1, mismatched: 0 })
  })

  it('are read back every few seconds where the client does not know, and once more sent', async () => {
    const { ack, clock, commits, refused, sent, server } = setUp(true)
    server.accepts = false
    ack()
    clock.advance(100)
    await turns()
    server.accepts = true

    clock.advance(3000)
    await turns()

    expect(commits.counts).toMatchObject({ committed: 1, mismatched: 1 })
    expect([sent.length, server.has, refused]).toEqual([2, 1, []])
  })

  it('that the server refuses twice are reported, and tried again with the next', async () => {
    const { ack, clock, commits, refused, sent, server } = setUp(true)
    server.accepts = false
    ack()
    clock.advance(100)
    await turns()
    clock.advance(3000)
    await turns()
    expect(refused).toEqual([{ topic: 't', partition: 0, offset: 1, has: undefined }])
    server.accepts = true

    await commits.commit()

    expect([sent.length, server.has]).toEqual([3, 1])
  })

  it('leave out what was given away meanwhile', async () => {
    const { ack, commits, lane, sent } = setUp(false)
    ack()

    lane.giveUp()
    await commits.commit()

    expect(sent).toEqual([])
  })
})
