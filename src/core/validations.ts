import { checkSignal } from './abort.ts'
import type { PublishOptions } from './contract.ts'
import { InvalidOptionError } from './errors.ts'
import { type PayloadSchema, validate } from './schema.ts'

/** Checks the options of a publish; throws `InvalidOptionError`. */
export function checkPublishOptions(options: PublishOptions | undefined): void {
  if (options === undefined) return
  const { headers, id } = options
  checkSignal(options.signal)
  if (id !== undefined && (typeof id !== 'string' || id === '')) {
    throw new InvalidOptionError('id', id, 'Give a non-empty string, or leave it out.')
  }
  if (headers === undefined) return
  const prototype: unknown =
    typeof headers === 'object' && headers !== null ? Object.getPrototypeOf(headers) : headers
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidOptionError('headers', headers, 'Give a plain object of strings.')
  }
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string')
      throw new InvalidOptionError(`headers.${name}`, value, 'Headers are strings.')
  }
}

/** Validates payloads on their way from `publish`, so that asynchronous schemas keep the order of their topic. */
export class Validations {
  /** Topics with an asynchronous validation under way: later publishes queue behind it to keep their order. */
  readonly #underWay = new Map<string, Promise<unknown>>()
  /** Ends the publishes that wait for a validation. */
  readonly #ends = new Set<(error: Error) => void>()

  /**
   * Calls `send` with the payload as its schema returns it: now, or when the validation has come through. Throws, or
   * rejects, with `PayloadInvalidError`; rejects with the signal's reason, or with what `end` was given.
   */
  run<Sent>(
    schema: PayloadSchema,
    topic: string,
    payload: unknown,
    signal: AbortSignal | undefined,
    send: (valid: unknown) => Promise<Sent>,
  ): Promise<Sent> {
    const earlier = this.#underWay.get(topic)
    const valid =
      earlier === undefined
        ? validate(schema, topic, payload)
        : earlier.then(() => validate(schema, topic, payload))
    if (!(valid instanceof Promise)) return send(valid)
    const sent = valid.then((late) => {
      signal?.throwIfAborted()
      return send(late)
    })
    const over = valid.then(noop, noop)
    this.#underWay.set(topic, over)
    void over.then(() => {
      if (this.#underWay.get(topic) === over) this.#underWay.delete(topic)
    })
    return this.#unlessEnded(sent, signal)
  }

  /** Rejects everything that waits. `send` may still be called later: it must refuse by itself. */
  end(refusal: () => Error): void {
    for (const end of this.#ends) end(refusal())
  }

  /** Waits for a validation no longer than the signal and the broker live; what it says later has no effect. */
  #unlessEnded<Sent>(sent: Promise<Sent>, signal: AbortSignal | undefined): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const over = (settle: () => void): void => {
        this.#ends.delete(end)
        signal?.removeEventListener('abort', abort)
        settle()
      }
      const abort = (): void => over(() => reject(signal?.reason))
      const end = (error: Error): void => over(() => reject(error))
      this.#ends.add(end)
      signal?.addEventListener('abort', abort)
      sent.then(
        (receipt) => over(() => resolve(receipt)),
        (error: unknown) => over(() => reject(error)),
      )
    })
  }
}

function noop(): void {}
