import { checkSignal } from '../core/abort.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import { defaultTimeoutMs, duration, wholeNumber } from '../core/settings.ts'
import type {
  BatchConsumerOptions,
  CircuitOptions,
  DedupeOptions,
  Exhausted,
  FlowOptions,
  RateOptions,
  RetryOptions,
} from './contract.ts'
import type { ConsumerObserver } from './observer.ts'

/** How long to wait between attempts, and which there are. */
export interface RetrySettings {
  readonly attempts: number
  readonly firstMs: number
  readonly factor: number
  readonly maxMs: number
  readonly jitter: number
  readonly when: ((error: unknown) => boolean) | undefined
  readonly maxParked: number
}

export interface CircuitSettings {
  readonly failures: number
  readonly rate: number
  readonly window: number
  readonly openMs: number
  readonly maxOpenMs: number
  readonly probes: number
}

export interface RateSettings {
  readonly perSecond: number
  readonly burst: number
}

export interface DedupeSettings {
  readonly count: number
  readonly windowMs: number
}

/** Everything about a consumer that its options decide, except where dead letters go and what the handler is. */
export interface FlowSettings {
  readonly concurrency: number
  readonly orderingKey: ((message: Message) => unknown) | undefined
  readonly lookAhead: number
  readonly deadlineMs: number
  readonly maxAbandoned: number
  readonly retry: RetrySettings
  readonly exhausted: Exhausted
  readonly circuit: CircuitSettings | undefined
  readonly rate: RateSettings | undefined
  readonly dedupe: DedupeSettings | undefined
  readonly extendEveryMs: number
  readonly signal: AbortSignal | undefined
  readonly observer: ConsumerObserver
  readonly clock: Clock
}

const exhaustedNames: readonly Exhausted[] = ['dead-letter', 'stop', 'discard']

/** Checks all options at once and fills in defaults. Throws `InvalidOptionError` before any effect. */
export function flowSettings(options: FlowOptions<never>, ackDeadlineMs: unknown): FlowSettings {
  objectOf('options', options)
  checkSignal(options.signal)
  const concurrency = wholeNumber('concurrency', options.concurrency, 1)
  const { exhausted = 'dead-letter' } = options
  if (!exhaustedNames.includes(exhausted))
    throw new InvalidOptionError('exhausted', exhausted, `Use one of ${exhaustedNames.join(', ')}.`)
  return {
    concurrency,
    orderingKey: callback('orderingKey', options.orderingKey) as FlowSettings['orderingKey'],
    lookAhead: wholeNumber('lookAhead', options.lookAhead, Math.max(64, 16 * concurrency)),
    deadlineMs: positive('deadlineMs', options.deadlineMs, defaultTimeoutMs),
    maxAbandoned: wholeNumber('maxAbandoned', options.maxAbandoned, 100),
    retry: retrySettings(objectOf('retry', options.retry)),
    exhausted,
    circuit:
      options.circuit === undefined ? undefined : circuitSettings(objectOf('circuit', options.circuit)),
    rate: options.rate === undefined ? undefined : rateSettings(objectOf('rate', options.rate)),
    dedupe: dedupeSettings(options.dedupe),
    extendEveryMs: positive('extendEveryMs', options.extendEveryMs, thirdOf(ackDeadlineMs)),
    signal: options.signal,
    observer: objectOf('observer', options.observer),
    clock: options.clock ?? systemClock,
  }
}

export interface BatchSettings {
  readonly maxBatch: number
  readonly lingerMs: number
}

export function batchSettings(options: Pick<BatchConsumerOptions, 'maxBatch' | 'lingerMs'>): BatchSettings {
  return {
    maxBatch: wholeNumber('maxBatch', options.maxBatch, 100),
    lingerMs: duration('lingerMs', options.lingerMs, 0),
  }
}

/** Checks the functions of `use`. */
export function middlewareOf<Use>(use: readonly Use[] | undefined): readonly Use[] {
  if (use === undefined) return []
  if (!Array.isArray(use) || use.some((each) => typeof each !== 'function'))
    throw new InvalidOptionError('use', use, 'Give an array of functions.')
  return [...use]
}

/** Checks options that have options of their own. */
export function objectOf<Options extends object>(option: string, value: Options | undefined): Options {
  if (value === undefined) return {} as Options // all of them are optional, or the check of the one says so
  if (typeof value === 'object' && value !== null) return value
  throw new InvalidOptionError(option, value, 'Give an object of options, or leave it out.')
}

export function callback(option: string, value: unknown): unknown {
  if (value === undefined || typeof value === 'function') return value
  throw new InvalidOptionError(option, value, 'Give a function.')
}

/** How long to wait after so many failed attempts. */
export function backOffMs({ factor, firstMs, jitter, maxMs }: RetrySettings, failed: number): number {
  const waitMs = Math.min(maxMs, firstMs * factor ** (failed - 1))
  return waitMs * (1 - jitter * Math.random())
}

function retrySettings(retry: RetryOptions): RetrySettings {
  return {
    attempts: wholeNumber('retry.attempts', retry.attempts, 5),
    firstMs: finite('retry.firstMs', retry.firstMs, 100),
    factor: within('retry.factor', retry.factor, 2, 1, 100),
    maxMs: finite('retry.maxMs', retry.maxMs, 30_000),
    jitter: within('retry.jitter', retry.jitter, 0.5, 0, 1),
    when: callback('retry.when', retry.when) as RetrySettings['when'],
    maxParked: wholeNumber('retry.maxParked', retry.maxParked, 256),
  }
}

function circuitSettings(circuit: CircuitOptions): CircuitSettings {
  const { rate } = circuit
  const never = Number.POSITIVE_INFINITY
  if (rate !== undefined && !(typeof rate === 'number' && rate > 0 && rate <= 1))
    throw new InvalidOptionError('circuit.rate', rate, 'Give a share above 0, at most 1.')
  const failures = circuit.failures === undefined && rate !== undefined ? never : 5
  return {
    failures:
      circuit.failures === undefined ? failures : wholeNumber('circuit.failures', circuit.failures, 5),
    rate: rate ?? never,
    window: wholeNumber('circuit.window', circuit.window, 20),
    openMs: finite('circuit.openMs', circuit.openMs, 10_000),
    maxOpenMs: finite('circuit.maxOpenMs', circuit.maxOpenMs, 300_000),
    probes: wholeNumber('circuit.probes', circuit.probes, 1),
  }
}

function rateSettings({ burst, perSecond }: RateOptions): RateSettings {
  if (!(Number.isFinite(perSecond) && perSecond > 0))
    throw new InvalidOptionError('rate.perSecond', perSecond, 'Give a number above 0.')
  return { perSecond, burst: wholeNumber('rate.burst', burst, Math.max(1, Math.floor(perSecond))) }
}

function dedupeSettings(dedupe: boolean | DedupeOptions | undefined): DedupeSettings | undefined {
  if (dedupe === undefined || dedupe === false) return undefined
  const given = dedupe === true ? {} : objectOf('dedupe', dedupe)
  return {
    count: wholeNumber('dedupe.count', given.count, 10_000),
    windowMs: positive('dedupe.windowMs', given.windowMs, 300_000),
  }
}

/** Three extensions fit into one deadline, so that one that is late or lost does no harm. */
function thirdOf(ackDeadlineMs: unknown): number {
  return typeof ackDeadlineMs === 'number' && ackDeadlineMs > 0 ? Math.max(1, ackDeadlineMs / 3) : 10_000
}

export function positive(option: string, value: number | undefined, fallback: number): number {
  if (duration(option, value, fallback) > 0) return value ?? fallback
  throw new InvalidOptionError(option, value, 'Give a number above 0; Infinity means without limit.')
}

function finite(option: string, value: number | undefined, fallback: number): number {
  return within(option, value, fallback, 0, Number.MAX_SAFE_INTEGER)
}

function within(
  option: string,
  value: number | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new InvalidOptionError(option, value, `Give a number from ${least} to ${most}.`)
}
