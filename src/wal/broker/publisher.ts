import { checkSignal } from '../../core/abort.ts'
import type { AckLevel, Receipt } from '../../core/contract.ts'
import { BrokerClosedError, InvalidOptionError, InvalidTopicError } from '../../core/errors.ts'
import { SchemaTable, validate } from '../../core/schema.ts'
import type { PayloadSchema } from '../../core/schema.ts'
import { checkTopic } from '../../core/topic.ts'
import type { Waiter } from '../commit/batch.ts'
import type { DurablePublishOptions, DurableReceipt, SyncPolicy } from '../contract.ts'
import { LogFailedError, ProducerSequenceError } from '../errors.ts'
import type { RecordExtras } from '../format/batch-builder.ts'
import type { TopicState } from '../recovery/log-state.ts'
import type { Log } from '../store/log.ts'

/** What becomes of a stored message on its way to live subscriptions; undefined when nothing is to be waited for. */
export type Relayed = (seq: number) => Promise<Receipt> | undefined

const levels: readonly AckLevel[] = ['accepted', 'written', 'synced']
const maxPartBytes = 65_535
const noOptions: DurablePublishOptions = Object.freeze({})

/** A publish that waits for its message to be stored, and then for the live mailboxes that make it wait. */
class PendingPublish implements Waiter {
  readonly promise: Promise<DurableReceipt>
  readonly #relayed: Relayed
  readonly #level: AckLevel
  readonly #seq: number
  readonly #offset: number
  #resolve!: (receipt: DurableReceipt | Promise<DurableReceipt>) => void // assigned by the promise's executor
  #reject!: (error: unknown) => void

  constructor(level: AckLevel, seq: number, offset: number, relayed: Relayed) {
    this.#level = level
    this.#seq = seq
    this.#offset = offset
    this.#relayed = relayed
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  stored(): void {
    const receipt = {
      level: this.#level,
      routed: true,
      offset: this.#offset,
      seq: this.#seq,
      duplicate: false,
    }
    const relayed = this.#relayed(this.#seq)
    this.#resolve(relayed === undefined ? receipt : relayed.then(() => receipt))
  }

  failed(stored: 'no' | 'unknown', cause: unknown): void {
    this.#reject(new LogFailedError(stored, cause))
  }
}

/** From a payload to a record of the log: validation, encoding, the level that is waited for. */
export class Publisher {
  published = 0
  readonly #schemas: SchemaTable
  readonly #hasSchemas: boolean
  readonly #sync: SyncPolicy
  readonly #relayed: Relayed
  readonly #topics = new Map<string, TopicState>()
  /** Of publishes that may be aborted while they wait, by the number of their record. */
  readonly #abortable = new Map<number, DurablePublishOptions>()
  #log: Log
  #closed = false
  /** Topics with an asynchronous validation under way: later publishes queue behind it to keep their order. */
  readonly #validating = new Map<string, Promise<unknown>>()

  constructor(
    log: Log,
    sync: SyncPolicy,
    schemas: Readonly<Record<string, PayloadSchema>> | undefined,
    relayed: Relayed,
  ) {
    this.#log = log
    this.#sync = sync
    this.#schemas = new SchemaTable(schemas ?? {})
    this.#hasSchemas = schemas !== undefined
    this.#relayed = relayed
  }

  /** Goes on with a log that was opened anew. */
  renew(log: Log): void {
    this.#log = log
    this.#topics.clear()
  }

  refuse(): void {
    this.#closed = true
  }

  /** What a publish under way was given that matters while its message is handed to live mailboxes. */
  optionsOf(seq: number): DurablePublishOptions | undefined {
    return this.#abortable.size === 0 ? undefined : this.#abortable.get(seq)
  }

  publish(topic: string, payload: unknown, options?: DurablePublishOptions): Promise<DurableReceipt> {
    try {
      if (this.#closed) throw new BrokerClosedError('publish')
      const state = this.topic(topic)
      if (this.#hasSchemas) return this.#publishChecked(topic, payload, options)
      return this.#store(state, payload, options ?? noOptions)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Adds a message without a promise; returns its offset. */
  append(topic: string, payload: unknown): number {
    if (this.#closed) throw new BrokerClosedError('append')
    const state = this.topic(topic)
    const schema = this.#hasSchemas ? this.#schemas.find(topic) : undefined
    const valid = schema === undefined ? payload : validate(schema, topic, payload)
    if (valid instanceof Promise)
      throw new InvalidOptionError(
        'schemas',
        topic,
        'append cannot wait for an asynchronous schema: publish.',
      )
    const { payloads } = this.#log
    const offset = state.next
    const value = payloads.encode(valid, topic)
    this.#log.append(state, payloads.encoding, value, undefined, this.#sync === 'always', undefined)
    this.published++
    return offset
  }

  /** The state of a topic that may be published to. Throws `InvalidTopicError`. */
  topic(name: string): TopicState {
    let state = this.#topics.get(name)
    if (state === undefined) {
      checkTopic(name)
      if (name.startsWith('$'))
        throw new InvalidTopicError(name, 0, 'topics that begin with a dollar sign belong to the log.')
      state = this.#log.state.topic(name)
      this.#topics.set(name, state)
    }
    return state
  }

  #publishChecked(
    topic: string,
    payload: unknown,
    options: DurablePublishOptions | undefined,
  ): Promise<DurableReceipt> {
    const schema = this.#schemas.find(topic)
    if (schema === undefined) return this.#store(this.topic(topic), payload, options ?? noOptions)
    const earlier = this.#validating.get(topic)
    const valid =
      earlier === undefined
        ? validate(schema, topic, payload)
        : earlier.then(() => validate(schema, topic, payload))
    if (!(valid instanceof Promise)) return this.#store(this.topic(topic), valid, options ?? noOptions)
    const sent = valid.then((late) => {
      if (this.#closed) throw new BrokerClosedError('publish')
      return this.#store(this.topic(topic), late, options ?? noOptions)
    })
    const over = valid.then(noop, noop)
    this.#validating.set(topic, over)
    void over.then(() => {
      if (this.#validating.get(topic) === over) this.#validating.delete(topic)
    })
    return sent
  }

  #store(topic: TopicState, payload: unknown, options: DurablePublishOptions): Promise<DurableReceipt> {
    const log = this.#log
    const level = options.ack ?? (this.#sync === 'always' ? 'synced' : 'written')
    if (!levels.includes(level))
      throw new InvalidOptionError('ack', level, `Use one of ${levels.join(', ')}.`)
    checkSignal(options.signal)
    options.signal?.throwIfAborted()
    const { producer } = options
    if (producer !== undefined) {
      const repeated = this.#repeated(producer)
      if (repeated !== undefined) return repeated
    }
    const value = log.payloads.encode(payload, topic.name)
    const { encoding } = log.payloads
    const extras = options === noOptions ? undefined : extrasOf(options)
    const offset = topic.next
    const seq = log.state.nextSeq
    const pending = level === 'accepted' ? undefined : new PendingPublish(level, seq, offset, this.#relayed)
    log.append(topic, encoding, value, extras, level === 'synced', pending)
    this.published++
    if (producer !== undefined)
      log.state.producers.remember(producer.id, producer.sequence, seq, offset, log.state.lastMs)
    if (pending !== undefined) {
      if (options.signal !== undefined) this.#mayBeAborted(seq, options, pending)
      return pending.promise
    }
    return Promise.resolve({ level, routed: true, offset, seq, duplicate: false })
  }

  #mayBeAborted(seq: number, options: DurablePublishOptions, { promise }: PendingPublish): void {
    this.#abortable.set(seq, options)
    const forget = (): unknown => this.#abortable.delete(seq)
    promise.then(forget, forget)
  }

  /** What a repeated publish resolves with: what the first was stored as, once that is durable. */
  #repeated(producer: {
    readonly id: string
    readonly sequence: number
  }): Promise<DurableReceipt> | undefined {
    const { id, sequence } = producer
    if (typeof id !== 'string' || id === '' || !Number.isSafeInteger(sequence) || sequence < 0)
      throw new InvalidOptionError(
        'producer',
        producer,
        'Give { id, sequence }: a name and a whole number ≥ 0.',
      )
    const found = this.#log.state.producers.find(id, sequence)
    if (found === undefined) return undefined
    if (found === 'older') throw new ProducerSequenceError(id, sequence)
    const receipt: DurableReceipt = { level: 'synced', routed: true, ...found, duplicate: true }
    return this.#log.flush().then(() => receipt)
  }
}

function extrasOf({ headers, id, key, producer, tombstone }: DurablePublishOptions): RecordExtras {
  if (tombstone === true && key === undefined)
    throw new InvalidOptionError(
      'tombstone',
      tombstone,
      'A tombstone needs the key of which nothing is left.',
    )
  return {
    tombstone: tombstone === true,
    key: key === undefined ? undefined : part('key', key),
    headers: headers === undefined ? undefined : headerParts(headers),
    producer:
      producer === undefined
        ? undefined
        : { id: part('producer.id', producer.id), sequence: producer.sequence },
    id: id === undefined ? undefined : part('id', id),
  }
}

function headerParts(headers: Readonly<Record<string, string>>): [Uint8Array, Uint8Array][] {
  const entries = Object.entries(headers)
  if (entries.length > maxPartBytes)
    throw new InvalidOptionError('headers', headers, `Give at most ${maxPartBytes} headers.`)
  return entries.map(([name, value]) => {
    if (typeof value !== 'string')
      throw new InvalidOptionError(`headers.${name}`, value, 'Headers are strings.')
    return [part(`headers.${name}`, name), Buffer.from(value)]
  })
}

function part(option: string, text: string): Uint8Array {
  if (typeof text !== 'string' || text === '')
    throw new InvalidOptionError(option, text, 'Give a non-empty string, or leave it out.')
  const bytes = Buffer.from(text)
  if (bytes.length > maxPartBytes)
    throw new InvalidOptionError(option, text, `Give at most ${maxPartBytes} bytes of UTF-8.`)
  return bytes
}

function noop(): void {}
