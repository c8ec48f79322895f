import { afterAll, beforeAll, describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { wal } from './transports.ts'

const { end, start, transport } = wal('inline')
beforeAll(start)
afterAll(end)

describe('the log on disk does what it declares', () => {
  describeConformance({ describe, it }, transport)
})
