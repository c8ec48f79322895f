import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDurableBroker } from '../../src/wal/index.ts'
import type { DurableBroker, SyncPolicy } from '../../src/wal/contract.ts'

const child = fileURLToPath(new URL('children/power-cut-writer.mjs', import.meta.url))

/** Where a check publishes. */
const lastTopic = 'topic.last'

/** A publish that was acknowledged. */
interface Ack {
  readonly level: string
  readonly topic: string
  readonly offset: number
  readonly seq: number
}

/** What a writer has said until its power was cut. */
export interface Said {
  readonly acks: readonly Ack[]
  /** Sequence numbers that its member of the group was about to ack. */
  readonly acking: readonly number[]
  /** Where the group was known to stand on the disk. */
  readonly cursor: number
}

/** A writer in a process of its own, whose words are heard. */
export class Writer {
  readonly #process: ChildProcess
  #text = ''
  #errors = ''
  #lines = 0
  #ended = false

  constructor(directory: string, publishers: number, sync: SyncPolicy, life: number) {
    const args = [child, directory, String(publishers), sync, String(life)]
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text
      for (const char of text) if (char === '\n') this.#lines++
    })
    this.#process.once('close', () => (this.#ended = true))
  }

  /** Stops it in the middle of what it does, when it has said so much. What it says is from before. */
  async stopAfter(lines: number): Promise<void> {
    while (this.#lines < lines) {
      if (this.#ended) throw new Error(`the writer ended by itself: ${this.#errors}`)
      await setImmediate()
    }
    this.#process.kill('SIGSTOP')
    // Its other threads may still wait for the disk: whatever they do, nothing more can be said about it.
    while (stateOf(this.#process.pid ?? 0) !== 'T') await setImmediate()
  }

  /** Ends it for good, and returns all it has said. */
  async kill(): Promise<Said> {
    if (!this.#ended) {
      const closed = once(this.#process, 'close')
      this.#process.kill('SIGKILL')
      await closed
    }
    return parse(this.#text)
  }
}

function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
}

function parse(text: string): Said {
  const acks: Ack[] = []
  const acking: number[] = []
  let cursor = 0
  // The last line may be half of one.
  for (const line of text.split('\n').slice(0, -1)) {
    const [word = '', what = '', offset, seq] = line.split(' ')
    if (word === 'acking') acking.push(Number(what))
    else if (word === 'cursor') cursor = Number(what)
    else if (word !== 'begin')
      acks.push({ level: word, topic: what, offset: Number(offset), seq: Number(seq) })
  }
  return { acks, acking, cursor }
}

interface Kept {
  readonly life: number
  readonly seq: number
}

/** What all the lives of a log have promised, to be compared with what is there. */
export class Promises {
  /** What a reader has been shown, by topic and offset: it must stay. */
  readonly #shown = new Map<string, Kept[]>()
  /** Acknowledged since, in the order in which it was. */
  #acks: (Ack & { readonly life: number })[] = []
  readonly #acking = new Set<number>()
  #cursor = 0
  /** How many lives have ended since it was last looked at. */
  #unseen = 0
  /** Acknowledged as written only, and lost. */
  lost = 0

  hear(life: number, { acking, acks, cursor }: Said): void {
    this.#acks.push(...acks.map((ack) => ({ ...ack, life })))
    for (const seq of acking) this.#acking.add(seq)
    this.#cursor = Math.max(this.#cursor, cursor)
    this.#unseen++
  }

  /** Opens the log and throws when a promise is broken. What it finds is promised from then on. */
  async check(directory: string): Promise<void> {
    const broker = await openDurableBroker(directory, { engine: 'inline' })
    try {
      const found = await readTopics(broker)
      this.#checkShown(found)
      this.#checkAcks(found)
      await this.#checkGroup(broker, new Set([...found.values()].flat().map(({ seq }) => seq)))
      this.#shown.clear()
      for (const [topic, records] of found) this.#shown.set(topic, records)
      this.#acks = []
      this.#unseen = 0
    } finally {
      await broker.close()
    }
  }

  #checkShown(found: ReadonlyMap<string, readonly Kept[]>): void {
    for (const [topic, records] of this.#shown) {
      const now = found.get(topic) ?? []
      for (const [offset, { life, seq }] of records.entries())
        if (now[offset]?.life !== life || now[offset]?.seq !== seq)
          throw new Error(`${topic} ${offset} was read after a power cut, and is not there any more`)
    }
  }

  #checkAcks(found: ReadonlyMap<string, readonly Kept[]>): void {
    // A later life may have taken the place of what was lost: the last acknowledgement of an offset counts.
    const latest = new Map<string, number>()
    for (const ack of this.#acks) {
      const records = found.get(ack.topic) ?? []
      const record = records[ack.offset]
      const isThere = record?.life === ack.life && record.seq === ack.seq
      if (!isThere && ack.level === 'synced')
        throw new Error(`${ack.topic} ${ack.offset} of life ${ack.life} was synced, and is lost`)
      if (!isThere) this.lost++
      if (isThere) latest.set(ack.topic, ack.offset)
    }
    for (const [topic, records] of found) {
      // Each topic has one publisher, which waits for its acknowledgement: of one record per life nobody may know.
      const known = Math.max(this.#shown.get(topic)?.length ?? 0, (latest.get(topic) ?? -1) + 1)
      if (records.length > known + this.#unseen)
        throw new Error(`${topic} has ${records.length} records, of which ${known} are known`)
    }
  }

  async #checkGroup(broker: DurableBroker, seqs: ReadonlySet<number>): Promise<void> {
    const [group] = await broker.groups()
    const { appended } = broker.ledger().log
    if (group === undefined) {
      if (this.#cursor > 0) throw new Error('the group is forgotten')
      return
    }
    if (group.cursor > appended) throw new Error(`the cursor ${group.cursor} is beyond the end ${appended}`)
    if (group.cursor < this.#cursor)
      throw new Error(`the cursor ${this.#cursor} was on the disk, and is ${group.cursor}`)
    const member = broker.subscribe('topic.>', { group: 'workers', maxInFlight: 1 << 20 })
    const again = new Set<number>()
    // Nothing is returned here, so whatever was not acked comes before what is published now.
    const end = await broker.publish(lastTopic, 'the end')
    for await (const { seq } of member) {
      if (seq === end.seq) break
      again.add(seq)
    }
    for (const seq of seqs)
      if (!again.has(seq) && !this.#acking.has(seq))
        throw new Error(`record ${seq} was never acked, and is not delivered`)
    for (const seq of again)
      if (seq < group.cursor) throw new Error(`record ${seq} is delivered, from before the cursor`)
  }
}

async function readTopics(broker: DurableBroker): Promise<Map<string, Kept[]>> {
  const found = new Map<string, Kept[]>()
  for (const { topic, next } of broker.topics()) {
    if (next === 0 || topic === lastTopic) continue
    const records: Kept[] = []
    found.set(topic, records)
    for await (const { offset, payload, seq } of broker.subscribe(topic, { from: 'start' })) {
      const { life, n, pad } = payload as { life: number; n: number; pad: string }
      if (offset !== records.length || n !== offset || pad !== 'x'.repeat(n % 300))
        throw new Error(`${topic} has at ${records.length} what was not published there`)
      if (records.push({ life, seq }) === next) break
    }
  }
  return found
}
