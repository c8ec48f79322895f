import { describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { memory } from './transports.ts'

describe('the broker in memory does what it declares', () => {
  describeConformance({ describe, it }, memory)
})
