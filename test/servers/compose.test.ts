import { expect, it } from 'vitest'
import { readSource } from '../support/source-tree.ts'

// compose.yaml says the same in other words, for people with Docker.

const compose = readSource('compose.yaml').text

it('compose.yaml runs the version of Kafka that pom.xml names', () => {
  const [, version] = /<version>([^<]+)<\/version>/.exec(pom().slice(pom().indexOf('kafka_2.13'))) ?? []
  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(compose).toContain(`image: apache/kafka:${version}\n`)
})

it('compose.yaml gives Kafka the settings of server.properties', () => {
  const settings = [...readSource('test/servers/kafka/server.properties').text.matchAll(/^([a-z.]+)=(.+)$/gm)]
  // The heap of the image has its own size.
  const wanted = settings.filter(([, name]) => name !== 'log.cleaner.dedupe.buffer.size')
  expect(wanted.length).toBeGreaterThan(10)
  const missing = wanted
    .map(([, name = '', value]) => ({ key: `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`, value }))
    .filter(({ key, value }) => !new RegExp(`^ +${key}: '?${value}'?$`, 'm').test(compose))
  expect(missing).toEqual([])
})

function pom(): string {
  return readSource('test/servers/kafka/pom.xml').text
}
