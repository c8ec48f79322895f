// How many bytes things keep alive. Needs --expose-gc, which every case runs with.

/** Bytes on the heap after everything unreachable has gone. */
export function heapUsed() {
  for (let i = 0; i < 4; i++) globalThis.gc()
  return process.memoryUsage().heapUsed
}
