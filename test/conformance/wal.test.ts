import { afterAll, describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { directory, wal } from './transports.ts'

const { dir, remove } = directory()
afterAll(remove)

describeConformance({ describe, it }, await wal(dir))
