import { afterAll, beforeAll, describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { coreNats } from './transport.ts'

const { end, start, transport } = coreNats()
beforeAll(start)
afterAll(end)

describeConformance({ describe, it }, transport)
