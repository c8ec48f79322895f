import fc from 'fast-check'
import type { GroupPosition } from '../../src/wal/contract.ts'
import type { Sent } from './group-broker-crash.ts'

/** Where a group begins or is moved to. */
export interface Place {
  readonly to: 'start' | 'end' | 'offset' | 'last' | 'time' | 'shift'
  readonly by: number
}

/** What happens to a group on a log. */
export type Step =
  | { readonly kind: 'publish'; readonly topic: number; readonly key: number; readonly synced: boolean }
  | { readonly kind: 'take' | 'join' | 'leave'; readonly member: number }
  | { readonly kind: 'ack' | 'extend' | 'late'; readonly which: number }
  | { readonly kind: 'nak'; readonly which: number; readonly delay: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'seek'; readonly place: Place }
  | { readonly kind: 'power'; readonly chance: number }
  | { readonly kind: 'pause' | 'flush' | 'close' | 'kill' }

const which = fc.nat(30)
const member = fc.nat(2)

const place: fc.Arbitrary<Place> = fc.record({
  to: fc.constantFrom(
    'start' as const,
    'end' as const,
    'offset' as const,
    'last' as const,
    'time' as const,
    'shift' as const,
  ),
  by: fc.nat(40),
})

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      topic: fc.nat(2),
      key: fc.nat(4),
      synced: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('take' as const), member }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ack' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('nak' as const), which, delay: fc.constantFrom(0, 0, 50, 300) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('extend' as const, 'late' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 12, 60, 100, 400) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('join' as const, 'leave' as const), member }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('seek' as const), place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'flush' as const, 'close' as const, 'kill' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('power' as const),
      chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    }),
  },
)

/** What a run begins with. */
export interface Setting {
  /** One topic, whose offsets can be named, or two. */
  readonly literal: boolean
  readonly from: Place
  readonly sync: 'always' | 'interval' | 'os'
}

export const setting: fc.Arbitrary<Setting> = fc.record({
  literal: fc.boolean(),
  from: place,
  sync: fc.constantFrom('always' as const, 'interval' as const, 'os' as const),
})

/** A place as the broker takes it, and the record of the group that it means; one behind the last is the end. */
export function resolve(
  where: Place,
  sent: readonly Sent[],
  cursor: number,
  literal: boolean,
): readonly [position: GroupPosition, index: number] {
  const { length } = sent
  if (where.to === 'start') return ['start', 0]
  if (where.to === 'end') return ['end', length]
  const { by } = where
  if (where.to === 'offset' && literal) return [Math.min(by, length), Math.min(by, length)]
  if (where.to === 'shift') {
    const shift = (by % 9) - 5
    return [{ shift }, Math.min(length, Math.max(0, cursor + shift))]
  }
  if (where.to === 'time') {
    const time = (sent[by % Math.max(1, length)]?.time ?? 0) + (by % 3) - 1
    const index = sent.findIndex((record) => record.time >= time)
    return [new Date(time), index === -1 ? length : index]
  }
  const last = Math.min(by + 1, length)
  return last === 0 ? ['end', length] : [-last, length - last]
}
