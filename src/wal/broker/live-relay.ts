import type { Receipt } from '../../core/contract.ts'
import type { InProcessBroker } from '../../core/memory-broker.ts'
import type { Log } from '../store/log.ts'
import type { LogReader } from '../store/log-reader.ts'
import { StoredRecord } from '../store/stored-record.ts'
import { type PublishContext, relayIn } from './publish-context.ts'

/**
 * Hands what becomes visible to the live subscriptions, in order and each once. Their handlers run meanwhile, and may
 * publish so much that more becomes visible, or that the memory which is being read from would be used again: so there
 * is one relay at a time, which goes on with what came meanwhile, and it holds what it has yet to read.
 */
export class LiveRelay {
  readonly #live: InProcessBroker
  readonly #contextOf: (seq: number) => PublishContext | undefined
  #log: Log
  #reader: LogReader
  /** Records below it are to be relayed. */
  #until: number
  #running = false
  /** Messages whose publishers a live mailbox makes wait, from when they are relayed until their publish asks. */
  readonly #waiting = new Map<number, Promise<Receipt>>()

  constructor(live: InProcessBroker, log: Log, contextOf: (seq: number) => PublishContext | undefined) {
    this.#live = live
    this.#contextOf = contextOf
    this.#log = log
    this.#until = log.visible
    this.#reader = log.reader(log.visible)
  }

  /** Goes on with a log that was opened anew. */
  renew(log: Log): void {
    this.#log = log
    this.#until = log.visible
    this.#reader = log.reader(log.visible)
  }

  /** Records below `seq` may be seen. */
  visible(seq: number): void {
    this.#until = seq
    if (this.#running) return
    this.#waiting.clear() // of earlier messages, whose publishers did not ask
    if (this.#live.inhabited) this.#run()
    else this.#reader.seek(seq)
  }

  /** What a publisher has to wait for whose message was relayed; undefined when nothing. */
  waitingFor(seq: number): Promise<Receipt> | undefined {
    return this.#waiting.size === 0 ? undefined : this.#waiting.get(seq)
  }

  #run(): void {
    this.#running = true
    while (this.#reader.seq < this.#until) {
      this.#log.holdFrom(this.#reader.seq)
      const header = this.#reader.next()
      if (header === undefined) break
      if (header instanceof Promise) return void this.#readLater(header)
      this.#relayBatch()
    }
    this.#log.holdFrom(Number.POSITIVE_INFINITY)
    this.#running = false
  }

  /** What has just become visible is in memory, unless its segment is being rewritten. */
  async #readLater(header: Promise<unknown>): Promise<void> {
    try {
      if ((await header) !== undefined) this.#relayBatch()
    } catch (error) {
      const text = `Live subscriptions were not given records ${this.#reader.seq} to ${this.#until - 1}: ${String(error)}`
      this.#live.observers.warn({ code: 'relay-failed', text, subscription: { id: 'log', pattern: '>' } })
      this.#reader.seek(this.#until)
    }
    this.#run()
  }

  #relayBatch(): void {
    const { cursor } = this.#reader
    const { logId, payloads } = this.#log
    while (cursor.advance()) {
      if (cursor.topic.startsWith('$')) continue
      // Handlers read other parts of the log with the same memory for copies.
      payloads.begin(cursor.buffer, cursor.end)
      const record = new StoredRecord(cursor, payloads, logId)
      const waiting = relayIn(this.#contextOf(record.seq), this.#live, record)
      if (waiting === undefined) continue
      waiting.catch(noop) // whoever published it hears of it, if they wait
      this.#waiting.set(record.seq, waiting)
    }
  }
}

function noop(): void {}
