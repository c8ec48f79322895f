import { isThenable } from '../core/thenable.ts'
import type { ConsumerEvents, ConsumerObserver } from './observer.ts'

/** Tells the observer. Where nobody observes what must not go unseen, the console is told. */
export class Reports {
  readonly #observer: ConsumerObserver
  readonly #name: string
  #warned = false

  constructor(observer: ConsumerObserver, name: string) {
    this.#observer = observer
    this.#name = name
  }

  /** Callers ask first, so that nobody observing costs no object. */
  wants(event: keyof ConsumerEvents): boolean {
    return this.#observer[event] !== undefined
  }

  emit<Name extends keyof ConsumerEvents>(name: Name, event: ConsumerEvents[Name]): void {
    const listen = this.#observer[name]
    if (listen === undefined) return
    const failed = (error: unknown): void => {
      // An observer that fails at hearing of failures is on its own.
      if (name !== 'callbackError') this.emit('callbackError', { callback: `observer.${name}`, error })
    }
    try {
      const result: unknown = listen.call(this.#observer, event)
      if (isThenable(result)) Promise.resolve(result).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** A handler that fails unseen is the silence this library is against; but one warning is enough to find the cure. */
  handlerError(event: ConsumerEvents['handlerError']): void {
    if (this.wants('handlerError')) return this.emit('handlerError', event)
    if (this.#warned) return
    this.#warned = true
    console.warn(
      `Spillway: a handler of the consumer on ${this.#name} failed and nobody observes handlerError: ` +
        `${textOf(event.error)}. Give it { observer: { handlerError } } to hear of all of them; this is said once.`,
    )
  }

  deadLetterFailed(event: ConsumerEvents['deadLetterFailed']): void {
    if (this.wants('deadLetterFailed')) return this.emit('deadLetterFailed', event)
    if (event.tries > 1) return
    console.warn(
      `Spillway: the consumer on ${this.#name} waits, because a dead letter cannot be published: ${textOf(event.error)}`,
    )
  }

  ended(error: unknown): void {
    if (this.wants('ended')) this.emit('ended', { error })
    else if (error !== undefined)
      console.warn(`Spillway: the consumer on ${this.#name} has ended: ${textOf(error)}`)
  }
}

/** What an error says, whatever was thrown. */
export function textOf(error: unknown): string {
  try {
    return String(error)
  } catch {
    return 'a value that cannot be shown'
  }
}
