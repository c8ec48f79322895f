import { setTimeout as pause } from 'node:timers/promises'
import type { DrainReport, MemoryPolicy } from '../core/contract.ts'
import { InvalidTopicError, MailboxFullError } from '../core/errors.ts'
import type { Ledger, MailboxLedger } from '../core/ledger.ts'
import { createBroker } from '../core/memory-broker.ts'
import { type LineBroker, LineConsumer } from './line-consumer.ts'
import type { Input } from './open-input.ts'
import { type Line, readLines } from './read-lines.ts'

export interface LineSettings {
  readonly topic: string
  /** A string in this field of a JSON line is its topic. */
  readonly topicField: string | undefined
  readonly policies: readonly MemoryPolicy[]
  readonly capacity: number
  readonly keys: number
  /** Undefined: as fast as the lines come. */
  readonly publishPerSecond: number | undefined
  /** Undefined: as fast as they can. */
  readonly drainPerSecond: number | undefined
}

/** Where the lines went. Always: `read = published + empty + refused`. */
export interface LineCounts {
  read: number
  published: number
  empty: number
  refused: number
  /** The first refused lines and why. */
  readonly refusals: { readonly line: number; readonly reason: string }[]
}

export interface LineResult {
  readonly lines: LineCounts
  readonly subscribers: readonly MailboxLedger[]
  readonly interrupted: boolean
  readonly drained: DrainReport
  readonly ledger: Ledger
}

const mostRefusals = 20
const turnMs = 2
/** How long consumers may finish after the last line, and after Ctrl-C. */
const drainMs = { end: 30_000, interrupted: 2000 }

/** Publishes the lines of an input through a broker and accounts for every one of them. */
export class LinePublisher {
  readonly lines: LineCounts = { read: 0, published: 0, empty: 0, refused: 0, refusals: [] }
  readonly #settings: LineSettings
  readonly #broker: LineBroker = createBroker()
  readonly #consumers: readonly LineConsumer[]
  readonly #isBlocking: boolean
  readonly #linesPerTurn: number
  readonly #startMs: number = performance.now()
  #sinceTurn = 0
  #failure: { readonly error: unknown } | undefined

  constructor(settings: LineSettings) {
    this.#settings = settings
    const pattern = settings.topicField === undefined ? settings.topic : '>'
    this.#consumers = settings.policies.map(
      (overflow) => new LineConsumer(this.#broker, pattern, overflow, settings),
    )
    this.#isBlocking = settings.policies.includes('block')
    // Consumers that take all they can must get their turn before a mailbox is full or a key comes again.
    const places = settings.policies.includes('latest')
      ? Math.min(settings.keys, settings.capacity)
      : settings.capacity
    this.#linesPerTurn = Math.min(64, places)
  }

  /** Reads to the end, or until `signal` aborts; then drains. Called once. */
  async run(input: Input, signal: AbortSignal): Promise<LineResult> {
    const turns = setInterval(() => this.#turn(), turnMs)
    try {
      await this.#readAll(input, signal)
      const drained = await this.#drain(signal)
      this.#throwIfFailed()
      const subscribers = this.#consumers.map(({ ledger }) => ledger)
      const ledger = this.#broker.ledger()
      return { lines: this.lines, subscribers, interrupted: signal.aborted, drained, ledger }
    } finally {
      clearInterval(turns)
      await this.#broker.close()
    }
  }

  async #readAll(input: Input, signal: AbortSignal): Promise<void> {
    const stop = (): void => input.destroy()
    signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const lines of readLines(input)) {
        for (const line of lines) {
          if (signal.aborted) return
          if (this.#settings.publishPerSecond !== undefined) await this.#untilDue(signal)
          const settled = this.#take(line, signal)
          if (settled !== undefined) await settled
          if (++this.#sinceTurn >= this.#linesPerTurn) this.#turn()
        }
        this.#throwIfFailed()
      }
    } catch (error) {
      if (!signal.aborted) throw error // destroying the input makes reading it fail
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Consumers finish what is inside; Ctrl-C shortens that. */
  async #drain(signal: AbortSignal): Promise<DrainReport> {
    const drained = this.#broker.drain({ timeoutMs: signal.aborted ? drainMs.interrupted : drainMs.end })
    if (signal.aborted) return drained
    const end = (): void => void this.#broker.close() // resolves at once, and ends the drain
    signal.addEventListener('abort', end, { once: true })
    const report = await drained
    signal.removeEventListener('abort', end)
    return report
  }

  #turn(): void {
    this.#sinceTurn = 0
    const seconds = this.#seconds
    for (const consumer of this.#consumers) consumer.turn(seconds)
  }

  #take(line: Line, signal: AbortSignal): Promise<void> | undefined {
    this.lines.read++
    if (line.kind === 'refused') return this.#refuse(line.number, line.reason)
    if (line.kind === 'empty') {
      this.lines.empty++
      return undefined
    }
    return this.#publish(line, signal)
  }

  #publish(line: Line & { readonly kind: 'text' }, signal: AbortSignal): Promise<void> | undefined {
    const data = parse(line.text)
    const payload = { line: line.number, data, bytes: line.bytes }
    this.lines.published++
    const settled = this.#broker.publish(this.#topicOf(data), payload).then(noop, (error: unknown) => {
      if (error instanceof MailboxFullError) return // counted by the ledger
      if (error instanceof InvalidTopicError) {
        this.lines.published--
        this.#refuse(line.number, error.message)
      } else if (!signal.aborted) {
        this.#failure ??= { error }
      }
    })
    return this.#isBlocking || this.#settings.topicField !== undefined ? settled : undefined
  }

  #topicOf(data: unknown): string {
    const { topic, topicField } = this.#settings
    if (topicField === undefined || typeof data !== 'object' || data === null) return topic
    const own = (data as Readonly<Record<string, unknown>>)[topicField]
    return typeof own === 'string' ? own : topic
  }

  #refuse(line: number, reason: string): undefined {
    this.lines.refused++
    if (this.lines.refusals.length < mostRefusals) this.lines.refusals.push({ line, reason })
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const dueSeconds =
      (this.lines.published + 1) / (this.#settings.publishPerSecond ?? Number.POSITIVE_INFINITY)
    while (this.#seconds < dueSeconds && !signal.aborted) {
      await pause(Math.min(50, Math.max(1, (dueSeconds - this.#seconds) * 1000)))
    }
  }

  get #seconds(): number {
    return (performance.now() - this.#startMs) / 1000
  }
}

function noop(): void {}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
