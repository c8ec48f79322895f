import type { PublishOptions } from '../core/contract.ts'
import { BrokerClosedError } from '../core/errors.ts'
import { type PayloadSchema, SchemaTable } from '../core/schema.ts'
import { checkTopic } from '../core/topic.ts'
import { checkPublishOptions, Validations } from '../core/validations.ts'

/** What every publish to a server passes before it is sent: the topic, the options, the schema, and an open broker. */
export class PublishGate {
  readonly #schemas: SchemaTable | undefined
  readonly #validations = new Validations()
  #open = true
  /** Looking at every character of the same topic again would be the dearest part of many a publish. */
  #lastTopic: string | symbol = Symbol('none yet')

  constructor(schemas: Readonly<Record<string, PayloadSchema>> | undefined) {
    this.#schemas = schemas === undefined ? undefined : new SchemaTable(schemas)
  }

  get open(): boolean {
    return this.#open
  }

  /** True when a publish without options to this topic has nothing to be refused for, and no schema to pass. */
  clears(topic: string): boolean {
    return topic === this.#lastTopic && this.#schemas === undefined && this.#open
  }

  /** Calls `send` with the payload as its schema returns it. Never throws: whatever is wrong is a rejection. */
  pass<Sent>(
    topic: string,
    payload: unknown,
    options: PublishOptions | undefined,
    send: (payload: unknown) => Promise<Sent>,
  ): Promise<Sent> {
    try {
      if (!this.#open) throw new BrokerClosedError('publish')
      if (topic !== this.#lastTopic) checkTopic(topic)
      this.#lastTopic = topic
      if (options !== undefined) {
        checkPublishOptions(options)
        options.signal?.throwIfAborted()
      }
      const schema = this.#schemas?.find(topic)
      if (schema === undefined) return send(payload)
      return this.#validations.run(schema, topic, payload, options?.signal, (valid) => {
        if (!this.#open) throw new BrokerClosedError('publish')
        return send(valid)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Refuses everything from now on with `BrokerClosedError`. Idempotent. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#validations.end(() => new BrokerClosedError('publish'))
  }
}
