import { afterAll, describe, it } from 'vitest'
import { describeConformance } from '../../src/conformance/index.ts'
import { directory, wal } from './transports.ts'

const { dir, remove } = directory()
afterAll(remove)

const transport = await wal(dir)

describe('the log on disk does what it declares', () => {
  describeConformance({ describe, it }, transport)
})
