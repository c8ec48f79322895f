import type { ClientRecord } from './client.ts'
import type { OutRecord } from './driver.ts'

/** A record in the form in which both clients take it. Headers are bytes: text would be encoded by each its own way. */
export function clientRecord({ headers, key, time, value }: OutRecord): ClientRecord {
  const bytes: Record<string, Buffer> = {}
  for (const name in headers) bytes[name] = Buffer.from(headers[name] ?? '')
  return {
    key: key === undefined ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    headers: bytes,
    timestamp: String(time),
  }
}

/** Says that a value of one byte stands for one of none. */
export const emptyHeader = 'spillway-empty'

/** The native client sends an empty value as none, which is a tombstone: a topic that is compacted would forget the key. */
export function neverEmpty(record: ClientRecord): ClientRecord {
  if (record.value?.length === 0) {
    record.value = Buffer.alloc(1)
    record.headers[emptyHeader] = Buffer.from('1')
  }
  return record
}
