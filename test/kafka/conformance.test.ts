import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { engineNames, kafka } from './transport.ts'

vi.setConfig({ testTimeout: 90_000 }) // a server that is killed is back after seconds

describe.each(engineNames)('Kafka by %s does what it declares', (name) => {
  const { end, start, transport } = kafka(name)
  beforeAll(start)
  afterAll(end)

  describeConformance({ describe, it }, transport)
})
