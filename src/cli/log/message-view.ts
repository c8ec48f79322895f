import process from 'node:process'
import type { StoredMessage } from '../../wal/index.ts'
import type { Paint } from '../paint.ts'
import { recordLine } from './record-line.ts'

export type MessageFormat = 'ndjson' | 'pretty' | 'raw'

/** How messages are shown: for people on a terminal, as JSON lines in a pipe, unless one is asked for. */
export function formatFor(options: {
  readonly json?: boolean
  readonly raw?: boolean
  readonly pretty?: boolean
}): MessageFormat {
  if (options.raw === true) return 'raw'
  if (options.json === true) return 'ndjson'
  return options.pretty === true || process.stdout.isTTY ? 'pretty' : 'ndjson'
}

export function showMessage(
  message: StoredMessage,
  format: MessageFormat,
  paint: Paint,
): string | Uint8Array {
  if (format === 'ndjson') return `${JSON.stringify(recordLine(message))}\n`
  if (format === 'raw') return rawOf(message.payload)
  const { headers, key, offset, payload, time, topic } = message
  const about = [
    new Date(time).toISOString().slice(11, 23),
    ...(key === undefined ? [] : [`key=${key}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}=${value}`),
  ]
  const value = payload instanceof Uint8Array ? bytesText(payload) : textOf(payload)
  return `${paint.bold(topic)} #${offset} ${paint.dim(about.join(' '))} ${value}\n`
}

function textOf(payload: unknown): string {
  if (payload === undefined) return '(nothing)'
  return typeof payload === 'string' ? payload : JSON.stringify(payload)
}

function bytesText(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 32)).toString('hex')
  return `(${bytes.length} bytes) ${start}${bytes.length > 32 ? '…' : ''}`
}

function rawOf(payload: unknown): string | Uint8Array {
  if (payload instanceof Uint8Array) return Buffer.concat([payload, Buffer.from('\n')])
  return payload === undefined ? '\n' : `${textOf(payload)}\n`
}
