import { conformance } from './conformance.ts'
import type { Transport } from './contract.ts'

/** What the kit needs of a test runner: those of vitest, node:test, jest and mocha fit. */
export interface Runner {
  readonly describe: (title: string, body: () => void) => unknown
  /** A scenario ends by itself within its deadlines; runners with a timeout of their own should allow for 10 seconds and more. */
  readonly it: (title: string, body: () => Promise<void>) => unknown
}

/**
 * Registers every scenario with a test runner, as `area: title`.
 *
 * @example
 * import { describe, it } from 'node:test'
 * describeConformance({ describe, it }, transport)
 */
export function describeConformance({ describe, it }: Runner, transport: Transport): void {
  describe(`${transport.name} conforms`, () => {
    for (const { name, run, title } of conformance(transport)) it(`${name}: ${title}`, run)
  })
}
