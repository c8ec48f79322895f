import { setImmediate } from 'node:timers/promises'
import type { DurableBroker, GroupDelivery, GroupPosition, SyncPolicy } from '../../src/wal/contract.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import { selects } from '../../src/wal/broker/start.ts'
import type { SimDisk } from '../crash/sim-disk.ts'
import { ManualClock } from '../support/manual-clock.ts'
import type { GroupNote } from './group-oracle.ts'

/** What a run says on its way. */
export type Note =
  /** A message is about to be published, and will have this number. */
  | { readonly tried: string; readonly seq: number }
  /** It was acknowledged as synced. */
  | { readonly kept: number }
  /** Recovery has shown so many records. */
  | { readonly shown: number }
  | { readonly group: string; readonly note: GroupNote }

export const dir = '/data/log'

/** The groups of a run, by name. */
export const patterns: Readonly<Record<string, string>> = { all: 'jobs.>', one: 'jobs.a' }

interface Sent {
  readonly seq: number
  readonly topic: string
}

interface Member {
  readonly poll: () => GroupDelivery | undefined
}

/** A broker on a simulated disk with two groups, and all that is promised about them. */
export class GroupRun {
  readonly #disk: SimDisk
  readonly #note: (note: Note) => void
  readonly #options: { readonly segmentBytes: number; readonly sync: SyncPolicy }
  #clock = new ManualClock()
  #broker!: DurableBroker // opened by `begin`
  #members = new Map<string, readonly Member[]>()
  readonly #held = new Map<string, GroupDelivery[]>()
  readonly #sent: Sent[] = []
  #count = 0

  constructor(
    disk: SimDisk,
    options: { readonly segmentBytes: number; readonly sync: SyncPolicy },
    note: (note: Note) => void,
  ) {
    this.#disk = disk
    this.#options = options
    this.#note = note
  }

  async begin(): Promise<void> {
    const options = { fileSystem: this.#disk, engine: 'inline', compactOnSeal: false } as const
    this.#broker = await openDurableBroker(dir, { ...options, ...this.#options, clock: this.#clock })
    this.#held.clear()
    this.#members.clear()
    for (const group of this.#joined) this.#subscribe(group, 'end')
  }

  /** Two members of a group; a new one begins at the start, or so many from the end. */
  async join(group: string, from: 'start' | 'end' | number): Promise<void> {
    if (this.#joined.has(group)) return
    this.#joined.add(group)
    const mine = this.#mine(group)
    const place = from === 'end' ? this.#end : from === 'start' ? 0 : (mine.at(from) ?? mine[0] ?? this.#end)
    this.#tell(group, { placing: place })
    this.#subscribe(group, from)
    await setImmediate()
    await this.#broker.flush()
    this.#tell(group, { placed: true })
  }

  /** One message to each topic, in one commit. */
  async publish(topics: readonly string[], bytes: number, ack: 'written' | 'synced'): Promise<void> {
    const publishing = topics.map((topic) => {
      const text = `${++this.#count}`.padEnd(bytes, '.')
      const seq = this.#end
      this.#note({ tried: text, seq })
      this.#sent.push({ seq, topic })
      return this.#broker.publish(topic, text, { ack })
    })
    for (const { seq } of await Promise.all(publishing)) if (ack === 'synced') this.#note({ kept: seq })
    await setImmediate()
  }

  async take(group: string, member: number): Promise<void> {
    const delivery = this.#members.get(group)?.[member]?.poll()
    if (delivery !== undefined) this.#held.get(group)?.push(delivery)
    await setImmediate() // what has to be fetched is there then
  }

  /** Acks or returns one of the deliveries in hand, not always the oldest. */
  settle(group: string, which: number, ack: boolean, delayMs: number): void {
    const held = this.#held.get(group) ?? []
    const [delivery] = held.splice(Math.floor(which * held.length), 1)
    if (delivery === undefined) return
    if (!ack) return void delivery.nak({ delayMs })
    this.#tell(group, { acking: delivery.seq })
    if (!delivery.ack()) throw new Error(`${delivery.seq} cannot be acked`)
  }

  /** Lets time pass: cursors that have moved are written. */
  async pass(ms: number): Promise<void> {
    this.#clock.advance(ms)
    await setImmediate()
  }

  /** From the next sync on, what was acked a moment ago is on the disk. */
  async flush(): Promise<void> {
    await this.pass(10)
    await this.#broker.flush()
    this.#remembered()
  }

  async seek(group: string, where: 'start' | 'end' | 'offset' | 'shift', at: number): Promise<void> {
    if (!this.#joined.has(group)) return
    const mine = this.#mine(group)
    const index = Math.floor(at * mine.length)
    let [position, place]: [GroupPosition, number] = ['start', 0]
    if (where === 'end') [position, place] = ['end', this.#end]
    else if (where === 'offset' && group === 'one' && mine.length > 0)
      [position, place] = [index, mine[index] ?? 0]
    else if (where !== 'start') {
      const shift = Math.floor(at * 9) - 5
      const { cursor = 0 } = (await this.#broker.groups()).find(({ name }) => name === group) ?? {}
      const to = mine.filter((seq) => seq < cursor).length + shift
      ;[position, place] = [{ shift }, to >= mine.length ? this.#end : (mine[Math.max(0, to)] ?? 0)]
    }
    this.#held.set(group, [])
    this.#tell(group, { placing: place })
    await this.#broker.seekGroup(group, patterns[group] ?? '', position)
    this.#tell(group, { placed: true })
  }

  async reopen(close: boolean): Promise<void> {
    if (close) {
      await this.#broker.close()
      this.#remembered()
    } else {
      for (const group of this.#joined) this.#tell(group, { killed: true })
      this.#clock = new ManualClock() // the timers of a process end with it
    }
    await this.begin()
  }

  readonly #joined = new Set<string>()

  get #end(): number {
    return this.#broker.ledger().log.appended
  }

  #mine(group: string): readonly number[] {
    return this.#sent.filter(({ topic }) => selects(patterns[group] ?? '', topic)).map(({ seq }) => seq)
  }

  #subscribe(group: string, from: 'start' | 'end' | number): void {
    const options = { group, from, ackDeadlineMs: 1e9, maxInFlight: 6 }
    const join = (): Member => this.#broker.subscribe(patterns[group] ?? '', options)
    this.#members.set(group, [join(), join()])
    this.#held.set(group, [])
  }

  #remembered(): void {
    for (const group of this.#joined) this.#tell(group, { remembered: true })
  }

  #tell(group: string, note: GroupNote): void {
    this.#note({ group, note })
  }
}
