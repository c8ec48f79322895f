import { random as seeded } from '../support/seed.ts'
import { sectorBytes } from './content.ts'
import {
  before,
  type Choice,
  type FilePlan,
  noise,
  type Outcome,
  outcomeOf,
  type Plan,
  planOf,
  stale,
} from './outcome.ts'
import type { Store } from './store.ts'

/** Which crash states are wanted. */
export interface CrashOptions {
  /** `ordered` loses a suffix of the operations, `reordering` any of them. @defaultValue both */
  readonly kernel?: 'ordered' | 'reordering' | 'both'
  /** How many states at most. @defaultValue 256 */
  readonly limit?: number
  /** Chooses when there are more states than `limit`. @defaultValue the seed of the test file */
  readonly random?: () => number
  /** Space that was new to a file may hold rubbish. @defaultValue true */
  readonly garbage?: boolean
  /** Hashes of states that are not wanted again; grows. @defaultValue empty */
  readonly seen?: Set<number>
}

type Settings = Required<CrashOptions>

/** The possible outcomes of a power failure, each once: simple ones first, then all others or a sample of them. */
export function* outcomes(store: Store, options: CrashOptions): Generator<Outcome, void> {
  const { kernel = 'both', limit = 256, random = seeded(), garbage = true, seen = new Set() } = options
  const settings = { kernel, limit, random, garbage, seen }
  const plan = planOf(store)
  let left = limit
  let misses = 0
  for (const choice of choices(plan, settings)) {
    if (left === 0) return
    const outcome = outcomeOf(plan, choice)
    if (seen.has(outcome.hash)) {
      // A sample goes on for ever; it ends when it finds little that is new.
      if (choice.label === sampled && ++misses > 64 + limit) return
      continue
    }
    seen.add(outcome.hash)
    left--
    yield outcome
  }
}

const sampled = 'a sample'

function* choices(plan: Plan, settings: Settings): Generator<Choice, void> {
  if (settings.kernel !== 'reordering') yield* prefixes(plan)
  if (settings.kernel !== 'ordered') yield* corners(plan, settings)
  if (settings.kernel !== 'reordering') yield* cuts(plan, Math.ceil(settings.limit / 4))
  if (settings.kernel === 'ordered') return
  const subsets = closedSubsets(plan)
  const variety = plan.files.reduce((product, file) => product * varietyOf(plan, file, settings), 1)
  if (subsets !== undefined && variety * subsets.length <= settings.limit) {
    yield* everything(plan, subsets, settings)
  } else {
    for (;;) yield sample(plan, settings)
  }
}

/** A choice that keeps the operations for which `keep` is true, with the newest kept version of each sector. */
function choose(plan: Plan, label: string, keep: (sequence: number, forgotten: boolean) => boolean): Choice {
  const files = plan.files.map(({ node, sizes, slots }) => {
    const kept = node.pending.map(({ sequence, forgotten }) => keep(sequence, forgotten))
    return {
      sizes: sizes.findLastIndex((index) => kept[index]) + 1,
      slots: slots.map(({ versions }) => versions.findLast((index) => kept[index]) ?? before),
    }
  })
  const entries = plan.store.pendingEntries.map(({ sequence }) => keep(sequence, false))
  return { label, files, entries: closed(plan, entries) }
}

/** Drops the entries that stand on a lost one. */
function closed(plan: Plan, entries: boolean[]): boolean[] {
  for (const [index, needs] of plan.needs.entries()) {
    if (needs.some((need) => !entries[need])) entries[index] = false
  }
  return entries
}

function sequencesOf({ store, files }: Plan): readonly number[] {
  const writes = files.flatMap(({ node }) => node.pending.map(({ sequence }) => sequence))
  const all = [...writes, ...store.pendingEntries.map(({ sequence }) => sequence)]
  return all.toSorted((one, other) => one - other)
}

function* prefixes(plan: Plan): Generator<Choice, void> {
  const sequences = sequencesOf(plan)
  yield choose(plan, 'everything kept', () => true)
  for (const [index, first] of [...sequences.entries()].toReversed()) {
    yield choose(plan, `the first ${index} unsettled operations kept`, (sequence) => sequence < first)
  }
}

function* corners(plan: Plan, { garbage }: Settings): Generator<Choice, void> {
  const all = choose(plan, 'everything kept', () => true)
  const nothing = choose(plan, 'everything lost', () => false)
  yield all
  yield nothing
  yield { ...all, label: 'only directory entries kept', files: nothing.files }
  yield { ...all, label: 'only file contents kept', entries: nothing.entries }
  yield choose(plan, 'what a failed sync forgot is lost', (_, forgotten) => !forgotten)
  const empty = (pick: number) =>
    plan.files.map(({ sizes, slots }) => ({
      sizes: sizes.length,
      slots: slots.map(({ fresh }) => (fresh ? pick : before)),
    }))
  yield { ...all, label: 'sizes kept, contents lost', files: empty(before) }
  if (garbage) yield { ...all, label: 'sizes kept, contents rubbish', files: empty(noise) }
  if (garbage && plan.deleted !== undefined) {
    yield { ...all, label: 'sizes kept, contents of a deleted file', files: empty(stale) }
  }
  const sizeless = all.files.map(({ slots }) => ({ sizes: 0, slots }))
  yield { ...all, label: 'contents kept, sizes lost', files: sizeless }
  for (const one of sequencesOf(plan).toReversed()) {
    yield choose(plan, 'one operation lost', (sequence) => sequence !== one)
    yield choose(plan, 'one operation kept', (sequence) => sequence === one)
  }
}

/** The last write breaks off after any byte. Of long writes: at the sectors, and at some bytes. */
function* cuts(plan: Plan, limit: number): Generator<Choice, void> {
  const last = sequencesOf(plan).at(-1) ?? -1
  for (const { id, node } of plan.files) {
    const write = node.pending.at(-1)
    if (write?.sequence !== last || write?.op.kind !== 'write' || write.forgotten) continue
    const { position, first, sectors, length } = write.op
    const start = position - first * sectorBytes
    const step = Math.max(1, Math.floor(length / limit))
    const rest = choose(plan, 'the last write broke off', (sequence) => sequence < last)
    for (let kept = 1; kept < length; kept += step) {
      yield { ...rest, cut: { file: id, position, bytes: sectors.subarray(start, start + kept) } }
    }
  }
}

/** Every set of pending entries in which each has what it stands on; undefined when they are too many. */
function closedSubsets(plan: Plan): readonly (readonly boolean[])[] | undefined {
  const count = plan.needs.length
  if (count > 10) return undefined
  const found: boolean[][] = []
  for (let mask = 0; mask < 2 ** count; mask++) {
    const entries = plan.needs.map((_, index) => (mask & (1 << index)) !== 0)
    const whole = plan.needs.every((needs, index) => !entries[index] || needs.every((need) => entries[need]))
    if (whole) found.push(entries)
  }
  return found
}

function picksOf(plan: Plan, fresh: boolean, versions: readonly number[], { garbage }: Settings): number[] {
  const picks = [before, ...versions]
  if (garbage && fresh) picks.push(noise)
  if (garbage && fresh && plan.deleted !== undefined) picks.push(stale)
  return picks
}

function varietyOf(plan: Plan, { sizes, slots }: FilePlan, settings: Settings): number {
  return slots.reduce(
    (product, { fresh, versions }) => product * picksOf(plan, fresh, versions, settings).length,
    sizes.length + 1,
  )
}

/** Counts through all combinations, like an odometer. */
function* everything(
  plan: Plan,
  subsets: readonly (readonly boolean[])[],
  settings: Settings,
): Generator<Choice, void> {
  const wheels: (readonly number[])[] = plan.files.flatMap(({ sizes, slots }) => [
    [...sizes.keys(), sizes.length],
    ...slots.map(({ fresh, versions }) => picksOf(plan, fresh, versions, settings)),
  ])
  const places = wheels.map(() => 0)
  for (let wheel = 0; wheel < wheels.length || wheel === 0;) {
    let next = 0
    const take = () => wheels[next]?.[places[next++] as number] as number
    const files = plan.files.map(({ slots }) => ({ sizes: take(), slots: slots.map(take) }))
    for (const entries of subsets) yield { label: 'one of all combinations', files, entries }
    for (wheel = 0; wheel < wheels.length; wheel++) {
      places[wheel] = ((places[wheel] as number) + 1) % (wheels[wheel]?.length ?? 1)
      if (places[wheel] !== 0) break
    }
    if (wheel === wheels.length) return
  }
}

function sample(plan: Plan, settings: Settings): Choice {
  const { random } = settings
  const upTo = (count: number) => Math.floor(random() * count)
  const anything = random() < 0.4
  const rubbish = settings.garbage && random() < 0.3
  const files = plan.files.map(({ node, sizes, slots }) => {
    // Each write is lost, kept, or torn into sectors.
    const fates = node.pending.map(() => [0, 1, 0.5][upTo(3)] as number)
    const picks = slots.map(({ versions, fresh }) => {
      if (anything) {
        const all = picksOf(plan, fresh, versions, settings)
        return all[upTo(all.length)] as number
      }
      const version = versions.findLast((index) => random() < (fates[index] as number))
      if (version !== undefined) return version
      if (!rubbish || !fresh || random() < 0.5) return before
      return plan.deleted !== undefined && random() < 0.5 ? stale : noise
    })
    const shape = random()
    return { sizes: shape < 0.5 ? sizes.length : shape < 0.6 ? 0 : upTo(sizes.length + 1), slots: picks }
  })
  const count = plan.needs.length
  const kept = upTo(count + 1)
  const inOrder = random() < 0.5
  const entries = plan.needs.map((_, index) => (inOrder ? index < kept : random() < 0.7))
  return { label: sampled, files, entries: closed(plan, entries) }
}
