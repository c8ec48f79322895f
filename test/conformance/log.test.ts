import { describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { log } from './transports.ts'

describeConformance({ describe, it }, log)
