/** What `kafkajs` hands to an assigner, and wants from it. */
interface Cluster {
  addTargetTopic(topic: string): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
}

interface Member {
  readonly memberId: string
  readonly memberMetadata: Uint8Array
}

interface Assigner {
  readonly name: string
  readonly version: number
  protocol(what: { readonly topics: readonly string[] }): { readonly name: string; readonly metadata: Buffer }
  assign(group: {
    readonly members: readonly Member[]
    readonly topics: readonly string[]
  }): Promise<readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]>
}

/**
 * Makes an assigner for `kafkajs`. `mayJoin` is asked before each join, and throws while the member still has what the
 * join would give away: this is the only moment at which `kafkajs` lets one delay a rebalance. It goes by the name and
 * the format of the client's own round robin, so that members that use the client directly can be in the same group;
 * unlike that one it gives a member only topics it has asked for, which matters while patterns find new topics.
 */
export function roundRobin(mayJoin: () => void): (host: { readonly cluster: Cluster }) => Assigner {
  return ({ cluster }) => ({
    name: 'RoundRobinAssigner',
    version: 0,
    protocol({ topics }) {
      mayJoin()
      return { name: 'RoundRobinAssigner', metadata: encodeTopics(topics) }
    },
    async assign({ members }) {
      const wishes = new Map(members.map((member) => [member.memberId, decodeTopics(member.memberMetadata)]))
      const topics = [...new Set([...wishes.values()].flat())].toSorted()
      for (const topic of topics) await cluster.addTargetTopic(topic).catch(() => undefined)
      const partitions = (topic: string): number[] => partitionsOf(cluster, topic)
      return deal(wishes, topics, partitions).map(([memberId, parts]) => ({
        memberId,
        memberAssignment: encodeAssignment(parts),
      }))
    },
  })
}

/** Deals partitions to the members that want their topic, each time to the one with the fewest. */
export function deal(
  wishes: ReadonlyMap<string, readonly string[]>,
  topics: readonly string[],
  partitionsOf: (topic: string) => readonly number[],
): readonly [string, ReadonlyMap<string, readonly number[]>][] {
  const ids = [...wishes.keys()].toSorted()
  const hands = new Map(ids.map((id) => [id, { parts: new Map<string, number[]>(), count: 0 }]))
  const takersOf = (topic: string): readonly string[] =>
    ids.filter((id) => wishes.get(id)?.includes(topic) === true)
  // Topics that few want come first, so that what many want can even it out.
  for (const topic of topics.toSorted((a, b) => takersOf(a).length - takersOf(b).length)) {
    const takers = takersOf(topic)
    for (const partition of partitionsOf(topic).toSorted((a, b) => a - b)) {
      const [first] = takers.toSorted((a, b) => (hands.get(a)?.count ?? 0) - (hands.get(b)?.count ?? 0))
      const hand = first === undefined ? undefined : hands.get(first)
      if (hand === undefined) continue
      hand.count++
      const parts = hand.parts.get(topic)
      if (parts === undefined) hand.parts.set(topic, [partition])
      else parts.push(partition)
    }
  }
  return ids.map((id) => [id, hands.get(id)?.parts ?? new Map<string, number[]>()])
}

function partitionsOf(cluster: Cluster, topic: string): number[] {
  try {
    return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
  } catch {
    return [] // it was removed while the group gathered
  }
}

/*  member metadata     version i16 | topics: count i32, then length i16 and text | user data: length i32
    member assignment   version i16 | topics: count i32, then name, partitions: count i32, i32 … | user data        */

export function encodeTopics(topics: readonly string[]): Buffer {
  return Buffer.concat([int16(0), int32(topics.length), ...topics.map(text), int32(0)])
}

export function decodeTopics(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const topics: string[] = []
  let at = 6
  for (let left = buffer.readInt32BE(2); left > 0; left--) {
    const length = buffer.readInt16BE(at)
    topics.push(buffer.toString('utf8', at + 2, at + 2 + length))
    at += 2 + length
  }
  return topics
}

export function encodeAssignment(parts: ReadonlyMap<string, readonly number[]>): Buffer {
  const topics = [...parts].map(([topic, partitions]) =>
    Buffer.concat([text(topic), int32(partitions.length), ...partitions.map(int32)]),
  )
  return Buffer.concat([int16(0), int32(topics.length), ...topics, int32(0)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([int16(bytes.length), bytes])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
