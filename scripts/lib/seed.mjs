import { randomInt } from 'node:crypto'

/** A seed nobody chose. The tests read it from SPILLWAY_SEED. */
export function freshSeed() {
  return String(randomInt(2 ** 31))
}
