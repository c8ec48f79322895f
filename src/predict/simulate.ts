import { InvalidOptionError } from '../core/errors.ts'
import { assertBalanced } from '../core/ledger.ts'
import { createBroker } from '../core/memory-broker.ts'
import { wholeNumber } from '../core/settings.ts'
import { PacedConsumer, type Tick } from './paced-consumer.ts'
import { PacedPublisher } from './paced-publisher.ts'
import { lastTenth } from './predict.ts'
import { checkSetting, type Outcome, type Setting } from './setting.ts'
import { Timetable } from './timetable.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface SimulateOptions {
  /** Refuses settings with more publishes and polls than this, before any effect. @defaultValue 10000000 */
  readonly maxEvents?: number
}

/**
 * Measures what `predict` says, on a real broker whose clock is virtual: no real time passes but that of the work,
 * about a second per million messages. Resolves to counts from the broker's ledger, after `assertBalanced`.
 *
 * @example
 * const { delivered } = await simulate({ publishPerSecond: 1000, drainPerSecond: 100, capacity: 16, seconds: 5 })
 */
export async function simulate(setting: Setting, options: SimulateOptions = {}): Promise<Outcome> {
  const checked = checkSetting(setting)
  const { publishPerSecond, drainPerSecond, seconds } = checked
  const events = (publishPerSecond + drainPerSecond) * seconds
  const maxEvents = wholeNumber('maxEvents', options.maxEvents, 10_000_000)
  if (events > maxEvents) {
    const reason = `That is more than maxEvents, ${maxEvents}: ask for less time, or lower rates.`
    throw new InvalidOptionError('seconds', seconds, reason)
  }
  const clock = new VirtualClock()
  const now = (): number => clock.now()
  const broker = createBroker<Record<string, Tick>>({ clock })
  const ages: number[] = []
  const consumer = new PacedConsumer(broker, 'ticks', checked, now, (ageMs) => ages.push(ageMs))
  const publisher = new PacedPublisher(broker.topic('ticks'), checked, now, [consumer])
  await new Timetable([consumer, publisher], (at) => clock.advanceTo(at * 1000)).advance(seconds)
  clock.advanceTo(Math.max(clock.now(), seconds * 1000))
  const ledger = broker.ledger()
  assertBalanced(ledger)
  const outcome = measure(consumer, publisher, seconds, meanOfLastTenth(ages))
  await broker.close()
  publisher.throwIfFailed()
  return outcome
}

/** What a paced run has come to after `seconds`, read from the ledger of its mailbox. */
export function measure(
  consumer: PacedConsumer,
  publisher: PacedPublisher,
  seconds: number,
  ageSeconds: number | undefined,
): Outcome {
  const { routed, delivered, dropped, pending, waiting, overflow } = consumer.ledger
  const { published, rejected } = publisher
  const waitingShare = publisher.waitedUntil(seconds) / seconds
  return {
    published,
    unrouted: published - routed,
    delivered,
    dropped,
    pending,
    waiting,
    ageSeconds,
    secondsToFull: consumer.fullSince,
    publisher: { waitingShare, rejected: overflow === 'fail' ? rejected : 0 },
  }
}

function meanOfLastTenth(agesMs: readonly number[]): number | undefined {
  if (agesMs.length === 0) return undefined
  const last = agesMs.slice(-lastTenth(agesMs.length))
  return last.reduce((sum, ageMs) => sum + ageMs, 0) / last.length / 1000
}
