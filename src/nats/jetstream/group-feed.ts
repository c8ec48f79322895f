import type { Msg } from '@nats-io/nats-core'
import type { ConsumerConfig, ConsumerInfo } from '@nats-io/jetstream'
import { SpillwayError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import type { JetStreamApi } from './api.ts'
import { describedGroup, describeGroup, type GroupName } from './consumer-name.ts'
import { ConsumerLostError } from './errors.ts'
import type { GroupDelivery } from './group-delivery.ts'
import { Puller } from './puller.ts'
import { findStart, firstOf, placeError } from './start.ts'
import type { Feed, Streams } from './streams.ts'

/** What a group asks of its consumers; undefined: whatever the group has. */
export interface GroupSettings {
  readonly ackDeadlineMs: number | undefined
  readonly maxInFlight: number | undefined
}

export const defaultDeadlineMs = 30_000
export const defaultInFlight = 256

/** Who makes and finds the consumers of groups. */
export interface GroupParts {
  readonly api: JetStreamApi
  readonly streams: Streams
}

/** The member that a feed belongs to. None of it may throw. */
export interface FeedListener {
  arrived(feed: GroupFeed, msg: Msg): void
  /** It may be asked, perhaps anew. */
  ready(): void
  /** The consumer was deleted: what was delivered belongs to nobody any more. */
  lost(feed: GroupFeed): void
  failed(error: SpillwayError): void
  /** Retention has removed so many messages before the group had them. */
  overtaken(feed: GroupFeed, messages: number): void
}

const toNanos = 1e6
const graceMs = 3_000
const lookEveryMs = 100

/** The durable consumer of a group in one stream, as one member sees it. */
export class GroupFeed {
  /** What this member has of it, by number in the stream. */
  readonly open: Map<number, GroupDelivery> = new Map()
  /** As the consumer has it. */
  ackDeadlineMs: number = defaultDeadlineMs
  readonly stream: string
  readonly consumer: string
  readonly #parts: GroupParts
  readonly #filter: string | undefined
  readonly #listener: FeedListener
  #puller: Puller | undefined
  #looking = false
  #closed = false

  constructor(parts: GroupParts, feed: Feed, consumer: string, listener: FeedListener) {
    this.#parts = parts
    this.stream = feed.stream
    this.consumer = consumer
    this.#filter = feed.filter
    this.#listener = listener
  }

  get asked(): number {
    return this.#puller?.asked ?? 0
  }

  ask(messages: number): void {
    if (!this.#looking) this.#puller?.ask(messages)
  }

  /** Finds or makes the consumer. Never rejects: what goes wrong for good fails the member. */
  async start(ensure: () => Promise<ConsumerInfo>): Promise<void> {
    const { api } = this.#parts
    try {
      const info = await api.insist(ensure, () => this.#closed)
      if (this.#closed) return
      this.ackDeadlineMs = (info.config.ack_wait ?? defaultDeadlineMs * toNanos) / toNanos
      this.#puller = new Puller(api, this.stream, this.consumer, {
        arrived: (msg) => this.#listener.arrived(this, msg),
        unanswered: () => this.#listener.ready(),
        silent: (gone) => void this.#look(gone), // cannot reject
      })
      this.#listener.ready()
      await this.#count(info)
    } catch (error) {
      this.fail(error)
    }
  }

  /** The connection is back: what had been asked for was forgotten with it. */
  up(): void {
    if (this.#puller === undefined) return
    this.#puller.reset()
    void this.#look(false) // cannot reject
  }

  /** The group was moved. */
  moved(): void {
    this.#listener.lost(this)
    this.#puller?.reset()
    this.#listener.ready()
  }

  close(): void {
    this.#closed = true
    if (this.#puller !== undefined) this.#parts.api.link.wind(this.#puller.close())
  }

  /** Looks whether the consumer is there. One that is gone may be being made anew elsewhere: that takes a moment. */
  async #look(gone: boolean): Promise<void> {
    if (this.#looking || this.#closed) return
    this.#looking = true
    const { api } = this.#parts
    const find = (): Promise<ConsumerInfo | undefined> =>
      api.insist(
        () => api.consumer(this.stream, this.consumer),
        () => this.#closed,
      )
    try {
      let found = gone ? undefined : await find()
      if (found === undefined) this.#listener.lost(this)
      const until = api.link.clock.now() + graceMs
      while (found === undefined && !this.#closed && api.link.clock.now() < until) {
        await api.link.pause(lookEveryMs)
        found = await find()
      }
      if (found !== undefined) await this.#count(found)
      else if (!this.#closed)
        throw new ConsumerLostError(this.stream, this.consumer, 'it was deleted on the server')
    } catch (error) {
      this.fail(error)
    }
    this.#looking = false
    if (this.#closed) return
    this.#puller?.reset()
    this.#listener.ready()
  }

  /** What a consumer of everything in its stream has not delivered, and the stream has no more, was removed. */
  async #count({ delivered }: ConsumerInfo): Promise<void> {
    if (this.#filter !== undefined) return
    const { api } = this.#parts
    const { config: stream, state } = (await api.stream(this.stream).catch(() => undefined)) ?? {}
    if (stream?.retention !== 'limits' || state === undefined) return
    const lost = state.first_seq - 1 - delivered.stream_seq
    if (lost > 0 && !this.#closed) this.#listener.overtaken(this, lost)
  }

  /** Nothing more comes, and nothing can be settled. */
  fail(error: unknown): void {
    if (this.#closed) return
    const why = error instanceof Error ? error.message : String(error)
    this.#listener.failed(
      error instanceof SpillwayError
        ? error
        : new ConsumerLostError(this.stream, this.consumer, why, { cause: error }),
    )
  }
}

/** The consumer of a group, made at `from` if there is none. Changes the deadlines of one that is there if it must. */
export async function ensureConsumer(
  parts: GroupParts,
  feed: Feed,
  name: string,
  group: GroupName,
  settings: GroupSettings,
  from: Position,
): Promise<ConsumerInfo> {
  const { api } = parts
  let known = await api.consumer(feed.stream, name)
  if (known === undefined) {
    try {
      return await makeConsumer(parts, feed, name, group, settings, from)
    } catch (error) {
      // A member that joined at the same moment may have founded the group, at a place of its own.
      known = await api.consumer(feed.stream, name)
      if (known === undefined) throw error
    }
  }
  const owner = describedGroup(known.config.description)
  if (owner?.group !== group.group || owner.pattern !== group.pattern)
    throw new ConsumerLostError(
      feed.stream,
      name,
      'the name belongs to a consumer that this group has not made',
    )
  const { ackDeadlineMs, maxInFlight } = settings
  const asked = {
    ack_wait: ackDeadlineMs === undefined ? known.config.ack_wait : ackDeadlineMs * toNanos,
    max_ack_pending: maxInFlight ?? known.config.max_ack_pending,
  }
  const same =
    asked.ack_wait === known.config.ack_wait && asked.max_ack_pending === known.config.max_ack_pending
  if (same) return known
  return api.makeConsumer(feed.stream, { ...known.config, ...asked } as Partial<ConsumerConfig>)
}

/** Rejects with what is wrong with the place; then there is no consumer. */
export async function makeConsumer(
  parts: GroupParts,
  feed: Feed,
  name: string,
  group: GroupName,
  settings: GroupSettings,
  from: Position,
): Promise<ConsumerInfo> {
  const { api, streams } = parts
  const start = await findStart(api, streams, feed, from)
  const info = await api.makeConsumer(feed.stream, {
    name,
    durable_name: name,
    description: describeGroup(group),
    ...start,
    ack_policy: 'explicit',
    ack_wait: (settings.ackDeadlineMs ?? defaultDeadlineMs) * toNanos,
    // A consumer that gives up leaves its message in the stream and tells nobody: who gives up is whoever handles it.
    max_deliver: -1,
    max_ack_pending: settings.maxInFlight ?? defaultInFlight,
    ...(feed.filter === undefined ? {} : { filter_subject: feed.filter }),
  })
  // Then it was there, and somebody is at work on it already.
  if (info.delivered.consumer_seq > 0) return info
  const began = firstOf(info)
  const wanted = start.opt_start_seq
  if (wanted === undefined || typeof from !== 'number' || from < 0 || began === wanted) return info
  await api.removeConsumer(feed.stream, name)
  throw placeError(group.pattern, wanted, began, (await streams.info(feed.stream)).state)
}
