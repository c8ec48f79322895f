import type { SyncPolicy } from '../../src/wal/contract.ts'
import { selects } from '../../src/wal/broker/start.ts'
import { groupKey } from '../../src/wal/recovery/log-state.ts'
import type { Scenario } from '../crash/explore.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { dir, GroupRun, type Note, patterns } from './group-crash-run.ts'
import { checkGroup } from './group-oracle.ts'
import { type Found, readAll, SimLog } from './sim-log.ts'

const policies: readonly SyncPolicy[] = ['always', 'interval', 'os']

/** A run drawn from the seed, recorded on the real broker, as something that is crashed everywhere. */
export async function groupScenario(draw: () => number, steps: number): Promise<Scenario<Note>> {
  const disk = new SimDisk(['/data'])
  const notes: { readonly note: Note; readonly at: number }[] = []
  const segmentBytes = 4096 + 1200 + Math.floor(draw() * 4000)
  const sync = policies[Math.floor(draw() * policies.length)] ?? 'always'
  const run = new GroupRun(disk, { segmentBytes, sync }, (note) => notes.push({ note, at: disk.log.length }))
  await run.begin()
  for (let first = 0; first < 3; first++) await run.publish(['jobs.a', 'jobs.b'], 50, 'synced')
  await run.join('all', 'start')
  for (let step = 0; step < steps; step++) await oneStep(run, draw)
  return {
    disk: () => disk,
    run: (_disk, tell) => {
      for (const { at, note } of notes) tell(note, at)
    },
    check: (crashed, told, tell) => check(crashed, segmentBytes, told, tell),
  }
}

async function oneStep(run: GroupRun, draw: () => number): Promise<void> {
  const [what, which, how] = [draw(), draw(), draw()]
  const group = which < 0.6 ? 'all' : 'one'
  if (what < 0.16) {
    const topics = Array.from({ length: 1 + Math.floor(draw() * 4) }, () => topicFor(draw()))
    await run.publish(topics, Math.floor(how * 300), draw() < 0.6 ? 'synced' : 'written')
  } else if (what < 0.2) await run.join(group, how < 0.5 ? 'start' : how < 0.75 ? 'end' : -2)
  else if (what < 0.46) for (let one = 0; one < 4; one++) await run.take(group, one % 2)
  else if (what < 0.78) {
    const acks = draw() < 0.85
    for (let one = 0; one < 2; one++) run.settle(group, (how + one * 0.3) % 1, acks, draw() < 0.5 ? 0 : 30)
  } else if (what < 0.88) await run.pass(how < 0.6 ? 10 : 40)
  else if (what < 0.92) await run.flush()
  else if (what < 0.96)
    await run.seek(
      group,
      (['start', 'end', 'offset', 'shift'] as const)[Math.floor(how * 4)] ?? 'end',
      draw(),
    )
  else if (what > 0.97) {
    await run.take(group, 0)
    run.settle(group, how, true, 0)
    await run.reopen(how < 0.5)
  }
}

function topicFor(chance: number): string {
  return chance < 0.2 ? 'other.a' : chance < 0.65 ? 'jobs.a' : 'jobs.b'
}

/** Opens what a crash left, compares it with the notes, and sees that it can be written to. */
function check(
  disk: SimDisk,
  segmentBytes: number,
  notes: readonly Note[],
  tell: (note: Note) => void,
): void {
  const log = new SimLog(disk, dir, segmentBytes)
  const { state } = log.opened
  const found = readAll(disk, dir)
  if (state.nextSeq !== found.length) throw new Error('the log counts on from the wrong number')
  checkRecords(found, notes)
  for (const [name, pattern] of Object.entries(patterns)) {
    const mine = notes.flatMap((note) => ('group' in note && note.group === name ? [note.note] : []))
    const group = state.groups.get(groupKey({ name, pattern }))
    const records = found.filter(({ topic }) => selects(pattern, topic)).map(({ seq }) => seq)
    checkGroup(mine, group, records, found.length)
    tell({ group: name, note: { found: group } })
  }
  tell({ shown: found.length })
  const text = 'after'.padEnd(200, '!')
  tell({ tried: text, seq: found.length })
  const kept = { kept: found.length }
  log.append('after', text, true, {
    stored: () => tell(kept),
    failed: (_stored, cause) => {
      throw cause
    },
  })
  log.commit()
}

/** The messages are those that were published, in order; what the groups wrote stands between them. */
function checkRecords(found: readonly Found[], notes: readonly Note[]): void {
  const texts = new Map<number, string>()
  let least = 0
  for (const note of notes) {
    if ('tried' in note) texts.set(note.seq, note.tried)
    else if ('kept' in note) least = Math.max(least, note.kept + 1)
    else if ('shown' in note) least = Math.max(least, note.shown)
  }
  if (found.length < least) throw new Error(`${found.length} records are left of ${least} that were promised`)
  for (const [index, { seq, text, topic }] of found.entries()) {
    if (seq !== index) throw new Error(`record ${index} has the number ${seq}`)
    if (!topic.startsWith('$') && text !== texts.get(seq))
      throw new Error(`record ${seq} is not what was published`)
  }
}
