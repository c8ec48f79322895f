import { type Content, hashNumber, sectorBytes, textHash } from './content.ts'
import { describeOp } from './op.ts'
import { applyEntry, type FileNode, namesOf, sectorsOf, type Store, walk } from './store.ts'

// Where a sector comes from: the index of a pending write, or one of these.

/** As it was when last synced. */
export const before = -1
/** Bytes that nobody wrote. */
export const noise = -2
/** What a deleted file had there. */
export const stale = -3

/** A sector that pending writes have changed. */
export interface Slot {
  readonly sector: number
  /** Indices of the pending writes, oldest first. */
  readonly versions: readonly number[]
  /** It lies behind the durable end: the disk may never have held a byte of this file there. */
  readonly fresh: boolean
}

/** What a power failure may do to one file. */
export interface FilePlan {
  readonly id: number
  readonly node: FileNode
  /** Indices of the pending writes that change the size, oldest first. */
  readonly sizes: readonly number[]
  readonly slots: readonly Slot[]
}

/** What a power failure may do. */
export interface Plan {
  readonly store: Store
  readonly files: readonly FilePlan[]
  /** For each pending entry the earlier ones that it stands on. */
  readonly needs: readonly (readonly number[])[]
  /** A file without a name, whose old sectors may turn up elsewhere. */
  readonly deleted: Content | undefined
}

/** What a power failure did: one of the possibilities of a plan. */
export interface Choice {
  readonly label: string
  /** Per file: how many of the size changes were kept, and where each slot comes from. */
  readonly files: readonly { readonly sizes: number; readonly slots: readonly number[] }[]
  /** Per pending entry: was it kept? */
  readonly entries: readonly boolean[]
  /** A last write of which only the first bytes were kept. */
  readonly cut?: { readonly file: number; readonly position: number; readonly bytes: Uint8Array } | undefined
}

/** A disk after a power failure. */
export interface Outcome {
  readonly store: Store
  readonly hash: number
  describe(): string
}

export function planOf(store: Store): Plan {
  const files: FilePlan[] = []
  for (const [id, node] of store.files) if (node.pending.length > 0) files.push(planFile(id, node))
  const names = store.pendingEntries.map(({ op }) => namesOf(op))
  const needs = names.map((mine, index) =>
    [...names.slice(0, index).entries()]
      .filter(([, theirs]) => theirs.some((name) => mine.includes(name)))
      .map(([earlier]) => earlier),
  )
  const named = new Set(store.entries.values())
  const gone = [...store.files].find(([id, { cache }]) => !named.has(id) && cache.size > 0)
  return { store, files, needs, deleted: gone?.[1].cache }
}

function planFile(id: number, node: FileNode): FilePlan {
  const versions = new Map<number, number[]>()
  const sizes: number[] = []
  for (const [index, { op, settled, sizeSettled }] of node.pending.entries()) {
    if (!sizeSettled) sizes.push(index)
    for (const sector of sectorsOf(op)) {
      if (settled.has(sector)) continue
      const known = versions.get(sector)
      if (known === undefined) versions.set(sector, [index])
      else known.push(index)
    }
  }
  const end = Math.ceil(node.durable.size / sectorBytes)
  const slots = [...versions].map(([sector, list]) => ({ sector, versions: list, fresh: sector >= end }))
  return { id, node, sizes, slots }
}

/** Builds the disk that a choice leaves. */
export function outcomeOf(plan: Plan, choice: Choice): Outcome {
  const { store } = plan
  const entries = new Map(store.durableEntries)
  for (const [index, { op }] of store.pendingEntries.entries()) {
    if (choice.entries[index] === true) applyEntry(entries, op)
  }
  const restarted = store.restarted(entries, (id) => {
    const index = plan.files.findIndex((file) => file.id === id)
    if (index === -1) return store.file(id).durable.fork()
    return contentOf(plan, index, choice)
  })
  return { store: restarted, hash: storeHash(restarted), describe: () => describeChoice(plan, choice) }
}

function contentOf(plan: Plan, index: number, choice: Choice): Content {
  const { node, sizes, slots, id } = plan.files[index] as FilePlan
  const { sizes: kept, slots: picks } = choice.files[index] as Choice['files'][number]
  const content = node.durable.fork()
  const cuts = sizes.slice(0, kept).filter((at) => isCut(node, at))
  for (const at of cuts) content.wipe(roundUp(node.pending[at]?.op.after ?? 0))
  for (const [slot, { sector }] of slots.entries()) {
    const pick = picks[slot] as number
    if (pick === before) continue
    if (pick < 0) {
      content.put(sector * sectorBytes, pick === noise ? noiseFor(sector) : staleFor(plan, sector))
      continue
    }
    // A cut that came later has freed the sector again.
    if (cuts.some((at) => at > pick && sector * sectorBytes >= (node.pending[at]?.op.after ?? 0))) continue
    const op = node.pending[pick]?.op
    if (op === undefined) throw new Error(`no pending write ${pick}`)
    const start = (sector - op.first) * sectorBytes
    content.put(sector * sectorBytes, op.sectors.subarray(start, start + sectorBytes))
  }
  const last = sizes[kept - 1]
  content.resize(last === undefined ? node.durable.size : (node.pending[last]?.op.after ?? 0))
  if (choice.cut?.file === id) {
    const { position, bytes } = choice.cut
    content.put(position, bytes)
    content.resize(Math.max(content.size, position + bytes.length))
  }
  return content
}

function isCut(node: FileNode, index: number): boolean {
  const op = node.pending[index]?.op
  return op !== undefined && op.after < op.before
}

function roundUp(position: number): number {
  return Math.ceil(position / sectorBytes) * sectorBytes
}

const noiseBytes = new Uint8Array(64 * sectorBytes).map((_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 19)

function noiseFor(sector: number): Uint8Array {
  const start = (sector % 64) * sectorBytes
  return noiseBytes.subarray(start, start + sectorBytes)
}

function staleFor(plan: Plan, sector: number): Uint8Array {
  return plan.deleted?.sectors(sector, 1) ?? noiseFor(sector)
}

/** A hash of all paths and contents that processes see. */
export function storeHash(store: Store): number {
  let [high, low] = [0, 0]
  for (const [path, id] of walk(store.entries)) {
    const name = textHash(path)
    const content = store.files.get(id)?.cache.hash() ?? { high: 1, low: 1 }
    high = (high + Math.imul(name.high ^ Math.imul(content.high | 0, 0x85ebca6b), 0x27d4eb2f)) | 0
    const mixed = name.low ^ content.low
    low = (low + Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)) | 0
  }
  return hashNumber({ high: high ^ (high >>> 16), low: low ^ (low >>> 12) })
}

function describeChoice({ store, files }: Plan, choice: Choice): string {
  const lines = [choice.label]
  for (const [index, { op }] of store.pendingEntries.entries()) {
    lines.push(`  ${choice.entries[index] === true ? 'kept' : 'lost'}: ${describeOp(op)}`)
  }
  for (const [index, { node, sizes, slots }] of files.entries()) {
    const picks = choice.files[index]
    for (const [at, { op, forgotten }] of node.pending.entries()) {
      const mine = slots.flatMap(({ versions }, slot) => (versions.includes(at) ? [slot] : []))
      const kept = mine.filter((slot) => picks?.slots[slot] === at).length
      const size = sizes.indexOf(at)
      const sizeKept = size === -1 ? '' : `, size ${size < (picks?.sizes ?? 0) ? 'kept' : 'lost'}`
      const how = `${kept} of ${mine.length} sectors${sizeKept}${forgotten ? ', after a failed sync' : ''}`
      lines.push(`  ${how}: ${describeOp(op)}`)
    }
    const rubbish = picks?.slots.filter((pick) => pick <= noise).length ?? 0
    if (rubbish > 0) lines.push(`  ${rubbish} sectors of rubbish`)
  }
  if (choice.cut !== undefined)
    lines.push(`  and the first ${choice.cut.bytes.length} bytes of the last write`)
  return lines.join('\n')
}
