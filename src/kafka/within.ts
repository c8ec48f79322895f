import type { Clock } from '../core/clock.ts'

/** Waits for a promise, but not longer than so many milliseconds; what it then comes to is nobody's concern. */
export async function within(clock: Clock, promise: Promise<unknown>, ms: number): Promise<void> {
  let cancel: () => void = () => undefined
  const late = new Promise<void>((resolve) => {
    cancel = clock.schedule(resolve, ms)
  })
  await Promise.race([promise.then(ignore, ignore), late])
  cancel()
}

/** How long the end of a client is waited for, in milliseconds: without a server some take minutes. */
export const endMs = 3000

function ignore(): void {}
