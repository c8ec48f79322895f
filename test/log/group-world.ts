import fc from 'fast-check'
import { expect } from 'vitest'
import type { Delivery } from '../../src/log/group/delivery.ts'
import { GroupState } from '../../src/log/group/group-state.ts'
import { ManualClock } from '../support/manual-clock.ts'

interface Rec {
  readonly seq: number
  readonly key: string | undefined
}

export type Command =
  | { readonly kind: 'append'; readonly key: number }
  | { readonly kind: 'take' | 'leave'; readonly member: number }
  | { readonly kind: 'ack' | 'extend' | 'late'; readonly which: number }
  | { readonly kind: 'nak'; readonly which: number; readonly delay: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'seek'; readonly to: number }
  | { readonly kind: 'pause' | 'crash' }

const which = fc.nat(30)
export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), key: fc.nat(4) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('take' as const), member: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ack' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('nak' as const), which, delay: fc.constantFrom(0, 0, 50, 300) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('extend' as const, 'late' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 60, 100, 400) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), member: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('seek' as const), to: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'crash' as const) }) },
)

const deadlineMs = 100
const maxInFlight = 4
const members = [{}, {}, {}]

/** A group as one would write it without caring for speed: the state of every record, looked through each time. */
export class Reference {
  readonly log: Rec[] = []
  readonly acked: Set<number> = new Set()
  /** Who has it until when, or when it may be delivered again. */
  readonly state: Map<number, { until: number; member: object | undefined; attempt: number }> = new Map()
  from = 0
  paused = false

  cursor(): number {
    let seq = this.from
    while (seq < this.log.length && this.acked.has(seq)) seq++
    return seq
  }

  inFlight(): number[] {
    return [...this.state].filter(([, { member }]) => member !== undefined).map(([seq]) => seq)
  }

  /** Records that may be delivered now. */
  eligible(now: number): number[] {
    if (this.paused || this.inFlight().length >= maxInFlight) return []
    const busy = new Set<string>()
    const found: number[] = []
    for (let seq = this.from; seq < this.log.length; seq++) {
      if (this.acked.has(seq)) continue
      const key = this.log[seq]?.key
      const blocked = key !== undefined && busy.has(key)
      if (key !== undefined) busy.add(key)
      const state = this.state.get(seq)
      if (!blocked && (state === undefined || (state.member === undefined && state.until <= now)))
        found.push(seq)
    }
    return found
  }

  pass(now: number): void {
    for (const state of this.state.values()) {
      if (state.member === undefined || state.until > now) continue
      state.member = undefined
      state.until = now
    }
  }
}

/** Does the commands to a group and to a plain reference, and compares after each. */
export function run(commands: readonly Command[]): void {
  const clock = new ManualClock()
  const model = new Reference()
  let position = 0
  const source = {
    take: () => model.log[position++] ?? void position--,
    get seq() {
      return position
    },
  }
  const settings = { ackDeadlineMs: deadlineMs, maxInFlight, orderingKey: (record: Rec) => record.key }
  const events = { work: () => undefined, changed: () => undefined }
  let group = new GroupState<Rec>(clock, settings, source, [], events)
  let held: Delivery<Rec>[] = []
  const over: Delivery<Rec>[] = []

  const settle = (
    at: number,
    act: (delivery: Delivery<Rec>) => boolean,
    then: (seq: number) => void,
  ): void => {
    const delivery = held[at % Math.max(1, held.length)]
    if (delivery === undefined) return
    const state = model.state.get(delivery.record.seq)
    const valid = state?.member === delivery.member && state.attempt === delivery.attempt
    expect(act(delivery)).toBe(valid)
    if (valid) then(delivery.record.seq)
  }
  const drop = (seq: number): void => {
    over.push(...held.filter((delivery) => delivery.record.seq === seq))
    held = held.filter((delivery) => delivery.record.seq !== seq)
  }

  for (const step of commands) {
    switch (step.kind) {
      case 'append':
        model.log.push({ seq: model.log.length, key: step.key < 3 ? `k${step.key}` : undefined })
        break
      case 'take': {
        const member = members[step.member] ?? members[0]!
        const eligible = model.eligible(clock.now())
        const delivery = group.take(member)
        if (delivery === undefined) {
          expect(eligible).toEqual([])
          break
        }
        const { seq } = delivery.record
        expect(eligible).toContain(seq)
        const attempt = (model.state.get(seq)?.attempt ?? 0) + 1
        expect(delivery.attempt).toBe(attempt)
        model.state.set(seq, { until: clock.now() + deadlineMs, member, attempt })
        held.push(delivery)
        break
      }
      case 'ack':
        settle(
          step.which,
          (delivery) => group.ack(delivery),
          (seq) => {
            model.acked.add(seq)
            model.state.delete(seq)
            drop(seq)
          },
        )
        break
      case 'nak':
        settle(
          step.which,
          (delivery) => group.nak(delivery, step.delay),
          (seq) => {
            const state = model.state.get(seq)
            if (state !== undefined)
              Object.assign(state, { member: undefined, until: clock.now() + step.delay })
            drop(seq)
          },
        )
        break
      case 'extend':
        settle(
          step.which,
          (delivery) => group.extend(delivery, 250),
          (seq) => {
            const state = model.state.get(seq)
            if (state !== undefined) state.until = clock.now() + 250
          },
        )
        break
      case 'late': {
        const delivery = over[step.which % Math.max(1, over.length)]
        if (delivery !== undefined) expect(group.ack(delivery)).toBe(false)
        break
      }
      case 'pass':
        for (let ms = 0; ms < step.ms; ms++) {
          clock.advance(1)
          model.pass(clock.now())
        }
        break
      case 'leave': {
        const member = members[step.member] ?? members[0]!
        group.leave(member)
        for (const state of model.state.values())
          if (state.member === member) Object.assign(state, { member: undefined, until: clock.now() })
        break
      }
      case 'seek':
        position = Math.min(step.to, model.log.length)
        model.from = position
        model.acked.clear()
        model.state.clear()
        group.seek(source)
        over.push(...held)
        held = []
        break
      case 'pause':
        model.paused = !model.paused
        group.paused = model.paused
        break
      case 'crash': {
        const { acked, cursor } = JSON.parse(JSON.stringify(group.memory)) as typeof group.memory
        group.close()
        position = cursor
        model.from = cursor
        model.state.clear()
        group = new GroupState<Rec>(clock, settings, source, acked, events)
        group.paused = model.paused
        over.push(...held)
        held = []
        break
      }
    }
    expect(group.cursor).toBe(model.cursor())
    const counts = group.counts
    expect(counts.inFlight).toBe(model.inFlight().length)
    expect(counts.delivered).toBe(
      counts.acked + counts.nacked + counts.expired + counts.returned + counts.inFlight,
    )
  }
  finish(group, model, clock)
}

/** Whatever has happened, everything can be finished: each record not acked comes once more, in order within its key. */
function finish(group: GroupState<Rec>, model: Reference, clock: ManualClock): void {
  group.paused = false
  model.paused = false
  const last = new Map<string, number>()
  for (let idle = 0; idle < 3;) {
    const delivery = group.take(members[0]!)
    if (delivery === undefined) {
      idle++
      clock.advance(1000)
      continue
    }
    idle = 0
    const { key, seq } = delivery.record
    expect(model.acked.has(seq)).toBe(false)
    if (key !== undefined) {
      expect(seq).toBeGreaterThan(last.get(key) ?? -1)
      last.set(key, seq)
    }
    model.acked.add(seq)
    expect(group.ack(delivery)).toBe(true)
  }
  expect(group.cursor).toBe(model.log.length)
  expect(model.cursor()).toBe(model.log.length)
}
