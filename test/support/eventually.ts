import { setTimeout } from 'node:timers/promises'

/** Looks again and again until the probe returns something other than undefined or false; gives up loudly. */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 10_000, everyMs = 15 }: { readonly withinMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`still not after ${withinMs} ms: ${probe.toString()}`)
    await setTimeout(everyMs)
  }
}
