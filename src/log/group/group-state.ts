import type { Clock } from '../../core/clock.ts'
import {
  Delivery,
  type GroupCounts,
  type GroupMemory,
  type GroupRecord,
  type GroupSettings,
  type GroupSource,
} from './delivery.ts'
import { DueQueue } from './due-queue.ts'
import { behindRanges, inRanges, Window, type WindowEntry } from './window.ts'

/** One record between being taken from the log and being acked. */
interface Task<R extends GroupRecord> {
  readonly record: R
  readonly entry: WindowEntry
  readonly key: string | undefined
  attempt: number
  /** The delivery that may settle it; undefined while nobody has it. */
  delivery: Delivery<R> | undefined
}

interface Timed<R extends GroupRecord> {
  readonly at: number
  readonly seq: number
  readonly task: Task<R>
  /** The delivery whose deadline this is; undefined for a record that waits to be delivered again. */
  readonly delivery: Delivery<R> | undefined
}

/** Records beyond those in flight that a group may hold: acked ones that wait for an open one, and parked ones. */
const lookAhead = 4096

/**
 * What a group has begun and not finished. Hands records to members, takes back what is not settled in time, keeps
 * records of one ordering key apart and in order, and moves its cursor over what is acked without a gap.
 */
export class GroupState<R extends GroupRecord> {
  readonly #clock: Clock
  readonly #settings: GroupSettings<R>
  /** Somebody should ask for work: there may be some now that there was not before. */
  readonly #work: () => void
  /** What the group remembers has changed. */
  readonly #changed: () => void
  #source: GroupSource<R>
  /** Acked before this state was made. */
  #before: readonly number[]
  readonly #window = new Window()
  readonly #tasks = new Map<Delivery<R>, Task<R>>()
  readonly #timed = new DueQueue<Timed<R>>()
  /** Records to be delivered now, lowest number first. */
  readonly #ready = new DueQueue<Timed<R>>()
  /** Keys with an unfinished record, and the records parked behind it. */
  readonly #keys = new Map<string, Task<R>[]>()
  #cancelTimer: (() => void) | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #delivered = 0
  #acked = 0
  #nacked = 0
  #expired = 0
  #returned = 0
  paused = false

  constructor(
    clock: Clock,
    settings: GroupSettings<R>,
    source: GroupSource<R>,
    acked: readonly number[],
    events: { readonly work: () => void; readonly changed: () => void },
  ) {
    this.#clock = clock
    this.#settings = settings
    this.#source = source
    this.#before = acked
    this.#work = events.work
    this.#changed = events.changed
  }

  /** Everything before it is acked. */
  get cursor(): number {
    return this.#window.first ?? behindRanges(this.#before, this.#source.seq)
  }

  get memory(): GroupMemory {
    return { cursor: this.cursor, acked: joined(this.#window.ackedRanges(), this.#beyond()) }
  }

  get counts(): GroupCounts {
    return {
      delivered: this.#delivered,
      acked: this.#acked,
      nacked: this.#nacked,
      expired: this.#expired,
      returned: this.#returned,
      inFlight: this.#tasks.size,
    }
  }

  /** Deliveries that are not settled. */
  get inFlight(): number {
    return this.#tasks.size
  }

  /** Records taken from the source and not acked. */
  get open(): number {
    return this.#window.open
  }

  /** Gives `member` a record, or undefined when there is none for it now. */
  take(member: object): Delivery<R> | undefined {
    if (this.paused || this.#tasks.size >= this.#settings.maxInFlight) return undefined
    const task = this.#ready.pop()?.task ?? this.#begin()
    if (task === undefined) return undefined
    const delivery = new Delivery(
      task.record,
      ++task.attempt,
      member,
      this.#clock.now() + this.#settings.ackDeadlineMs,
    )
    task.delivery = delivery
    this.#tasks.set(delivery, task)
    this.#delivered++
    this.#time(delivery.deadline, task, delivery)
    return delivery
  }

  /** The record is finished. False when this delivery may not settle it any more. */
  ack(delivery: Delivery<R>): boolean {
    const task = this.#settle(delivery)
    if (task === undefined) return false
    this.#acked++
    this.#window.ack(task.entry)
    this.#release(task)
    this.#changed()
    this.#work()
    return true
  }

  /** The record is to be delivered again, after `delayMs`. False when this delivery may not settle it any more. */
  nak(delivery: Delivery<R>, delayMs: number): boolean {
    const task = this.#settle(delivery)
    if (task === undefined) return false
    this.#nacked++
    this.#again(task, delayMs)
    return true
  }

  /** Begins the deadline anew, from now. False when it has passed. */
  extend(delivery: Delivery<R>, ms: number): boolean {
    const task = this.#tasks.get(delivery)
    if (task === undefined) return false
    delivery.deadline = this.#clock.now() + ms
    this.#time(delivery.deadline, task, delivery)
    return true
  }

  /** A member is gone: what it had is delivered again at once. */
  leave(member: object): void {
    for (const delivery of [...this.#tasks.keys()]) {
      if (delivery.member !== member) continue
      const task = this.#settle(delivery)
      this.#returned++
      if (task !== undefined) this.#again(task, 0)
    }
  }

  /** Goes on elsewhere: what is in flight can be settled no more. */
  seek(source: GroupSource<R>, acked: readonly number[] = []): void {
    this.#returned += this.#tasks.size
    this.#tasks.clear()
    this.#timed.clear()
    this.#ready.clear()
    this.#keys.clear()
    this.#window.clear()
    this.#source = source
    this.#before = acked
    this.#changed()
    this.#work()
  }

  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  /** Takes records from the source until one may be delivered; others are parked behind their key. */
  #begin(): Task<R> | undefined {
    while (this.#window.size < this.#settings.maxInFlight + lookAhead) {
      const record = this.#source.take()
      if (record === undefined) return undefined
      const entry = this.#window.add(record.seq)
      if (this.#before.length > 0 && inRanges(this.#before, record.seq)) {
        this.#window.ack(entry)
        continue
      }
      const key = this.#settings.orderingKey?.(record)
      const task: Task<R> = { record, entry, key, attempt: 0, delivery: undefined }
      if (key === undefined) return task
      const parked = this.#keys.get(key)
      if (parked === undefined) {
        this.#keys.set(key, [])
        return task
      }
      parked.push(task)
    }
    return undefined
  }

  /** Ends a delivery; undefined when it is over already. */
  #settle(delivery: Delivery<R>): Task<R> | undefined {
    const task = this.#tasks.get(delivery)
    if (task === undefined) return undefined
    this.#tasks.delete(delivery)
    task.delivery = undefined
    this.#forgetSettled()
    return task
  }

  /** The next record of its key may be delivered. */
  #release({ key }: Task<R>): void {
    if (key === undefined) return
    const next = this.#keys.get(key)?.shift()
    if (next === undefined) this.#keys.delete(key)
    else this.#ready.push({ at: 0, seq: next.record.seq, task: next, delivery: undefined })
  }

  #again(task: Task<R>, delayMs: number): void {
    if (delayMs > 0) {
      this.#time(this.#clock.now() + delayMs, task, undefined)
      this.#work() // there is room for another record meanwhile
      return
    }
    this.#ready.push({ at: 0, seq: task.record.seq, task, delivery: undefined })
    this.#work()
  }

  #time(at: number, task: Task<R>, delivery: Delivery<R> | undefined): void {
    if (at === Number.POSITIVE_INFINITY) return
    this.#timed.push({ at, seq: task.record.seq, task, delivery })
    if (at < this.#timerAt) this.#arm(at)
  }

  #arm(at: number): void {
    this.#cancelTimer?.()
    this.#timerAt = at
    this.#cancelTimer = this.#clock.schedule(() => this.#ring(), Math.max(0, at - this.#clock.now()))
  }

  #ring(): void {
    this.#cancelTimer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    for (let next = this.#timed.first; next !== undefined && next.at <= now; next = this.#timed.first) {
      this.#timed.pop()
      if (next.delivery === undefined) this.#again(next.task, 0)
      else if (next.task.delivery === next.delivery && next.delivery.deadline <= now)
        this.#expire(next.delivery)
    }
    this.#forgetSettled()
    if (this.#timed.first !== undefined) this.#arm(this.#timed.first.at)
  }

  /** Deadlines of what has been settled meanwhile need no timer, and must not pile up behind one that is open. */
  #forgetSettled(): void {
    for (let next = this.#timed.first; next !== undefined && isOver(next); next = this.#timed.first)
      this.#timed.pop()
    if (this.#timed.size > 4 * this.#window.open + 1024) this.#timed.keep((item) => !isOver(item))
  }

  #expire(delivery: Delivery<R>): void {
    const task = this.#settle(delivery)
    this.#expired++
    if (task !== undefined) this.#again(task, 0)
  }

  /** What was acked before and has not been come to yet. */
  #beyond(): readonly number[] {
    const from = this.#source.seq
    const ranges: number[] = []
    for (let index = 0; index + 1 < this.#before.length; index += 2) {
      const [begin = 0, end = 0] = [this.#before[index], this.#before[index + 1]]
      if (end > from) ranges.push(Math.max(begin, from), end)
    }
    return ranges
  }
}

/** Ranges and those behind them; two that touch become one. */
function joined(ranges: readonly number[], behind: readonly number[]): readonly number[] {
  if (ranges.at(-1) !== behind[0]) return [...ranges, ...behind]
  return [...ranges.slice(0, -1), ...behind.slice(1)]
}

function isOver<R extends GroupRecord>({ at, delivery, task }: Timed<R>): boolean {
  return delivery !== undefined && (task.delivery !== delivery || delivery.deadline > at)
}
