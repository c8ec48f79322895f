import type { ConsumerConfig, ConsumerInfo, StreamState } from '@nats-io/jetstream'
import { InvalidOptionError } from '../../core/errors.ts'
import { OffsetEvictedError, OffsetOutOfRangeError } from '../../core/offset-errors.ts'
import type { Position } from '../../core/position.ts'
import type { JetStreamApi } from './api.ts'
import type { Feed, Streams } from './streams.ts'

/** Where a consumer begins, as the server takes it. */
export type Start = Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq' | 'opt_start_time'>

/** How long a consumer of a reader that is gone may stay. */
export const inactiveNanos: number = 5 * 60_000 * 1e6

/** At the message with this number, from 1. */
export function startAt(seq: number): Start {
  return { deliver_policy: 'by_start_sequence', opt_start_seq: seq }
}

/**
 * A position as the server takes it. It moves an offset that is not there to one that is without saying so: see
 * `checkStart`. It knows no "last n": those are looked for.
 */
export async function findStart(
  api: JetStreamApi,
  streams: Streams,
  feed: Feed,
  position: Position,
): Promise<Start> {
  if (position === 'start') return { deliver_policy: 'all' }
  if (position === 'end' || Object.is(position, -0)) return { deliver_policy: 'new' }
  if (position instanceof Date)
    return { deliver_policy: 'by_start_time', opt_start_time: position.toISOString() }
  if (position >= 0) return startAt(position + 1)
  return lastOf(api, streams, feed, -position)
}

/** Throws for positions that one consumer has and several do not. */
export function checkFeeds(option: string, position: Position, feeds: readonly Feed[]): void {
  if (typeof position === 'number' && position < 0 && feeds.length > 1)
    throw new InvalidOptionError(
      option,
      position,
      'This pattern needs several consumers, and nobody knows the last n of all of them: use a Date.',
    )
}

/** The number of the first message that a consumer looks at, from 1. It says so when it is made. */
export function firstOf(info: ConsumerInfo): number {
  return info.delivered.stream_seq + 1
}

/** Throws what is wrong with an offset of a stream as it is now. */
export function checkOffset(topic: string, position: Position, state: StreamState): void {
  if (typeof position !== 'number' || position < 0 || Object.is(position, -0)) return
  const wanted = position + 1
  if (wanted < state.first_seq) throw placeError(topic, wanted, state.first_seq, state)
  if (wanted > state.last_seq + 1) throw placeError(topic, wanted, state.last_seq + 1, state)
}

/** What is wrong with the place that was asked for, when the server began elsewhere. */
export function placeError(
  topic: string,
  wanted: number,
  began: number,
  state: StreamState,
): OffsetEvictedError | OffsetOutOfRangeError {
  const first = Math.max(1, began > wanted ? began : 0, state.first_seq) - 1
  const PlaceError = began > wanted ? OffsetEvictedError : OffsetOutOfRangeError
  return new PlaceError(topic, wanted - 1, first, state.last_seq)
}

/** The place of the last `count` messages, by halving: a consumer says how many it has before it. */
async function lastOf(api: JetStreamApi, streams: Streams, feed: Feed, count: number): Promise<Start> {
  const { state } = await streams.info(feed.stream)
  let [low, high] = [Math.max(1, state.first_seq), state.last_seq + 1]
  const dense = feed.filter === undefined && state.messages === high - low
  if (dense) return startAt(Math.max(low, high - count))
  // What is published meanwhile comes after all of it.
  const later = await pendingFrom(api, feed, high)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((await pendingFrom(api, feed, middle)) - later >= count) low = middle
    else high = middle - 1
  }
  return startAt(low)
}

async function pendingFrom(api: JetStreamApi, { filter, stream }: Feed, seq: number): Promise<number> {
  const name = `probe_${globalThis.crypto.randomUUID()}`
  const info = await api.makeConsumer(stream, {
    name,
    ...startAt(seq),
    ack_policy: 'none',
    mem_storage: true,
    inactive_threshold: inactiveNanos,
    ...(filter === undefined ? {} : { filter_subject: filter }),
  })
  await api.removeConsumer(stream, name)
  return info.num_pending
}
