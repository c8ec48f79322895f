import fc, { type Arbitrary } from 'fast-check'
import { type MemoryPolicy, overflowPolicies } from '../../src/index.ts'
import type { ConsumerKind } from './reference.ts'

/** One step. Numbers named `at` choose among what is alive when the step runs, so every script is playable. */
export type Command =
  | {
      readonly type: 'subscribe'
      readonly pattern: string
      readonly kind: ConsumerKind
      readonly policy: MemoryPolicy
      readonly capacity: number
      readonly concurrency: number
      readonly watched: boolean
      /** Twins: what they hold is the same until one of them is read. */
      readonly times: number
    }
  | {
      readonly type: 'join'
      readonly pattern: string
      readonly group: string
      readonly kind: ConsumerKind
      readonly policy: MemoryPolicy
    }
  | {
      readonly type: 'publish'
      readonly topic: string
      readonly key: number
      readonly count: number
      readonly bound: boolean
    }
  | { readonly type: 'insist'; readonly topic: string; readonly key: number }
  | { readonly type: 'poll'; readonly at: number; readonly count: number }
  | { readonly type: 'next'; readonly at: number }
  | { readonly type: 'settle'; readonly at: number }
  | { readonly type: 'close'; readonly at: number }
  | { readonly type: 'abort'; readonly at: number }
  | { readonly type: 'drain'; readonly at: number }
  | { readonly type: 'observe'; readonly on: boolean }
  | { readonly type: 'advance'; readonly ms: number }

const topics = ['a.x', 'a.y', 'b.x', 'c']
const patterns = ['a.x', 'a.*', '*.x', '>', 'c', 'b.>']
const kinds: readonly ConsumerKind[] = ['reader', 'reader', 'reader', 'sync', 'queued', 'held']

const at = fc.nat(1000)
const topic = fc.constantFrom(...topics)
const pattern = fc.constantFrom(...patterns)
const kind = fc.constantFrom(...kinds)
const policy = fc.constantFrom(...overflowPolicies)
const key = fc.nat(3)
// Below 16 a mailbox is private from the start, from 16 it begins as a cursor in the shared ring.
const capacity = fc.constantFrom(1, 2, 3, 16, 17, 20)

function command<Type extends Command['type']>(
  type: Type,
  fields: {
    [Field in Exclude<keyof Extract<Command, { type: Type }>, 'type'>]: Arbitrary<
      Extract<Command, { type: Type }>[Field]
    >
  },
): Arbitrary<Command> {
  return fc.record({ type: fc.constant(type), ...fields }) as unknown as Arbitrary<Command>
}

export const commands: Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: command('subscribe', {
      pattern,
      kind,
      policy,
      capacity,
      concurrency: fc.integer({ min: 1, max: 2 }),
      watched: fc.boolean(),
      times: fc.constantFrom(1, 1, 3),
    }),
  },
  { weight: 3, arbitrary: command('join', { pattern, group: fc.constantFrom('g', 'h'), kind, policy }) },
  {
    weight: 20,
    arbitrary: command('publish', {
      topic,
      key,
      count: fc.constantFrom(1, 1, 2, 5, 18, 40),
      bound: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: command('insist', { topic, key }) },
  { weight: 14, arbitrary: command('poll', { at, count: fc.constantFrom(1, 2, 16, 50) }) },
  { weight: 4, arbitrary: command('next', { at }) },
  { weight: 5, arbitrary: command('settle', { at }) },
  { weight: 3, arbitrary: command('close', { at }) },
  { weight: 1, arbitrary: command('abort', { at }) },
  { weight: 2, arbitrary: command('drain', { at }) },
  { weight: 1, arbitrary: command('observe', { on: fc.boolean() }) },
  { weight: 4, arbitrary: command('advance', { ms: fc.constantFrom(10, 20, 40) }) },
)
