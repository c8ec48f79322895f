import type { Position } from '../../core/position.ts'
import type { LogFollower } from '../../wal/index.ts'

/** How many messages there are from a position to the present end. Reads them. */
export async function countFrom(log: LogFollower, pattern: string, from: Position): Promise<number> {
  const subscription = log.subscribe(pattern, { from })
  void subscription.drain({ timeoutMs: Number.POSITIVE_INFINITY })
  let messages = 0
  for await (const batch of subscription.batches({ max: 1024 })) messages += batch.length
  return messages
}
