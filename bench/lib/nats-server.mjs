// A nats-server for one case of a benchmark: it ends with the process of the case.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../scripts/lib/servers/find.mjs'

let started

/** Its address, or that of the one in SPILLWAY_NATS_URL. */
export function natsServer() {
  started ??= start()
  return started
}

async function start() {
  if (process.env.SPILLWAY_NATS_URL !== undefined) return process.env.SPILLWAY_NATS_URL
  const command = findProgram('nats-server')
  if (command === undefined)
    throw new Error('There is no nats-server here. Run: node scripts/set-up.mjs --servers')
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'spillway-nats-'))
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder]
  const server = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  process.once('exit', () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await new Promise((resolve, reject) => {
    server.stderr.on('data', (lines) => String(lines).includes('Server is ready') && resolve())
    server.once('exit', (exitCode) => reject(new Error(`nats-server ended with exit code ${exitCode}`)))
  })
  return `127.0.0.1:${port}`
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
