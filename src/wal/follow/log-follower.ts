import type { Subscription } from '../../core/contract.ts'
import { BrokerClosedError, InvalidOptionError } from '../../core/errors.ts'
import type { AnyEvents } from '../../core/event-map.ts'
import { InProcessBroker } from '../../core/memory-broker.ts'
import type { Position } from '../../core/position.ts'
import { duration } from '../../core/settings.ts'
import { systemClock } from '../../core/clock.ts'
import { groupStatus } from '../broker/group-status.ts'
import { Readers } from '../broker/readers.ts'
import type { GroupStatus, LogCounts, TopicStatus } from '../contract.ts'
import { nodeFileSystem } from '../fs/node-fs.ts'
import { Payloads } from '../store/payload.ts'
import type { FollowOptions, LogFollower } from './contract.ts'
import { FollowedLog } from './followed-log.ts'

/**
 * Opens a log for reading beside whoever writes it.
 *
 * @throws LogCorruptError, LogNewerError, and the error of the system, with its `code`, when there is no log in `dir`
 *
 * @example
 * const log = openLogFollower('./data')
 * for await (const { topic, offset, payload } of log.subscribe('orders.*', { from: -10 })) console.log(topic, offset, payload)
 */
export function openLogFollower<E extends object = AnyEvents>(
  dir: string,
  options: FollowOptions = {},
): LogFollower<E> {
  const { codec, level = 'synced' } = options
  if (level !== 'synced' && level !== 'written')
    throw new InvalidOptionError('level', level, 'Use "synced" or "written".')
  const pollMs = duration('pollMs', options.pollMs, 20)
  const log = new FollowedLog(nodeFileSystem, dir, new Payloads(codec), level)
  return new Follower(log, pollMs) as unknown as LogFollower<E>
}

class Follower {
  readonly #log: FollowedLog
  readonly #host = new InProcessBroker({ clock: systemClock })
  readonly #readers: Readers
  readonly #timer: ReturnType<typeof setInterval>
  #closed = false

  constructor(log: FollowedLog, pollMs: number) {
    this.#log = log
    this.#readers = new Readers(this.#host, log)
    this.#timer = setInterval(() => this.#look(), pollMs)
    this.#timer.unref()
  }

  subscribe(
    pattern: string,
    options: { readonly from?: Position; readonly signal?: AbortSignal } = {},
  ): Subscription {
    if (this.#closed) throw new BrokerClosedError('subscribe')
    this.#look()
    this.#timer.ref() // somebody waits for what comes
    const { from = 'end', ...rest } = options
    return this.#readers.open(pattern, from, undefined, rest) as Subscription
  }

  topics(): readonly TopicStatus[] {
    this.#look()
    return [...this.#log.state.topics.values()]
      .filter(({ name }) => !name.startsWith('$'))
      .map(({ name, first, next }) => ({ topic: name, first, next }))
  }

  async groups(): Promise<readonly GroupStatus[]> {
    this.#look()
    const found: GroupStatus[] = []
    for (const group of this.#log.state.groups.values())
      found.push(await groupStatus(this.#log, group, systemClock.now()))
    return found
  }

  counts(): LogCounts {
    const { bytes, compacted, segments, startSeq, visible } = this.#log
    return {
      appended: visible,
      evicted: startSeq,
      compacted,
      retained: visible - startSeq - compacted,
      bytes,
      segments: segments.length + 1,
      visible,
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#readers.close()
    await this.#host.close()
    this.#log.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #look(): void {
    if (!this.#closed && this.#log.advance()) this.#readers.notify()
  }
}
