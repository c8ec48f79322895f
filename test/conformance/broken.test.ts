import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { certify, conformance, type Transport } from '../../src/conformance/index.ts'
import { boasting, broken, omit } from './altering.ts'
import * as faults from './broken-brokers.ts'
import { log, memory, wal as onDisk } from './transports.ts'

// The tests of the kit: each broker here has one fault, and the scenario named beside it has to find it. That the same
// scenarios pass on the sound brokers is what memory.test.ts, log.test.ts and wal.test.ts show.

const { end, start, transport: wal } = onDisk('inline')
beforeAll(start)
afterAll(end)

const cases: readonly [what: string, transport: Transport, scenario: string, says: string][] = [
  [
    'loses every 1000th message',
    broken(memory, faults.losesEveryThousandth),
    'basics/a-thousand',
    '1500 messages on',
  ],
  [
    'delivers twice in a group',
    broken(memory, faults.deliversTwiceInGroups),
    'groups/exclusive',
    'what the members of a group have together',
  ],
  [
    'acks when it is asked to deliver again',
    broken(wal, faults.acksOnNak),
    'acks/nak-delivers-again',
    'in vain: 1 messages',
  ],
  [
    'skips on nak, behind other messages',
    broken(wal, faults.acksOnNak),
    'acks/many-errors',
    'in vain: 1 messages',
  ],
  [
    'acks everything up to what is acked',
    broken(wal, faults.acksCumulatively),
    'acks/out-of-order',
    'in vain: 1 messages',
  ],
  [
    'acks everything up to what is acked, for good',
    broken(wal, faults.acksCumulatively),
    'durable/group-resumes',
    'in a group that was opened again',
  ],
  ['reorders', broken(memory, faults.reorders), 'basics/order', 'the order of one publisher'],
  ['reorders what is replayed', broken(log, faults.reorders), 'replay/seam', 'reader 0'],
  [
    'swallows rejections',
    broken(memory, faults.swallowsRejections),
    'patterns/wrong-topics',
    'publishing to "" was accepted',
  ],
  [
    'swallows rejections at the end',
    broken(memory, faults.swallowsRejections),
    'endings/after-close',
    'publish after close was accepted',
  ],
  [
    'swallows refusals of full mailboxes',
    broken(memory, faults.swallowsRejections),
    'overload/fail-stuck',
    'publishes that were rejected',
  ],
  [
    'swallows what handlers throw',
    broken(memory, faults.swallowsHandlerErrors),
    'consuming/handler-errors',
    'handlerError reports',
  ],
  [
    'acks what a handler has failed at',
    broken(wal, faults.swallowsHandlerErrors),
    'acks/handlers',
    'each message handled once, 1 and 2 twice',
  ],
  [
    'counts one message too many',
    broken(memory, faults.countsOneTooMany),
    'basics/fan-out',
    'published = routed + unrouted',
  ],
  [
    'hides drops from its ledger',
    broken(memory, faults.hidesDrops),
    'overload/drop-oldest-stuck',
    'counted as dropped under drop-oldest',
  ],
  [
    'calls handlers after it has closed',
    broken(memory, faults.callsHandlersAfterClose),
    'consuming/concurrency',
    'a handler was called after close()',
  ],
  [
    'hands out messages after it has closed',
    broken(memory, faults.handsOutAfterClose),
    'basics/fan-out',
    'was delivered after close',
  ],
  [
    'leaves subscriptions behind',
    broken(memory, faults.leavesSubscriptions),
    'basics/fan-out',
    'subscriptions that are closed leave the ledger',
  ],
  [
    'begins elsewhere when an offset is evicted',
    broken(log, faults.clamps),
    'replay/evicted',
    'an offset that is evicted was accepted',
  ],
  [
    'skips in silence what retention has removed',
    broken(log, faults.skips),
    'replay/overtaken',
    '1 was skipped in silence',
  ],
  ['forgets the delay of a nak', broken(wal, faults.naksAtOnce), 'acks/nak-delay', 'delivered again after'],
  ['counts no attempts', broken(wal, faults.countsNoAttempts), 'acks/nak-delivers-again', 'attempt of 0'],
  ['has no deadline', broken(wal, faults.ignoring('ackDeadlineMs')), 'acks/deadline', 'in vain: 1 messages'],
  [
    'extends nothing',
    broken(wal, faults.extendsNothing),
    'acks/extend',
    'a delivery that was extended in time was delivered again',
  ],
  [
    'ignores maxInFlight',
    broken(wal, faults.ignoring('maxInFlight')),
    'acks/saturated',
    'a delivery beyond maxInFlight',
  ],
  [
    'ignores ordering keys',
    broken(wal, faults.ignoring('orderingKey')),
    'key-order/nak',
    'two of one lane are in hand',
  ],
  ['forgets its groups', broken(wal, faults.forgetsGroups), 'acks/member-leaves', 'in vain: 4 messages'],
  [
    'has mailboxes without a bound',
    broken(memory, faults.ignoring('capacity')),
    'overload/drop-oldest-bursty',
    'what is delivered under drop-oldest',
  ],
  [
    'makes every mailbox wait',
    broken(memory, faults.alwaysBlocks),
    'overload/healthy-beside-stuck',
    'a publish beside stuck subscriptions',
  ],
  [
    'matches more than it should',
    broken(memory, faults.matchesTooMuch),
    'patterns/truth-table',
    'what "*" matches of',
  ],
  [
    'changes names of headers',
    broken(memory, faults.changesHeaderNames),
    'payloads/headers',
    'headers as they were published',
  ],
  [
    'reads bytes as text',
    broken(memory, faults.readsBytesAsText),
    'payloads/bytes',
    '256 bytes arrived as other bytes',
  ],
  [
    'makes up ids of its own',
    broken(memory, faults.givesOneId),
    'basics/ids',
    'two messages have the same id',
  ],
  [
    'drops what is pending when it drains',
    broken(memory, faults.dropsWhenDraining),
    'endings/drain',
    'messages handed to the handler',
  ],
  [
    'never finishes closing',
    broken(memory, faults.neverCloses),
    'endings/close-twice',
    'all calls of close and drain',
  ],
  [
    'starts whatever is required',
    openingWithout(memory, 'requires'),
    'refusals/requires',
    'requires "durable" was accepted',
  ],
  [
    'ignores schemas',
    openingWithout(memory, 'schemas'),
    'payloads/schema',
    'a payload that its schema refuses was accepted',
  ],
  ['ignores `from`', broken(memory, faults.ignoring('from')), 'refusals/from', 'from: start was accepted'],
  [
    'is another than it is declared to be',
    { ...memory, capabilities: log.capabilities },
    'basics/declares',
    'the broker is another one',
  ],
  ['declares acks that it has not', boasting(memory, 'acks'), 'acks/once', 'has no ack()'],
  ['declares dedupe that it has not', boasting(memory, 'dedupe'), 'durable/dedupe', 'each message once'],
  ['declares to be durable and is not', boasting(log, 'durable'), 'durable/reopen', 'in vain: 50 messages'],
  [
    'declares to count attempts and does not',
    boasting(broken(wal, faults.countsNoAttempts), 'attempts'),
    'clients/attempts',
    'attempt of the second member',
  ],
]

describe('the kit', () => {
  it.each(cases)('finds a broker that %s', async (_, transport, name, says) => {
    const scenario = conformance(transport).find((one) => one.name === name)

    await expect(scenario?.run()).rejects.toThrow(says)
  })

  it('says on its card what is broken, and what is not', async () => {
    const card = await certify(broken(memory, faults.deliversTwiceInGroups))

    expect(card.ok).toBe(false)
    expect(card.capabilities).toMatchObject({ groups: 'failed', order: 'certified', durable: 'not provided' })
    expect(card.overflow).toMatchObject({ 'drop-newest': 'certified', spill: 'not provided' })
    expect(card.contract).toBe('certified')
    const failed = card.scenarios.filter(({ ok }) => !ok)
    expect(failed.map(({ name }) => name)).toContain('groups/exclusive')
    expect(failed.every(({ error }) => typeof error === 'string' && error !== '')).toBe(true)
  })

  it('calls nothing certified that no scenario could look at', async () => {
    const card = await certify({ ...boasting(omit(log, 'evict'), 'remote'), name: 'nowhere' })

    expect(card.capabilities.remote).toBe('untested')
    expect(card.leftOut).toContain('clients/hear-each-other')
    expect(card.leftOut).toContain('replay/evicted')
    expect(card.transport).toBe('nowhere')
  })
})

function openingWithout(transport: Transport, option: string): Transport {
  return { ...transport, open: (options = {}) => transport.open(omit(options, option)) }
}
