/** The client gives a Buffer, which differs from what was published in `slice`, `toJSON` and `toString`. */
export function plainBytes(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length)
}
