import { statSync } from 'node:fs'
import { SpillwayError } from '../../core/errors.ts'
import { FollowedLog } from '../../wal/follow/followed-log.ts'
import { nodeFileSystem } from '../../wal/fs/node-fs.ts'
import { readManifest, segmentBases } from '../../wal/recovery/directory.ts'
import { segmentName } from '../../wal/segment/names.ts'
import { Payloads } from '../../wal/store/payload.ts'
import { holderOf } from '../../wal/tools/holder.ts'
import { noLog } from '../log/directory.ts'
import { exitCode } from '../exit-code.ts'
import { byteCount, count } from '../format.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'

/** What a log holds, as far as it can be told without reading its records. */
interface Contents {
  readonly first: number
  readonly next: number
  readonly topics: number
  readonly groups: number
  readonly lastWrite: string | undefined
}

/** `spillway wal info`: what a directory is, without changing or locking it. Resolves to an exit code. */
export function walInfo(dir: string, options: GlobalOptions): number {
  const terminal = new Terminal(options)
  const bases = basesIn(dir)
  if (bases === undefined) throw noLog(dir)
  const segments = bases.map((base) => {
    const file = segmentName(base)
    return { file, first: base, bytes: statSync(`${dir}/${file}`).size }
  })
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const holder = holderOf(dir)
  const { contents, error, id, clean } = look(dir)
  terminal.printJson({ dir, id, clean, holder: holder?.pid, bytes, segments, ...contents, error })
  terminal.print(`${terminal.paint.bold(dir)}  log ${id ?? 'without a readable MANIFEST'}`)
  const state = holder === undefined ? (clean ? 'closed cleanly' : 'not closed cleanly') : 'in use'
  const by = holder?.pid === undefined ? '' : ` by process ${holder.pid}`
  terminal.print(`  state     ${state}${by}`)
  if (contents !== undefined) {
    const { first, groups, lastWrite, next, topics } = contents
    terminal.print(
      `  records   ${count(next - first)}, numbers ${count(first)} to ${count(Math.max(first, next - 1))}`,
    )
    terminal.print(`  topics    ${count(topics)}, groups ${count(groups)}`)
    terminal.print(`  written   ${lastWrite ?? 'never'}`)
  }
  terminal.print(`  segments  ${count(segments.length)}, ${byteCount(bytes)}`)
  if (error === undefined) return exitCode.done
  process.stderr.write(`spillway: ${error}\n`)
  return exitCode.damaged
}

/** The segments in `dir`; undefined when it holds no log. */
export function basesIn(dir: string): readonly number[] | undefined {
  try {
    const names = nodeFileSystem.readdir(dir)
    const bases = segmentBases(nodeFileSystem, dir)
    return bases.length > 0 || names.includes('MANIFEST') ? bases : undefined
  } catch {
    return undefined
  }
}

function look(dir: string): {
  readonly id?: string
  readonly clean: boolean
  readonly contents?: Contents
  readonly error?: string
} {
  let known: { readonly id?: string; readonly clean: boolean } = { clean: false }
  try {
    const manifest = readManifest(nodeFileSystem, dir)
    if (manifest === undefined) return { ...known, error: 'There is no MANIFEST.' }
    known = { id: manifest.logId, clean: manifest.closed !== undefined }
    const log = new FollowedLog(nodeFileSystem, dir, new Payloads(undefined), 'written')
    const { lastMs, nextSeq, topics, groups } = log.state
    const lastWrite = lastMs === 0 ? undefined : new Date(lastMs).toISOString()
    const visible = [...topics.keys()].filter((name) => !name.startsWith('$'))
    const contents = {
      first: log.startSeq,
      next: nextSeq,
      topics: visible.length,
      groups: groups.size,
      lastWrite,
    }
    log.close()
    return { ...known, contents }
  } catch (error) {
    if (error instanceof SpillwayError) return { ...known, error: error.message }
    throw error
  }
}
