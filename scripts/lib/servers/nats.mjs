import { join } from 'node:path'
import { aptUnpack } from './apt.mjs'
import { cached } from './cache.mjs'
import { findProgram, outputOf } from './find.mjs'

/** Finds or installs nats-server. Undefined when the person's own serves instead and none is here. */
export function setUpNats() {
  const found = findProgram('nats-server')
  if (found === undefined && process.env.SPILLWAY_NATS_URL !== undefined) return undefined
  const command = found ?? join(cached('nats-server', unpack), 'usr', 'sbin', 'nats-server')
  const version = /v?(\d\S*)/.exec(outputOf(command, ['--version']) ?? '')?.[1]
  if (version === undefined) throw new Error(`${command} --version does not work`)
  return { command, version }
}

function unpack(folder) {
  aptUnpack('nats-server', folder, 'nats-server, 2.9 or newer')
}
