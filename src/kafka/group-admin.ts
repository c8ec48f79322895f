import { checkPosition, type Position } from '../core/position.ts'
import { checkPattern } from '../core/topic.ts'
import type { KafkaGroupStatus } from './contract.ts'
import type { Deps } from './deps.ts'
import { type Bounds, partitionKey, type PartitionOffset, type TopicPartition } from './driver.ts'
import { KafkaRequestError } from './errors.ts'
import type { Groups } from './groups.ts'
import { topicLag } from './lag.ts'
import { StartPlaces } from './start-places.ts'

/** How long a group without members may take to be moved, in milliseconds. */
const moveMs = 30_000

/** How groups stand, and moving them. */
export class GroupAdmin {
  readonly #deps: Deps
  readonly #groups: Groups

  constructor(deps: Deps, groups: Groups) {
    this.#deps = deps
    this.#groups = groups
  }

  async list(): Promise<readonly KafkaGroupStatus[]> {
    await this.#deps.topics.look()
    return Promise.all(this.#groups.all.map(({ name, pattern }) => this.#status(name, pattern)))
  }

  /** Moves the partitions that this process has; all of them when it has no member, by joining for a moment. */
  async seek(name: string, pattern: string, position: Position): Promise<void> {
    checkPattern(pattern)
    const from = checkPosition('position', position, pattern)
    const { admin, topics } = this.#deps
    await topics.look()
    const names = topics.matching(pattern)
    const starts = new StartPlaces(from)
    await starts.find(admin, names)
    const bounds = await Promise.all(names.map((topic) => admin.bounds(topic)))
    const places = names.flatMap((topic, index) =>
      (bounds[index] ?? []).map((one: Bounds) => {
        const part = { topic, partition: one.partition }
        return { ...part, offset: starts.of(part, one) }
      }),
    )
    const live = this.#groups.find(name, pattern)
    if (live === undefined) await this.#moveAbsent(name, names, places)
    else await live.moveTo(places)
  }

  async #status(name: string, pattern: string): Promise<KafkaGroupStatus> {
    const { admin, clock, topics } = this.#deps
    const now = clock.now()
    const names = topics.matching(pattern)
    const live = this.#groups.find(name, pattern)
    const places = new Map(await admin.committed(name, names))
    // What is acked here and not committed yet is known better here.
    for (const lane of live?.lanes.all ?? []) places.set(partitionKey(lane), lane.place)
    const lags = await Promise.all(names.map((topic) => topicLag(admin, topic, places, now)))
    const ages = lags.flatMap(({ oldestMs }) => (oldestMs === undefined ? [] : [now - oldestMs]))
    return {
      name,
      pattern,
      lagMessages: lags.reduce((sum, { messages }) => sum + messages, 0),
      lagSeconds: Math.max(0, ...ages) / 1000,
      inFlight: live?.lanes.inFlight ?? 0,
      members: live?.members.size ?? 0,
      partitions: live?.lanes.all.length ?? 0,
      lost: live?.lostRecords ?? 0,
    }
  }

  /** Offsets of a group can be written only by a member of it, so one is made that does nothing else. */
  async #moveAbsent(
    name: string,
    topics: readonly string[],
    places: readonly PartitionOffset[],
  ): Promise<void> {
    const { admin, clock, driver, settings } = this.#deps
    let joined: (() => void) | undefined
    const missing = new Set(places.map(partitionKey))
    const whole = new Promise<void>((resolve) => {
      joined = resolve
    })
    if (missing.size === 0) joined?.()
    const ignore = (): void => undefined
    const consumer = driver.consumer(
      { ...settings.consumer, groupId: name },
      {
        assigned(parts: readonly TopicPartition[]) {
          for (const part of parts) missing.delete(partitionKey(part))
          if (missing.size === 0) joined?.()
          return Promise.resolve(
            places.filter((place) => parts.some((part) => partitionKey(part) === partitionKey(place))),
          )
        },
        revoked: () => Promise.resolve(),
        lost: ignore,
        records: ignore,
        trouble: this.#deps.trouble,
      },
    )
    let cancel: () => void = ignore
    const late = new Promise<never>((_, reject) => {
      cancel = clock.schedule(
        () =>
          reject(new KafkaRequestError(`Moving group "${name}", of which other members have partitions,`)),
        moveMs,
      )
    })
    try {
      await consumer.start(topics)
      await Promise.race([whole, late])
      await consumer.commit(places)
      const has = await admin.committed(name, topics)
      const short = places.find((place) => has.get(partitionKey(place)) !== place.offset)
      if (short !== undefined) await consumer.commit(places)
    } finally {
      cancel()
      late.catch(ignore)
      await consumer.stop()
    }
  }
}
