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

  constructor(schemas: Readonly<Record<string, PayloadSchema>> | undefined) {
    this.#schemas = schemas === undefined ? undefined : new SchemaTable(schemas)
  }

  get open(): boolean {
    return this.#open
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
      checkTopic(topic)
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
