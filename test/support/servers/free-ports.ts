import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below the ports that systems give to outgoing connections (32768 and up on Linux). While a test has its server down,
// a port up there could be taken by any connection, even by the client that dials it: TCP then connects it to itself.
const lowest = 10_000
const highest = 32_000

/** Different ports of 127.0.0.1 that nobody listens on now. Somebody may take one before it is used: then try again. */
export async function freePorts<const Names extends readonly string[]>(
  ...names: Names
): Promise<Record<Names[number], number>> {
  const chosen = new Map<number, string>()
  for (const name of names) {
    let port = randomInt(lowest, highest)
    while (chosen.has(port) || !(await isFree(port))) port = randomInt(lowest, highest)
    chosen.set(port, name)
  }
  return Object.fromEntries([...chosen].map(([port, name]) => [name, port])) as Record<Names[number], number>
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
