import type { StandardSchemaV1 } from '@standard-schema/spec'
import { expectTypeOf, it } from 'vitest'
import type { PayloadSchema } from '../../src/index.ts'

it('any Standard Schema may validate payloads', () => {
  expectTypeOf<StandardSchemaV1>().toExtend<PayloadSchema>()
  expectTypeOf<StandardSchemaV1<string, number>>().toExtend<PayloadSchema>()
})
