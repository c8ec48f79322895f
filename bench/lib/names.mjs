// Names as programs have them: written in the source, so flat and known to V8 by identity. A string put
// together at run time is neither until something makes it so, and whoever looks it up first would pay for
// that.

/** The same text as a string that V8 treats like a literal. */
export function literal(name) {
  return Object.keys({ [name]: true })[0]
}

/** `count` topics of one length. */
export function literalTopics(count) {
  return Array.from({ length: count }, (_, i) => literal(`shop-${i % 10}.orders.item-${100_000 + i}`))
}
