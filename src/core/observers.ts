import type { BrokerEvents, Observer } from './observer.ts'
import { isThenable } from './thenable.ts'

interface Entry {
  readonly observer: Observer
}

/** Delivers broker events to observers. Callers ask `wants` first, so that nobody observing costs one field read. */
export class Observers {
  #all: readonly Entry[] = []
  readonly #dropsObserved: (observed: boolean) => void
  /** Somebody hears of drops: mailboxes must decide at publish time. */
  dropped = false
  /** Somebody hears of unrouted messages. */
  unrouted = false

  constructor(dropsObserved: (observed: boolean) => void) {
    this.#dropsObserved = dropsObserved
  }

  add(observer: Observer): Disposable {
    const entry = { observer } // the same observer may be added twice and removed once
    this.#replace([...this.#all, entry])
    return { [Symbol.dispose]: () => this.#replace(this.#all.filter((other) => other !== entry)) }
  }

  wants(name: keyof BrokerEvents): boolean {
    return this.#all.length > 0 && this.#all.some(({ observer }) => observer[name] !== undefined)
  }

  emit<Name extends keyof BrokerEvents>(name: Name, event: BrokerEvents[Name]): void {
    for (const entry of this.#all) this.#call(entry, name, event)
  }

  /** Calls a user's callback. What it throws, or rejects with, is reported and goes no further. */
  guard(name: string, call: () => unknown): void {
    const failed = (error: unknown): void => this.reportFailure(name, error)
    try {
      const result = call()
      if (isThenable(result)) Promise.resolve(result).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Reports what a user's callback threw; it must not travel into whoever happened to run it. */
  reportFailure(callback: string, error: unknown): void {
    this.emit('callbackError', { callback, error })
  }

  /** Reports a warning; to the console where nobody observes warnings, because a warning nobody sees is none. */
  warn(event: BrokerEvents['warning']): void {
    if (this.wants('warning')) this.emit('warning', event)
    else console.warn(`Spillway: ${event.text}`)
  }

  #call<Name extends keyof BrokerEvents>(entry: Entry, name: Name, event: BrokerEvents[Name]): void {
    const { observer } = entry
    const listen = observer[name]
    if (listen === undefined) return
    const failed = (error: unknown): void => {
      if (name === 'callbackError') return // an observer that fails at hearing of failures is on its own
      for (const other of this.#all) {
        if (other !== entry) this.#call(other, 'callbackError', { callback: `observer.${name}`, error })
      }
    }
    try {
      const result: unknown = listen.call(observer, event)
      if (isThenable(result)) Promise.resolve(result).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #replace(all: readonly Entry[]): void {
    this.#all = all
    this.unrouted = all.some(({ observer }) => observer.unrouted !== undefined)
    const dropped = all.some(({ observer }) => observer.dropped !== undefined)
    if (dropped === this.dropped) return
    this.dropped = dropped
    this.#dropsObserved(dropped)
  }
}
