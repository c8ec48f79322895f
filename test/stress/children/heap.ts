import { setImmediate } from 'node:timers/promises'

/** Bytes in use after everything unreachable has gone. */
export async function heapBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
  for (let round = 0; round < 3; round++) {
    await setImmediate()
    globalThis.gc()
  }
  return process.memoryUsage().heapUsed
}
