import { PayloadInvalidError } from './errors.ts'

/** Turns payloads into bytes and back, in place of the built-in encodings. */
export interface PayloadCodec {
  encode(payload: unknown, topic: string): Uint8Array
  decode(bytes: Uint8Array, topic: string): unknown
}

/** The JSON text of a payload. Throws `PayloadInvalidError` for what JSON cannot hold. */
export function toJson(payload: unknown, topic: string): string {
  let text: string | undefined
  let why = 'JSON cannot hold it; publish data, text or bytes, or give a codec'
  try {
    text = JSON.stringify(payload)
  } catch (error) {
    why = `JSON cannot hold it: ${error instanceof Error ? error.message : String(error)}`
  }
  if (text === undefined) throw new PayloadInvalidError(topic, [{ message: why }])
  return text
}
