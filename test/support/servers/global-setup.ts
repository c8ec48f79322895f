import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { type KafkaServer, patient, startKafka } from './kafka.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for the Kafka broker that they share. */
    kafkaLender: string
  }
}

/**
 * Lends one Kafka broker to all test files of a run. It is started for the first that asks, so a run without such a
 * file does not wait for it, and it is gone when the run ends.
 */
export default async function lendKafka(project: TestProject): Promise<() => Promise<void>> {
  let broker: Promise<KafkaServer> | undefined
  const lender = createServer((_request, response) => {
    broker ??= startKafka({ properties: patient })
    broker.then(
      ({ brokers, version }) => response.end(JSON.stringify({ brokers, version })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => {
    lender.listen(0, '127.0.0.1', resolve)
  })
  lender.unref()
  project.provide('kafkaLender', `http://127.0.0.1:${(lender.address() as AddressInfo).port}`)
  return async () => {
    lender.closeAllConnections()
    lender.close()
    const started = await broker?.catch(() => undefined)
    await started?.dispose()
  }
}
