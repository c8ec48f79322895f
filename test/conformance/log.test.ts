import { describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { log } from './transports.ts'

describe('the log in memory does what it declares', () => {
  describeConformance({ describe, it }, log)
})
