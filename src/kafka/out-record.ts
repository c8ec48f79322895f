import type { ClientRecord } from './client.ts'
import type { OutRecord } from './driver.ts'

/** So near the time at which it is sent the time of a publish is not worth the client's work on it. */
const closeMs = 20

/** A record in the form in which both clients take it. Headers are bytes: text would be encoded by each its own way. */
export function clientRecord({ headers, key, time, value }: OutRecord, nowMs?: number): ClientRecord {
  const record: ClientRecord = {
    key: key === undefined ? null : Buffer.from(key),
    value:
      value === null || Buffer.isBuffer(value)
        ? value
        : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  }
  if (nowMs === undefined || Math.abs(nowMs - time) > closeMs) record.timestamp = String(time)
  if (headers === undefined) return record
  record.headers = {}
  for (const name in headers) record.headers[name] = Buffer.from(headers[name] ?? '')
  return record
}

/** Says that a value of one byte stands for one of none. */
export const emptyHeader = 'spillway-empty'

/** The native client sends an empty value as none, which is a tombstone: a topic that is compacted would forget the key. */
export function neverEmpty(record: ClientRecord): ClientRecord {
  if (record.value?.length === 0) {
    record.value = Buffer.alloc(1)
    record.headers = { ...record.headers, [emptyHeader]: Buffer.from('1') }
  }
  return record
}
