import type { Message } from '../core/message.ts'
import { RingBuffer } from '../core/ring-buffer.ts'
import type { DeadLetterPlace } from './dead-letters.ts'
import { type ConsumerStoppedError, DeliveryLostError } from './errors.ts'
import { Failures } from './failures.ts'
import { Gates } from './gates.ts'
import type { Intake } from './intake.ts'
import { Item } from './item.ts'
import { Keeper } from './keeper.ts'
import { Books, type Fate } from './ledger.ts'
import type { ReturnReason } from './observer.ts'
import type { Reports } from './reports.ts'
import type { FlowSettings } from './settings.ts'
import { Settling } from './settling.ts'
import { Turns } from './turns.ts'

/** Acks and naks that may wait to be confirmed before nothing more is taken. */
const maxSettling = 1024

/** `open`: takes and begins. `stopping`: begins nothing, failures are handed back. `over`: everything was handed back. */
type Mode = 'open' | 'stopping' | 'over'

/** What gives items to the handler and knows about its calls: deadline, middleware, handler. */
export interface ItemRunner {
  /** Whether an item may be started now. */
  readonly free: boolean
  start(item: Item): void
  /** There is nothing more to start for now. */
  rest(): void
  /** Gives up what was started and has not been given to the handler, and returns it. */
  clear(): readonly Item[]
  /** Gives all open calls up and returns their items. */
  abandonAll(): readonly Item[]
  dispose(): void
}

/** Whom a pipeline tells. */
export interface PipelineEvents {
  /** Something has been settled: perhaps nothing is inside any more. */
  settled(): void
  /** `exhausted: 'stop'`. */
  stop(error: ConsumerStoppedError): void
}

/**
 * What happens to every message, in this order and no other: hold and circuit → rate → dedupe → lane → (retry) →
 * deadline → middleware → handler → dead letter → settle. Each step is an object of its own; this is who calls them.
 */
export class Pipeline {
  readonly books: Books = new Books()
  readonly gates: Gates
  readonly reports: Reports
  readonly #settings: FlowSettings
  readonly #events: PipelineEvents
  readonly #turns: Turns
  readonly #failures: Failures
  readonly #settling: Settling
  readonly #keeper: Keeper
  /** May begin as soon as there is room: due again, or their turn has come. */
  readonly #ready = new RingBuffer<Item>()
  #intake!: Intake // given by `connect`, before anything happens
  #runner!: ItemRunner
  #mode: Mode = 'open'
  /** Why what comes from now on is handed back. */
  #endReason: ReturnReason = 'closed'
  #settles = false
  #taking = true
  #pumping = false
  #pumpAgain = false

  constructor(
    settings: FlowSettings,
    place: DeadLetterPlace | undefined,
    reports: Reports,
    events: PipelineEvents,
  ) {
    this.#settings = settings
    this.reports = reports
    this.#events = events
    this.gates = new Gates(settings, reports, () => this.pump())
    this.#turns = new Turns(settings, {
      ready: (item) => this.#ready.push(item),
      duplicate: (item) => this.#duplicate(item),
      unplaced: (item, error) => this.#failures.unplaced(item, error),
    })
    this.#failures = new Failures(settings, place, reports, this.#failureEvents())
    this.#settling = new Settling(this.books, reports, () => this.pump())
    this.#keeper = new Keeper(settings.clock, settings.extendEveryMs, (item) => this.#lost(item))
  }

  /** Gives it the two that know it themselves; `settles` when it is known that messages must be settled. */
  connect(intake: Intake, runner: ItemRunner, settles: boolean): void {
    this.#intake = intake
    this.#runner = runner
    this.#settles = settles
  }

  /** True when messages must be settled, as far as is known: then the end of the subscription takes back what is inside. */
  get settles(): boolean {
    return this.#settles
  }

  /** True when everything was handed back: whatever is still under way does not count. */
  get over(): boolean {
    return this.#mode === 'over'
  }

  /** True when nothing is begun any more. */
  get closed(): boolean {
    return this.#mode !== 'open'
  }

  /** Whether more may come. */
  get taking(): boolean {
    return this.#taking && !this.#intake.ended
  }

  /** Whether an attempt may begin now. */
  get mayBegin(): boolean {
    return this.#mode === 'open' && this.gates.open && this.#runner.free
  }

  /** Begins and takes as much as may be. */
  pump(): void {
    if (this.#pumping) {
      this.#pumpAgain = true
      return
    }
    this.#pumping = true
    do {
      this.#pumpAgain = false
      this.#fill()
    } while (this.#pumpAgain)
    this.#pumping = false
    this.#events.settled()
  }

  /** A message that was asked for has come. */
  arrived(message: Message): void {
    this.gates.pass()
    this.#arrive(message)
    this.pump()
  }

  /** An item is about to be given to the handler. */
  enter(item: Item): void {
    this.#move(item, 'running')
    item.attempt++
    this.books.started++
  }

  handled(item: Item): void {
    this.#settle(item, 'handled')
  }

  failed(item: Item, error: unknown): void {
    this.books.failed++
    this.#failures.failed(item, error)
  }

  /** An item that runs is handed back. */
  giveBack(item: Item, reason: ReturnReason = this.#endReason): void {
    const { delivery, message } = item
    const why = item.lost ? 'lost' : reason
    this.reports.emit('returned', { message, reason: why, again: delivery !== undefined })
    this.#settle(item, 'returned')
  }

  /** Takes nothing more; what is inside goes on. */
  takeNothing(): void {
    this.#taking = false
  }

  /** Begins nothing more; what has not begun is handed back, what runs may still succeed. */
  stop(reason: ReturnReason): void {
    if (this.#mode !== 'open') return
    this.#mode = 'stopping'
    this.#endReason = reason
    this.#handBackWaiting()
  }

  /** Hands everything back, what runs included. */
  end(reason: ReturnReason): void {
    if (this.over) return
    this.#mode = 'over'
    this.#endReason = reason
    this.#handBackWaiting()
    for (const item of this.#runner.abandonAll()) this.giveBack(item)
  }

  /** No timer is left after this. */
  dispose(): void {
    this.#mode = 'over'
    this.gates.dispose()
    this.#keeper.stop()
    this.#runner.dispose()
  }

  #fill(): void {
    while (this.mayBegin) {
      const item = this.#ready.shift()
      if (item !== undefined) {
        this.#start(item)
        continue
      }
      if (!this.#mayTake()) break
      const message = this.#intake.take()
      if (message === undefined) break
      this.gates.pass()
      this.#arrive(message)
    }
    this.#runner.rest()
  }

  #mayTake(): boolean {
    const { lookAhead, retry } = this.#settings
    const { parked, settling } = this.books
    if (!this.#taking) return false
    const room = parked < retry.maxParked && settling < maxSettling && this.#turns.waiting < lookAhead
    return room && this.gates.hasToken()
  }

  #arrive(message: Message): void {
    this.books.received++
    this.books.queued++
    const item = new Item(message)
    if (this.#mode !== 'open') return this.giveBack(item)
    if (item.delivery !== undefined) {
      this.#settles = true
      this.#keeper.add(item)
    }
    this.#turns.take(item)
  }

  #start(item: Item): void {
    if (item.lost) this.giveBack(item)
    else this.#runner.start(item)
  }

  #duplicate(item: Item): void {
    this.reports.emit('duplicate', { message: item.message })
    this.#settle(item, 'duplicates')
  }

  /** The broker delivers it again: work on it here is for nothing. */
  #lost(item: Item): void {
    item.lost = true
    item.call?.abort(new DeliveryLostError(item.message.topic))
  }

  #move(item: Item, place: Item['place']): void {
    this.books[item.place]--
    this.books[place]++
    item.place = place
  }

  #settle(item: Item, fate: Fate): void {
    this.books[item.place]--
    if (item.delivery !== undefined) this.#keeper.remove(item)
    this.#settling.settle(item, fate)
    this.#turns.leave(item, fate)
  }

  #handBackWaiting(): void {
    const waiting: Item[] = []
    this.#ready.shiftInto(waiting, this.#ready.size)
    waiting.push(...this.#runner.clear(), ...this.#failures.clear(), ...this.#turns.clear())
    for (const item of waiting) {
      item.key = undefined // nobody waits behind it any more
      item.id = undefined
      this.giveBack(item)
    }
  }

  #failureEvents(): ConstructorParameters<typeof Failures>[3] {
    return {
      goesOn: (item) => this.#mode === 'open' && !item.lost,
      giveBack: (item) => this.giveBack(item),
      parked: (item) => this.#move(item, 'parked'),
      due: (item) => {
        this.#ready.push(item)
        this.pump()
      },
      buried: (item) => {
        this.#settle(item, 'deadLettered')
        this.pump()
      },
      discarded: (item) => this.#settle(item, 'discarded'),
      failing: (failing) => {
        if (!failing) return this.gates.release('dead-letter')
        this.gates.hold('dead-letter')
        this.#intake.look() // the broker that cannot take it may be the one that has closed
      },
      stop: (error) => this.#events.stop(error),
    }
  }
}
