import { deserialize, serialize } from 'node:v8'
import type { Message } from '../../core/message.ts'

/** A message as it waits on the disk, read back by the same process or a later one: what a structured clone keeps. */
export function encodeMessage(message: Message): Buffer {
  return serialize(plain(message))
}

export function decodeMessage(bytes: Uint8Array): Message {
  // A copy: binary payloads come back as views of what they are read from, which will be written to again.
  const message = deserialize(Buffer.from(bytes)) as Message
  return Object.freeze({ ...message, headers: Object.freeze(message.headers) })
}

/** The properties of the contract and those of the broker; some are made only when they are asked for. */
export function plain(message: Message & { readonly toJSON?: () => Message }): Message {
  return message.toJSON === undefined ? message : message.toJSON()
}
