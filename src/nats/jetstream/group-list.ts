import type { ConsumerInfo } from '@nats-io/jetstream'
import type { Clock } from '../../core/clock.ts'
import { describedGroup, type GroupName } from './consumer-name.ts'
import type { JetStreamGroupStatus } from './contract.ts'
import type { GroupParts } from './group-feed.ts'

/** Every group on the streams of a broker, as the server has them now. */
export async function listGroups(
  parts: GroupParts,
  clock: Clock,
  membersOf: (name: GroupName) => number,
): Promise<readonly JetStreamGroupStatus[]> {
  const found = new Map<string, { readonly name: GroupName; readonly consumers: ConsumerInfo[] }>()
  for (const stream of parts.streams.names) {
    for await (const info of parts.api.manager.consumers.list(stream)) {
      const name = describedGroup(info.config.description)
      if (name === undefined) continue
      const key = JSON.stringify(name)
      const entry = found.get(key) ?? { name, consumers: [] }
      entry.consumers.push(info)
      found.set(key, entry)
    }
  }
  const groups = [...found.values()].toSorted((a, b) => (a.name.group < b.name.group ? -1 : 1))
  return Promise.all(
    groups.map(async ({ consumers, name }) => ({
      name: name.group,
      pattern: name.pattern,
      consumers: consumers.map((info) => ({ stream: info.stream_name, consumer: info.name })),
      lagMessages: sum(consumers, lagOf),
      lagSeconds: await oldestSeconds(parts, clock, consumers),
      inFlight: sum(consumers, (info) => info.num_ack_pending),
      members: membersOf(name),
    })),
  )
}

function lagOf(info: ConsumerInfo): number {
  return info.num_pending + info.num_ack_pending
}

function sum(consumers: readonly ConsumerInfo[], of: (info: ConsumerInfo) => number): number {
  return consumers.reduce((total, info) => total + of(info), 0)
}

async function oldestSeconds(
  { api }: GroupParts,
  clock: Clock,
  consumers: readonly ConsumerInfo[],
): Promise<number> {
  let oldest = clock.now()
  for (const info of consumers) {
    if (lagOf(info) === 0) continue
    const since = await api.timeOf(
      info.stream_name,
      info.ack_floor.stream_seq + 1,
      info.config.filter_subject,
    )
    if (since !== undefined) oldest = Math.min(oldest, since)
  }
  return (clock.now() - oldest) / 1000
}
