// What is stored: values of one size that begin with their number, so that a reader can tell whether it got all
// of them, and in order.

export const topic = 'orders.created'

/** 256 values of `size` bytes, and the same as text for stores that keep text. */
export function valuesOf(size) {
  return Array.from({ length: 256 }, (_, i) => {
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size; at++) bytes[at] = 97 + ((at * 7 + i) % 26)
    bytes[0] = i
    return bytes
  })
}

export function textsOf(size) {
  return valuesOf(size).map((bytes) => bytes.toString('latin1', 1).padStart(size, 'x'))
}

export function sizeName(size) {
  return size < 1024 ? `${size} B` : `${size / 1024} KiB`
}

export const sizes = [100, 1024, 16_384]
