import { afterAll, beforeAll, describe, it } from 'vitest'
import { describeConformance } from '../../../src/conformance/index.ts'
import { jetStream } from './transport.ts'

const { end, start, transport } = jetStream()
beforeAll(start)
afterAll(end)

describeConformance({ describe, it }, transport)
