import type { Scenario } from '../crash/explore.ts'
import type { SimDisk } from '../crash/sim-disk.ts'
import { type Found, readAll, SimLog } from './sim-log.ts'

/** What a scenario says on its way. */
export type Note =
  /** It was handed over under this number. */
  | { readonly tried: string; readonly seq: number }
  /** It was acknowledged as synced. */
  | { readonly kept: number }
  /** Its publish was rejected, and it is in the log for certain not. */
  | { readonly refused: string }
  /** A reader has seen the log up to here. */
  | { readonly shown: readonly string[] }

/** What a scenario may do with a log. */
export interface Script {
  readonly segmentBytes: number
  /** Runs with the log open; reopens it as often as it likes. */
  run(session: Session): void
}

export const dir = '/data/log'

/** A log under test and what was promised about it. */
export class Session {
  readonly disk: SimDisk
  readonly #note: (note: Note) => void
  readonly #segmentBytes: number
  log: SimLog
  #count = 0

  constructor(disk: SimDisk, note: (note: Note) => void, segmentBytes: number) {
    this.disk = disk
    this.#note = note
    this.#segmentBytes = segmentBytes
    this.log = new SimLog(disk, dir, segmentBytes)
  }

  /** Hands a record over; what becomes of it is noted. */
  append(topic: string, bytes: number, sync = true): void {
    const text = `${++this.#count}`.padEnd(bytes, '.')
    const { nextSeq } = this.log.opened.state
    this.#note({ tried: text, seq: nextSeq })
    this.log.append(topic, text, sync, {
      stored: () => {
        if (sync) this.#note({ kept: nextSeq })
      },
      failed: (stored) => {
        if (stored === 'no') this.#note({ refused: text })
      },
    })
  }

  commit(): void {
    this.log.commit()
  }

  reopen(close: boolean): void {
    if (close) this.log.close()
    else this.log.release()
    this.log = new SimLog(this.disk, dir, this.#segmentBytes)
  }
}

/** A script as something that is crashed everywhere. */
export function crashScenario(script: Script): Scenario<Note> {
  return {
    run: (disk, note) => script.run(new Session(disk, note, script.segmentBytes)),
    check: (disk, notes, note) => {
      const log = new SimLog(disk, dir, script.segmentBytes)
      const found = readAll(disk, dir)
      verify(found, notes)
      if (log.opened.state.nextSeq !== found.length)
        throw new Error('the log counts on from the wrong number')
      note({ shown: found.map(({ text }) => text) })
      // What recovery leaves must be good to write to.
      const text = `after ${found.length}`.padEnd(300, '!')
      note({ tried: text, seq: found.length })
      log.append('after', text, true, {
        stored: () => note({ kept: found.length }),
        failed: (_stored, cause) => {
          throw cause
        },
      })
      log.commit()
      const again = readAll(disk, dir)
      if (again.at(-1)?.text !== text || again.length !== found.length + 1)
        throw new Error('what was appended after recovery cannot be read')
    },
  }
}

/** Throws when the records found break a promise. */
export function verify(found: readonly Found[], notes: readonly Note[]): void {
  const expected: string[] = []
  const refused = new Set<string>()
  let kept = 0
  for (const note of notes) {
    if ('shown' in note) {
      expected.splice(0, expected.length, ...note.shown)
      kept = note.shown.length
    } else if ('tried' in note) {
      expected.splice(note.seq, expected.length, note.tried)
    } else if ('kept' in note) {
      kept = Math.max(kept, note.kept + 1)
    } else {
      refused.add(note.refused)
    }
  }
  if (found.length < kept) throw new Error(`${found.length} records are left of ${kept} acknowledged ones`)
  const offsets = new Map<string, number>()
  for (const [index, { offset, seq, text, topic }] of found.entries()) {
    if (seq !== index) throw new Error(`record ${index} has the number ${seq}`)
    if (text !== expected[index])
      throw new Error(`record ${seq} is not what was written: ${text.slice(0, 20)}`)
    if (refused.has(text)) throw new Error(`record ${seq} was refused, and is there`)
    const next = offsets.get(topic) ?? 0
    if (offset !== next) throw new Error(`record ${seq} has offset ${offset} of ${topic}, not ${next}`)
    offsets.set(topic, next + 1)
  }
}
