/**
 * When things happen, in seconds from the start. Publish n is due at n/λ and poll n at n/M, both from 1 and up to and
 * including T; M = mμ because the members of a group poll in turn. Of a poll and a publish at the same instant the
 * poll comes first. The products are rounded, so a count is set right by the quotients, which a schedule really has.
 */

/** How many of 1/rate, 2/rate, … are at or before `seconds`; none at rate 0. */
export function countUpTo(rate: number, seconds: number): number {
  if (rate === 0) return 0
  let count = Math.floor(rate * seconds)
  while (count > 0 && count / rate > seconds) count--
  while ((count + 1) / rate <= seconds) count++
  return count
}

/** How many of 1/rate, 2/rate, … are before `seconds`. */
export function countBefore(rate: number, seconds: number): number {
  const count = countUpTo(rate, seconds)
  return count > 0 && count / rate === seconds ? count - 1 : count
}
