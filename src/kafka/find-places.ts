import type { Deps } from './deps.ts'
import { type Bounds, partitionKey, type PartitionOffset, type TopicPartition } from './driver.ts'
import type { StartPlaces } from './start-places.ts'

/** How long it waits before it asks again, in milliseconds. */
const againMs = 500

/** Where a group goes on in a partition, and what the server has for it; −1 when it has nothing. */
export type GroupPlace = PartitionOffset & { readonly committed: number }

interface Asking {
  readonly group: string
  /** Where it begins in partitions that it has never read. */
  readonly starts: StartPlaces
  /** Nobody wants the answer any more. */
  readonly isOver: () => boolean
  /** Retention has removed so many records that the group had not read. */
  readonly overtaken: (topic: string, records: number) => void
}

/** Where to begin in these partitions: asked until the server answers. */
export async function findPlaces(
  { admin, clock, trouble }: Deps,
  parts: readonly TopicPartition[],
  asking: Asking,
): Promise<readonly GroupPlace[]> {
  const topics = [...new Set(parts.map(({ topic }) => topic))]
  while (!asking.isOver() && parts.length > 0) {
    try {
      const [committed, ...bounds] = await Promise.all([
        admin.committed(asking.group, topics),
        ...topics.map((topic) => admin.bounds(topic)),
      ])
      const byTopic = new Map(topics.map((topic, index) => [topic, bounds[index] ?? []]))
      return parts.map((part) => placeOf(part, committed, byTopic, asking))
    } catch (error) {
      trouble(error)
      await new Promise<void>((resolve) => {
        clock.schedule(resolve, againMs)
      })
    }
  }
  return []
}

function placeOf(
  { partition, topic }: TopicPartition,
  committed: ReadonlyMap<string, number>,
  byTopic: ReadonlyMap<string, readonly Bounds[]>,
  { overtaken, starts }: Asking,
): GroupPlace {
  const part = { topic, partition }
  const known = committed.get(partitionKey(part))
  const bounds = byTopic.get(topic)?.find((one) => one.partition === partition)
  const { high, low } = bounds ?? { low: 0, high: Number.MAX_SAFE_INTEGER }
  if (known === undefined)
    return { ...part, offset: starts.of(part, { partition, low, high }), committed: -1 }
  if (known < low) overtaken(topic, low - known)
  return { ...part, offset: Math.max(known, low), committed: known }
}
