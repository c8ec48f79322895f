import type { Clock } from '../core/clock.ts'
import type { TopicPartition } from './driver.ts'
import type { Fetched } from './fetched.ts'

/** How long whoever fetches is made to wait before the partition is paused instead, in milliseconds. */
const holdMs = 500

interface Taps {
  pause(part: TopicPartition): void
  resume(part: TopicPartition): void
}

/**
 * Holds back a partition whose records are not taken quickly enough. A moment's wait costs nothing, so that comes first:
 * pausing makes clients throw away what they have fetched ahead. But a wait delays other partitions, and rebalances; so
 * it ends soon, and the partition is paused until half is taken. The group is never left for it.
 */
export async function throttle(
  part: TopicPartition,
  fetched: Fetched,
  taps: Taps,
  clock: Clock,
  isOwned: () => boolean,
): Promise<void> {
  if (!fetched.full) return
  let over = false
  const room = fetched.room().then(() => {
    over = true
  })
  let cancel: () => void = () => undefined
  const moment = new Promise<void>((resolve) => {
    cancel = clock.schedule(resolve, holdMs)
  })
  await Promise.race([room, moment])
  cancel()
  if (over || !isOwned()) return
  taps.pause(part)
  void room.then(() => {
    if (isOwned()) taps.resume(part)
  })
}
