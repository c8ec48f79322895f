// The real servers that tests and benchmarks talk to: set-up installs what is missing. Only `npm test` and `npm run
// bench` need them; `npm start` does not.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './run.mjs'
import { setUpKafkaEngine } from './servers/kafka-engine.mjs'
import { setUpKafka } from './servers/kafka.mjs'
import { setUpNats } from './servers/nats.mjs'

// What the fixtures in test/support/servers read.
const listFile = join(root, 'node_modules', '.cache', 'spillway', 'servers.json')

/**
 * Installs what is missing, or ends this process and says what the person has to install. For a server that the person
 * runs already, named by SPILLWAY_NATS_URL or SPILLWAY_KAFKA_BROKERS, nothing is installed.
 */
export async function setUpServers() {
  const servers = { nats: setUpNats(), kafka: await setUpKafka(), engine: setUpKafkaEngine() }
  mkdirSync(dirname(listFile), { recursive: true })
  writeFileSync(listFile, `${JSON.stringify(servers, undefined, 2)}\n`)
  return servers
}

/** Says which real servers the tests will use, so that no test can be left out silently. */
export function describeServers({ nats, kafka, engine }) {
  const { SPILLWAY_KAFKA_BROKERS: brokers, SPILLWAY_NATS_URL: natsUrl } = process.env
  const used = [
    natsUrl && `NATS at ${natsUrl} (SPILLWAY_NATS_URL)`,
    nats && `nats-server ${nats.version} (${nats.command})`,
    brokers && `Kafka at ${brokers} (SPILLWAY_KAFKA_BROKERS)`,
    kafka && `Apache Kafka ${kafka.version} on Java ${kafka.javaVersion}`,
  ]
  const kafkajs = JSON.parse(
    readFileSync(join(root, 'node_modules', 'kafkajs', 'package.json'), 'utf8'),
  ).version
  const engines = [`kafkajs ${kafkajs}`, `${engine.name} ${engine.version} (librdkafka ${engine.librdkafka})`]
  return `real servers used: ${used.filter(Boolean).join(', ')}; Kafka engines: ${engines.join(', ')}`
}
