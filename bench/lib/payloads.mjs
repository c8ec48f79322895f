// The payloads that benchmarks publish in turn: 256 objects, made once.

export const payloads = Array.from({ length: 256 }, (_, i) => ({ value: i + 1, name: `payload-${i}` }))
export const payloadMask = payloads.length - 1

/** The sum of the values of the first `count` payloads in turn. */
export function sumOfPayloads(count) {
  let sum = 0
  for (let i = 0; i < count; i++) sum = (sum + payloads[i & payloadMask].value) | 0
  return sum
}
