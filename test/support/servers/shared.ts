import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { startNats } from './nats.ts'

/** A Kafka to connect to. Others use it too: name topics and groups with `uniqueName`. */
export interface SharedKafka {
  readonly brokers: readonly string[]
  /** Undefined for a Kafka that the person runs: clients are not told. */
  readonly version: string | undefined
}

/** The Kafka of SPILLWAY_KAFKA_BROKERS, or else the one broker that all test files of this run share. */
export async function sharedKafka(): Promise<SharedKafka> {
  const given = process.env['SPILLWAY_KAFKA_BROKERS']
  if (given !== undefined) return { brokers: given.split(','), version: undefined }
  const answer = await fetch(inject('kafkaLender'))
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return JSON.parse(text) as SharedKafka
}

/** A NATS server with JetStream to connect to. */
export interface SharedNats {
  readonly url: string
  readonly dispose: () => Promise<void>
}

/** The server of SPILLWAY_NATS_URL, or else a private one. Name streams and subjects with `uniqueName`. */
export async function sharedNats(): Promise<SharedNats> {
  const given = process.env['SPILLWAY_NATS_URL']
  if (given !== undefined) return { url: given, dispose: () => Promise.resolve() }
  const server = await startNats()
  return { url: server.url, dispose: () => server.dispose() }
}

/** A name that nobody else uses on a shared server. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`
}
