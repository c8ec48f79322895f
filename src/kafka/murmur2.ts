/** The hash by which Java's clients, and librdkafka with `murmur2_random`, choose the partition of a key. */
export function murmur2(data: Uint8Array): number {
  const { length } = data
  const m = 0x5bd1e995
  let hash = 0x9747b28c ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let k =
      byte(data, at) | (byte(data, at + 1) << 8) | (byte(data, at + 2) << 16) | (byte(data, at + 3) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    hash = Math.imul(hash, m) ^ k
  }
  const rest = length - at
  if (rest >= 3) hash ^= byte(data, at + 2) << 16
  if (rest >= 2) hash ^= byte(data, at + 1) << 8
  if (rest >= 1) hash = Math.imul(hash ^ byte(data, at), m)
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  return hash ^ (hash >>> 15)
}

/** The partition of a key among `count`. */
export function partitionOf(key: Uint8Array, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count
}

function byte(data: Uint8Array, at: number): number {
  return data[at] ?? 0
}
