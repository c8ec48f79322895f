import { type AdminDriver, partitionKey } from './driver.ts'

/** How far a group is behind in one topic. */
export interface TopicLag {
  readonly messages: number
  /** When the oldest unread record was written, as far as was found; undefined when there is none. */
  readonly oldestMs: number | undefined
}

/** The finest step of the search for a record's age, as a part of it. */
const precision = 16

/**
 * What lies between the committed offsets of a group and the ends of a topic. Kafka tells the offset of a time, not the
 * time of an offset: so the age is searched, with a dozen questions, and right to a sixteenth.
 */
export async function topicLag(
  admin: AdminDriver,
  topic: string,
  places: ReadonlyMap<string, number>,
  nowMs: number,
): Promise<TopicLag> {
  const behind = new Map<number, number>()
  let messages = 0
  for (const { high, low, partition } of await admin.bounds(topic)) {
    const place = Math.max(low, places.get(partitionKey({ topic, partition })) ?? low)
    if (place >= high) continue
    messages += high - place
    behind.set(partition, place)
  }
  if (messages === 0) return { messages, oldestMs: undefined }
  /** Whether some unread record is older than so many milliseconds. */
  const hasOlder = async (ageMs: number): Promise<boolean> => {
    const found = await admin.offsetsAt(topic, nowMs - ageMs)
    return found.some(({ offset, partition }) => offset > (behind.get(partition) ?? Number.POSITIVE_INFINITY))
  }
  return { messages, oldestMs: nowMs - (await searchAge(hasOlder, nowMs)) }
}

async function searchAge(hasOlder: (ageMs: number) => Promise<boolean>, longestMs: number): Promise<number> {
  let [young, old] = [0, 64]
  while (old < longestMs && (await hasOlder(old))) [young, old] = [old, old * 2]
  while (old - young > Math.max(4, old / precision)) {
    const middle = Math.floor((young + old) / 2)
    if (await hasOlder(middle)) young = middle
    else old = middle
  }
  return young
}
