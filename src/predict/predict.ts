import type { DropReason } from '../core/contract.ts'
import { noDrops } from '../core/ledger.ts'
import { countBefore, countUpTo } from './schedule.ts'
import { type CheckedSetting, checkSetting, type Outcome, type Setting } from './setting.ts'

/**
 * Says what will happen, by closed forms. With λ published per second, M = mμ taken per second, capacity B and T seconds:
 * N = ⌊λT⌋ publishes at 1/λ, 2/λ, … and K = ⌊MT⌋ polls at 1/M, 2/M, …, both up to and including T; of two at the same
 * instant the poll comes first. Counts are exact on this schedule; ages are right to about one period (`latest`: half
 * a round of keys).
 *
 * If λ ≤ M, a poll comes between any two publishes: nothing is lost and at most one copy is pending. If λ > M, every
 * poll finds a copy, so delivered = K under every policy but `disconnect`; the mailbox is full after B/(λ−M), and from
 * then on:
 *
 * | overflow | dropped | pending | age | publisher |
 * | --- | --- | --- | --- | --- |
 * | drop-newest | (λ−M)T − B | B | B/M | never waits |
 * | drop-oldest | (λ−M)T − B | B | B/λ | never waits |
 * | latest, k ≤ B | (λ−M)T − pending | k(1−M/λ) to k | up to k/λ, mean k/2λ | never waits |
 * | latest, k > B | as drop-oldest: a key has left before it comes again | | | |
 * | block | 0 | B | (B+1)/M − 1/λ | waits 1−M/λ of the time |
 * | fail | (λ−M)T − B | B | B/M | as many rejections as drops |
 * | disconnect | B+1, then it is over | 0 | B/λ at the end | never waits |
 *
 * @example
 * const { delivered, dropped } = predict({ publishPerSecond: 1000, drainPerSecond: 100, capacity: 16, seconds: 5 })
 */
export function predict(setting: Setting): Outcome {
  const checked = checkSetting(setting)
  const { publishPerSecond, drainPerSecond, overflow, capacity, keys } = checked
  if (publishPerSecond <= drainPerSecond) return keepsUp(checked)
  if (overflow === 'disconnect') return disconnects(checked)
  if (overflow === 'block') return blocks(checked)
  if (overflow === 'latest' && keys <= capacity) return keepsLatest(checked)
  return overflows(checked)
}

/** λ ≤ M. Pending is 1 if no poll comes between the last publish, at N/λ, and T; otherwise 0. Age: 1/2M. */
function keepsUp(setting: CheckedSetting): Outcome {
  const { publishPerSecond, drainPerSecond, seconds } = setting
  const published = countUpTo(publishPerSecond, seconds)
  const pollsAfterLast =
    countUpTo(drainPerSecond, seconds) - countUpTo(drainPerSecond, published / publishPerSecond)
  const pending = published > 0 && pollsAfterLast === 0 ? 1 : 0
  const delivered = published - pending
  const ageSeconds = delivered > 0 ? 1 / (2 * drainPerSecond) : undefined
  return outcome({ published, delivered, pending, ageSeconds })
}

/**
 * drop-newest, fail, drop-oldest, and latest with k > B; λ > M. Pending is B, or B−1 when nothing was published since
 * the last poll, or N−K before the mailbox is full; the rest is dropped. The last copy accepted under drop-newest and
 * fail stood behind B−1 others and leaves B/M later; the oldest of drop-oldest is the B-th last published: B/λ.
 */
function overflows(setting: CheckedSetting): Outcome {
  const { publishPerSecond, drainPerSecond, seconds, overflow, capacity } = setting
  const published = countUpTo(publishPerSecond, seconds)
  const delivered = countUpTo(drainPerSecond, seconds)
  const left = published - delivered
  const beforeLastPoll = delivered === 0 ? 0 : countBefore(publishPerSecond, delivered / drainPerSecond)
  const pending = Math.min(left, published > beforeLastPoll ? capacity : capacity - 1)
  const keepsOld = overflow === 'drop-newest' || overflow === 'fail'
  const steadyAge = keepsOld ? capacity / drainPerSecond : capacity / publishPerSecond
  const lost = left - pending
  return outcome({
    published,
    delivered,
    pending,
    dropped: { [overflow === 'fail' ? 'refused' : keepsOld ? 'buffer-full' : 'evicted-oldest']: lost },
    ageSeconds: age(setting, delivered, steadyAge),
    secondsToFull: firstOverflow(setting, capacity) / publishPerSecond,
    publisher: { waitingShare: 0, rejected: overflow === 'fail' ? lost : 0 },
  })
}

/**
 * latest with k ≤ B; λ > M. Keys are published in turn, so they are also taken in turn: poll j takes the key of
 * publish j. A key is pending unless it was taken after it was last published. Let x = 0 … k−1 number the last k
 * publishes backwards: the key of publish N−x was last taken by poll K−y, with y = (x+δ) mod k and δ = (K−N) mod k. It
 * is absent when (N−x)/λ < (K−y)/M. On each side of the step of y that is an upper bound for x, hence two counts.
 */
function keepsLatest(setting: CheckedSetting): Outcome {
  const { publishPerSecond, drainPerSecond, seconds, keys } = setting
  const published = countUpTo(publishPerSecond, seconds)
  const delivered = countUpTo(drainPerSecond, seconds)
  const pending = published <= keys ? published - delivered : keys - absentKeys(setting, published, delivered)
  const growing = ageWhileFilling(setting, delivered)
  const round = keys / publishPerSecond
  return outcome({
    published,
    delivered,
    pending,
    dropped: { superseded: published - delivered - pending },
    ageSeconds: delivered === 0 ? undefined : growing <= round ? growing : round / 2,
    secondsToFull: firstOverflow(setting, keys) / publishPerSecond,
  })
}

function absentKeys(setting: CheckedSetting, published: number, delivered: number): number {
  const { publishPerSecond, drainPerSecond, keys } = setting
  const step = (((delivered - published) % keys) + keys) % keys
  const bound = (y: number): number => {
    const above = publishPerSecond * (delivered - y) - drainPerSecond * published
    return Math.ceil(snap(above / (publishPerSecond - drainPerSecond)))
  }
  const firstPart = clamp(bound(step), 0, keys - step)
  const secondPart = clamp(bound(step - keys) - (keys - step), 0, step)
  return firstPart + secondPart
}

/**
 * block; λ > M. A publisher needs 1/λ to make a message, then publishes it, and goes on when the promise settles. From
 * the first publish that finds the mailbox full, each poll lets one copy in: pending stays B, and a publisher waits
 * except during the 1/λ after a poll. So delivered = K and published = K + B + waiting. The age counts the wait,
 * 1/M − 1/λ, and the way through the mailbox, B/M.
 */
function blocks(setting: CheckedSetting): Outcome {
  const { publishPerSecond, drainPerSecond, seconds, capacity } = setting
  const delivered = countUpTo(drainPerSecond, seconds)
  const secondsToFull = firstOverflow(setting, capacity) / publishPerSecond
  const steadyAge = (capacity + 1) / drainPerSecond - 1 / publishPerSecond
  const ageSeconds = age(setting, delivered, steadyAge)
  if (secondsToFull > seconds) {
    const published = countUpTo(publishPerSecond, seconds)
    return outcome({ published, delivered, pending: published - delivered, ageSeconds, secondsToFull })
  }
  const releases = delivered - countUpTo(drainPerSecond, secondsToFull)
  const sinceRelease = releases === 0 ? Number.POSITIVE_INFINITY : seconds - delivered / drainPerSecond
  const making = 1 / publishPerSecond
  const waiting = snap(sinceRelease * publishPerSecond) >= 1 ? 1 : 0
  const working = releases === 0 ? 0 : (releases - 1) * making + Math.min(making, sinceRelease)
  const waitingShare = Math.max(0, seconds - secondsToFull - working) / seconds
  return outcome({
    published: delivered + capacity + waiting,
    delivered,
    pending: capacity,
    waiting,
    ageSeconds,
    secondsToFull,
    publisher: { waitingShare, rejected: 0 },
  })
}

/** disconnect; λ > M. Publish d finds the mailbox full: its copy and the B pending ones are dropped, later ones unrouted. */
function disconnects(setting: CheckedSetting): Outcome {
  const { publishPerSecond, drainPerSecond, seconds, capacity } = setting
  const published = countUpTo(publishPerSecond, seconds)
  const last = firstOverflow(setting, capacity)
  const secondsToFull = last / publishPerSecond
  const ended = last <= published
  const delivered = countUpTo(drainPerSecond, ended ? secondsToFull : seconds)
  return outcome({
    published,
    unrouted: ended ? published - last : 0,
    delivered,
    pending: ended ? 0 : published - delivered,
    dropped: { disconnected: ended ? capacity + 1 : 0 },
    ageSeconds: age(setting, delivered, Number.POSITIVE_INFINITY),
    secondsToFull,
  })
}

/**
 * The number d of the first publish that finds `room` copies pending. Publish n finds n−1 − ⌊nM/λ⌋ of them, which is
 * ⌈n(λ−M)/λ⌉ − 1, so d is the first n above room·λ/(λ−M).
 */
function firstOverflow(setting: CheckedSetting, room: number): number {
  const { publishPerSecond, drainPerSecond } = setting
  return Math.floor(snap((room * publishPerSecond) / (publishPerSecond - drainPerSecond))) + 1
}

/** The age grows while the mailbox fills and stays at `steady` from then on. */
function age(setting: CheckedSetting, delivered: number, steady: number): number | undefined {
  return delivered === 0 ? undefined : Math.min(steady, ageWhileFilling(setting, delivered))
}

/** Delivery j is message j: j/M − j/λ, here for the middle of the last tenth of the deliveries. */
function ageWhileFilling(setting: CheckedSetting, delivered: number): number {
  const j = delivered - (lastTenth(delivered) - 1) / 2
  return j / setting.drainPerSecond - j / setting.publishPerSecond
}

/** How many deliveries make up the last tenth of them. */
export function lastTenth(delivered: number): number {
  return Math.ceil(delivered / 10)
}

type Parts = Pick<Outcome, 'published' | 'delivered' | 'pending'> &
  Partial<Omit<Outcome, 'dropped'>> & { readonly dropped?: Partial<Record<DropReason, number>> }

function outcome(parts: Parts): Outcome {
  return {
    published: parts.published,
    unrouted: parts.unrouted ?? 0,
    delivered: parts.delivered,
    dropped: { ...noDrops(), ...parts.dropped },
    pending: parts.pending,
    waiting: parts.waiting ?? 0,
    ageSeconds: parts.ageSeconds,
    secondsToFull: parts.secondsToFull,
    publisher: parts.publisher ?? { waitingShare: 0, rejected: 0 },
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value))
}

/** Takes a whole number that rounding has missed by a hair for what it is. */
function snap(value: number): number {
  const whole = Math.round(value)
  return Math.abs(value - whole) <= 1e-9 * Math.max(1, Math.abs(whole)) ? whole : value
}
