import { expect } from 'vitest'
import type { GroupStatus } from '../../src/wal/contract.ts'
import { openLog } from '../../src/wal/recovery/open-log.ts'
import { groupKey } from '../../src/wal/recovery/log-state.ts'
import type { SimDisk } from '../crash/sim-disk.ts'
import type { Reference } from '../log/group-world.ts'
import { checkGroup, givenTo, type GroupNote } from './group-oracle.ts'
import { readAll } from './sim-log.ts'

/** A record of the group. */
export interface Sent {
  readonly seq: number
  /** Milliseconds, as of the clock. */
  readonly time: number
  readonly synced: boolean
}

/** One of the disks that a loss of power may leave. */
export function afterPowerCut(disk: SimDisk, chance: number, random: () => number): SimDisk {
  const states = [...disk.crashStates(undefined, { limit: 12, random })]
  const state = states[Math.floor(chance * states.length)]
  if (state === undefined) throw new Error('a power cut leaves something')
  return state.disk
}

/** What a crash has left of the group: how many of its records, and which of them are acked. */
export interface Left {
  readonly length: number
  readonly acked: ReadonlySet<number>
}

/** Looks at what a crash has left, on a copy, and throws when it is not what was promised. */
export function lookAt(
  disk: SimDisk,
  dir: string,
  group: { readonly name: string; readonly pattern: string },
  notes: readonly GroupNote[],
  sent: readonly Sent[],
): Left {
  const copy = disk.kill()
  const { state } = openLog(copy, dir, 1000)
  const there = new Set(readAll(copy, dir).map(({ seq }) => seq))
  const length = sent.filter(({ seq }) => there.has(seq)).length
  for (const [index, { seq, synced }] of sent.entries())
    if (there.has(seq) !== index < length || (synced && index >= length))
      throw new Error(`record ${seq} is lost`)
  const records = sent.slice(0, length).map(({ seq }) => seq)
  const memory = state.groups.get(groupKey(group))
  checkGroup(notes, memory, records, state.nextSeq)
  if (memory === undefined) throw new Error('the group is forgotten')
  const given = givenTo(memory, records)
  const acked = [...records.keys()].filter((index) => !given.has(records[index] ?? 0))
  return { length, acked: new Set(acked) }
}

/** What the broker says of the group is what the reference says. */
export function checkStatus(
  group: GroupStatus | undefined,
  model: Reference,
  sent: readonly Sent[],
  { members, nowMs }: { readonly members: number; readonly nowMs: number },
): void {
  const open = [...model.log.keys()].filter((index) => index >= model.from && !model.acked.has(index))
  const oldest = sent[open[0] ?? -1]
  expect(group).toMatchObject({
    lagMessages: open.length,
    lagSeconds: oldest === undefined ? 0 : (nowMs - oldest.time) / 1000,
    inFlight: model.inFlight().length,
    members,
    paused: model.paused,
    lost: 0,
  })
  const { cursor = -1 } = group ?? {}
  expect(sent.filter(({ seq }) => seq < cursor)).toHaveLength(model.cursor())
}
