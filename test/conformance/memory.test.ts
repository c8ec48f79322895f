import { describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { memory } from './transports.ts'

describeConformance({ describe, it }, memory)
